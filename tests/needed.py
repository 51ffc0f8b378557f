"""What a test needs of the machine: where it is missing a local run skips the test, and CI fails."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def give_up(reason: str) -> NoReturn:
    """End the test because of what is missing: it is skipped, or fails where the environment says CI."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and CI is set", pytrace=False)
    pytest.skip(reason)


def program(name: str, package: str) -> str:
    """Return the path of a program that Debian has in a package; without it the test ends."""
    found = shutil.which(name)
    return give_up(f"no {name}: Debian has it in the package {package}") if found is None else found
