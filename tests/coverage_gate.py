"""Holds measured coverage against the thresholds of pyproject.toml: all of what decides, most of everything.

coverage run -m pytest … && python tests/coverage_gate.py
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def thresholds(pyproject: Path = ROOT / "pyproject.toml") -> dict[str, Any]:
    """Return the project's own table of pyproject.toml."""
    found: dict[str, Any] = tomllib.loads(pyproject.read_text(encoding="utf-8"))["tool"]["segment-bridge"]
    return found


def report_arguments(wanted: dict[str, Any]) -> list[list[str]]:
    """Return the arguments of `coverage report` that fail when a threshold is missed: the deciders', then overall."""
    return [
        [f"--include={','.join(wanted['deciders'])}", f"--fail-under={wanted['decider_coverage_percent']}"],
        [f"--fail-under={wanted['overall_coverage_percent']}"],
    ]


def main() -> int:
    """Return 0 when both thresholds are kept; print what is missing."""
    codes = [
        subprocess.run([sys.executable, "-m", "coverage", "report", *arguments], check=False, cwd=ROOT).returncode
        for arguments in report_arguments(thresholds())
    ]
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main())
