"""The sound parts of a destination that is refused, so that their other faults are shown in the same run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from processor.config.problems import Path

_SUBSCRIPTIONS: Final = "subscriptions"
_NEEDED: Final = frozenset({"type", "settings"})
"""Without these the vendor cannot say anything."""
_ANY_START: Final = "latest"
"""Where a destination begins has no bearing on whether it fits its vendor."""


@dataclass(frozen=True, slots=True)
class SoundParts:
    """A destination's value without what is faulty. `kept` are the positions that its subscriptions had."""

    value: dict[str, Any]
    kept: tuple[int, ...]

    def original(self, path: Path) -> Path:
        """Return a path within the sound parts as it was before some were left out."""
        match path:
            case ("subscriptions", int(index), *rest) if index < len(self.kept):
                return (_SUBSCRIPTIONS, self.kept[index], *rest)
        return path


def sound_parts(value: object, faults: Sequence[Path]) -> SoundParts | None:
    """Return what is left of a destination without its faulty parts, None where too little is left.

    `faults` are the places of the faults, relative to the destination. Of a list of subscriptions only the faulty ones
    are left out.
    """
    faulty = {fault[0] for fault in faults if fault}
    if not isinstance(value, dict) or not value.keys() >= _NEEDED or faulty & _NEEDED or () in faults:
        return None
    parts = {key: part for key, part in value.items() if key not in faulty}
    subscriptions = value.get(_SUBSCRIPTIONS)
    kept: list[int] = []
    if isinstance(subscriptions, list):
        bad = {step for fault in faults if fault[0] == _SUBSCRIPTIONS for step in fault if isinstance(step, int)}
        kept = [index for index in range(len(subscriptions)) if index not in bad]
        parts[_SUBSCRIPTIONS] = [subscriptions[index] for index in kept]
    return SoundParts({"start": _ANY_START, **parts}, tuple(kept))
