"""The sound parts of a destination that is refused, so that their other faults are shown in the same run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from processor.config.problems import Path
from processor.config.secret import Secret
from processor.config.shape import spellings

_SUBSCRIPTIONS: Final = "subscriptions"
_SETTINGS: Final = "settings"
_ANY_SECRET: Final = Secret("stand-in")
_ANY_START: Final = "latest"
"""Where a destination begins has no bearing on whether it fits its vendor."""


@dataclass(frozen=True, slots=True)
class SoundParts:
    """A destination's value without what is faulty.

    `kept` are the positions that its subscriptions had. Where `is_vendor_guessed`, settings that the vendor needs are
    stood in for, so what it says of its settings as a whole says nothing about the file.
    """

    value: dict[str, Any]
    kept: tuple[int, ...]
    is_vendor_guessed: bool

    def original(self, path: Path) -> Path:
        """Return a path within the sound parts as it was before some were left out."""
        match path:
            case ("subscriptions", int(index), *rest) if index < len(self.kept):
                return (_SUBSCRIPTIONS, self.kept[index], *rest)
        return path


def sound_parts(value: object, faults: Sequence[Path], model: type[BaseModel]) -> SoundParts | None:
    """Return what is left of a destination without its faulty parts, None where its type is among them.

    `faults` are the places of the faults, relative to the destination. Of a list of subscriptions and of the vendor's
    settings only the faulty ones are left out; those that their `model` needs get a stand-in.
    """
    faulty = {fault[0] for fault in faults if fault}
    if not isinstance(value, dict) or "type" not in value or "type" in faulty or () in faults:
        return None
    parts = {key: part for key, part in value.items() if key not in faulty}
    subscriptions = value.get(_SUBSCRIPTIONS)
    kept: list[int] = []
    if isinstance(subscriptions, list):
        bad = {_position(fault) for fault in faults}
        kept = [index for index in range(len(subscriptions)) if index not in bad]
        parts[_SUBSCRIPTIONS] = [subscriptions[index] for index in kept]
    if _SETTINGS in faulty:
        bad_keys = {fault[1] for fault in faults if fault[0] == _SETTINGS and len(fault) > 1}
        parts[_SETTINGS] = _completed(value.get(_SETTINGS), bad_keys, model)
    return SoundParts({"start": _ANY_START, **parts}, tuple(kept), _SETTINGS in faulty)


def _position(fault: Path) -> int | None:
    """Return which subscription a fault lies in, None for one elsewhere. Further positions are those of its mapping."""
    return next((step for step in fault if isinstance(step, int)), None) if fault[0] == _SUBSCRIPTIONS else None


def _completed(settings: object, bad_keys: set[str | int], model: type[BaseModel]) -> dict[str, Any]:
    """Return a vendor's settings without the bad ones, with stand-ins for those that it needs."""
    good = {key: part for key, part in settings.items() if key not in bad_keys} if isinstance(settings, dict) else {}
    for name, field in model.model_fields.items():
        if field.is_required() and good.keys().isdisjoint(spellings(name, field)):
            good[name] = _ANY_SECRET if field.annotation is Secret else (field.examples or [None])[0]
    return good
