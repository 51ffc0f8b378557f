"""Says where Segment reads a trigger differently from what it seems to say."""

from __future__ import annotations

from dataclasses import dataclass

from processor.mapping.triggers import strict
from processor.mapping.triggers.readings import Readings, readings


@dataclass(frozen=True, slots=True)
class Difference:
    """A place where a trigger does not say what Segment reads.

    `position` counts characters of the trigger from zero. `readings` are of the whole trigger, and so is `instead`, the
    line to use where one can be told; the several differences of one trigger share them.
    """

    problem: str
    position: int
    readings: Readings
    instead: str | None

    def __str__(self) -> str:
        """Return one line for a person."""
        segment, says = self.readings
        parts = [f"at character {self.position + 1}: {self.problem}"]
        parts.append("Segment makes nothing of it" if segment is None else f"Segment reads: {segment}")
        parts += [] if says is None else [f"it seems to say: {says}"]
        parts += [] if self.instead is None else [f"use instead: {self.instead}"]
        return "; ".join(parts)


def lint(text: str) -> list[Difference]:
    """Return the differences between Segment's reading of a trigger and what it seems to say, in the order found.

    Empty when both agree. Behind a slip that cannot be mended alone nothing more is found. What no reader of the text
    can see stays: for a value that is absent or of another type `!contains`, `!match` and `!=` with a number are false
    in Segment's triggers.
    """
    both = readings(text)
    if both.segment is not None and both.segment == both.says:
        return []
    return [Difference(slip.problem, slip.position, both, slip.instead) for slip in strict.slips(text)]
