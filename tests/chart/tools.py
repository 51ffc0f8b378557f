"""Programs that some tests of the chart need."""

from __future__ import annotations

import os
import shutil

import pytest


def require(name: str, origin: str) -> str:
    """Return where a program is; without it the test is skipped, or fails where everything must be there."""
    found = shutil.which(name)
    if found is not None:
        return found
    if os.environ.get("CI"):
        pytest.fail(f"no {name}, which is in {origin}, and CI is set", pytrace=False)
    pytest.skip(f"no {name}, which is in {origin}")
