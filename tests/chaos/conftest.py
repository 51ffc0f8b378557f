"""Fixtures of the tests under faults."""

from __future__ import annotations

import os
import random

import pytest


@pytest.fixture
def seed() -> int:
    """Return the seed of a run's choices: `SEED` of the environment, or a new one, printed for a repetition."""
    chosen = int(os.environ.get("SEED") or random.randrange(2**31))
    print(f"seed {chosen}: SEED={chosen} repeats this run")  # noqa: T201 - pytest shows it when the test fails
    return chosen
