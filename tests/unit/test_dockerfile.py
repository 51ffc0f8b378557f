"""The Dockerfile keeps the rules of hadolint, and the promises that the image makes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.image.build import base_name
from tests.markdown_pages import ROOT
from tests.needed import give_up

DOCKERFILE = ROOT / "Dockerfile"


def hadolint() -> str:
    """Return the program; without it the test is skipped, or fails where it must be there."""
    found = shutil.which("hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    return give_up("no hadolint: pip install -e '.[dev]'") if found is None else found


def linted(text: str) -> subprocess.CompletedProcess[str]:
    """Return what hadolint says of a Dockerfile, remarks of style included."""
    command = [hadolint(), "--no-color", "--failure-threshold", "style", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)


def test_hadolint_finds_nothing() -> None:
    """No rule is switched off, in the file or beside it."""
    text = DOCKERFILE.read_text()
    found = linted(text)
    assert (found.returncode, found.stdout) == (0, "")
    assert "hadolint ignore" not in text
    assert not list(ROOT.glob(".hadolint.y*ml"))


def test_hadolint_would_find_something() -> None:
    """The test above can fail."""
    assert "DL3002" in linted(DOCKERFILE.read_text().replace("USER 10001:10001", "USER root")).stdout


def test_the_image_is_what_the_pages_say() -> None:
    """Two stages from one base, wheels checked by hash, a numeric user, and SIGTERM for Python itself."""
    text = DOCKERFILE.read_text()
    assert re.findall(r"^FROM (\S+)", text, re.MULTILINE) == ["${PYTHON_IMAGE}", "${PYTHON_IMAGE}"]
    assert base_name().startswith("docker.io/library/python:")
    assert text.count("--require-hashes") == 2
    assert re.search(r"^USER \d+:\d+$", text, re.MULTILINE)
    assert 'ENTRYPOINT ["segment-bridge"]' in text
