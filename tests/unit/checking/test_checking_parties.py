"""Parties that are asked at once: one deadline for all, and nothing that was said is lost."""

from __future__ import annotations

import threading
import time

import pytest

from processor.checking.findings import Findings
from processor.checking.parties import ask_parties
from processor.errors import ConfigError, InvariantError
from processor.source.deadline import Deadline


def test_silence_of_one_costs_the_deadline_once_and_loses_nothing() -> None:
    """What a party said before it fell silent is told, in the order of the parties."""
    released = threading.Event()

    def silent(found: Findings, _deadline: Deadline) -> None:
        found.warnings.append("first")
        released.wait(30)

    def quick(found: Findings, deadline: Deadline) -> None:
        assert deadline.left_s > 0
        found.warnings.append("second")

    def wrong(found: Findings, _deadline: Deadline) -> None:
        found.notes.append("third")
        raise ConfigError("no such file")

    began_s = time.monotonic()
    found = ask_parties({"one": silent, "two": silent, "three": quick, "four": wrong}, 0.2)
    assert time.monotonic() - began_s < 10
    assert found.warnings == ["first", "first", "second"]
    assert found.silent == ["one: no answer within 0.2 s", "two: no answer within 0.2 s"]
    assert (found.problems, found.notes) == (["no such file"], ["third"])
    released.set()


def test_a_bug_is_raised() -> None:
    """It is not taken for silence."""

    def broken(_found: Findings, _deadline: Deadline) -> None:
        raise InvariantError("a bug")

    with pytest.raises(InvariantError, match="a bug"):
        ask_parties({"one": broken}, 5)
