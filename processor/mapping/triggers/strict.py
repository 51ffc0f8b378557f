"""Triggers that say what Segment reads in them, and what is wrong with those that do not."""

from __future__ import annotations

from typing import Final, NamedTuple

from processor.mapping.triggers.errors import TriggerError
from processor.mapping.triggers.portable import portable
from processor.mapping.triggers.strict_parser import read
from processor.mapping.triggers.terms import Term

_MAX_SLIPS: Final = 20
"""A trigger with more slips than this is better written anew."""


class Slip(NamedTuple):
    """What is wrong at a place of a trigger, and a whole trigger to use instead, where one can be told."""

    problem: str
    position: int
    instead: str | None


def parse(text: str) -> Term:
    """Return the tree of a trigger.

    Raises:
        TriggerError: it does not parse, or Segment would read it differently from what it says. The trigger to use
            instead, where one can be told, does parse.
    """
    try:
        return read(text)
    except TriggerError:
        problem, position, instead = slips(text)[0]
        raise TriggerError(problem, position=position, instead=instead) from None


def slips(text: str) -> list[Slip]:
    """Return the slips of a trigger, each with its place in the text and one line to use instead, for all of them.

    A slip is found when those before it are mended, so the list ends early with one that has no mending of its own.
    """
    found: list[tuple[str, int]] = []
    current: str | None = text
    edits: list[_Edit] = []
    while current is not None and (slip := _slip(current)) is not None:
        found.append((slip.problem, _original(slip.position, edits)))
        if slip.instead is not None:
            edits.append(_Edit(_kept(current, slip.instead), len(slip.instead) - len(current)))
        current = slip.instead if len(found) < _MAX_SLIPS else None
    instead = _proposed(text) if current is None else current
    return [Slip(problem, position, instead) for problem, position in found]


class _Edit(NamedTuple):
    """How a text was mended: how much of its start stayed, and by how much it grew behind that."""

    kept: int
    growth: int


def _kept(before: str, after: str) -> int:
    """Return how many characters two texts have in common at their start."""
    pairs = enumerate(zip(before, after, strict=False))
    return next((index for index, (old, new) in pairs if old != new), min(len(before), len(after)))


def _original(position: int | None, edits: list[_Edit]) -> int:
    """Return where in the text of before these edits a position of the mended text was."""
    place = 0 if position is None else position
    for edit in reversed(edits):
        if place > edit.kept:
            place = max(edit.kept, place - edit.growth)
    return place


def _slip(text: str) -> TriggerError | None:
    """Return the first slip of a trigger, None when it has none."""
    try:
        read(text)
    except TriggerError as error:
        return error
    return None


def _proposed(text: str) -> str | None:
    """Return another trigger that says what the text seems to say, None when that has slips of its own."""
    proposal = portable(text)
    return proposal if proposal is not None and _slip(proposal) is None else None
