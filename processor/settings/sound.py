"""The sound parts of a destination that is refused, so that their other faults are shown in the same run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from processor.config.problems import Path
from processor.config.secret import Secret
from processor.config.shape import spellings
from processor.mapping.pasted import ACTION_NAMES, MAPPING_NAMES, TRIGGER_NAMES

_SUBSCRIPTIONS: Final = "subscriptions"
_SETTINGS: Final = "settings"
_ANY_SECRET: Final = Secret("stand-in")
_ANY_START: Final = "latest"
"""Where a destination begins has no bearing on whether it fits its vendor."""
_ANY_TRIGGER: Final = 'type = "track"'
"""Nor has what a subscription takes."""


@dataclass(frozen=True, slots=True)
class SoundParts:
    """A destination's value without what is faulty.

    `kept` are the positions that its subscriptions had. Where `is_vendor_guessed`, settings that the vendor needs are
    stood in for, so what it says of its settings as a whole says nothing about the file.
    """

    value: dict[str, Any]
    kept: tuple[int, ...] = ()
    is_vendor_guessed: bool = False

    def original(self, path: Path) -> Path:
        """Return a path within the sound parts as it was before some were left out."""
        at = _position(path)
        if at is None or path[at] not in range(len(self.kept)):
            return path
        return (*path[:at], self.kept[int(path[at])], *path[at + 1 :])


def sound_parts(value: object, faults: Sequence[Path], model: type[BaseModel]) -> SoundParts | None:
    """Return what is left of a destination without its faulty parts, None where its type is among them.

    `faults` are the places of the faults, relative to the destination. Of a list of subscriptions and of the vendor's
    settings only the faulty parts are left out; those that are needed get a stand-in.
    """
    faulty = {fault[0] for fault in faults if fault}
    if not isinstance(value, dict) or "type" not in value or "type" in faulty or () in faults:
        return None
    parts = {key: part for key, part in value.items() if key not in faulty}
    subscriptions = value.get(_SUBSCRIPTIONS)
    kept: list[int] = []
    if isinstance(subscriptions, list):
        sound = [_sound_subscription(one, index, faults) for index, one in enumerate(subscriptions)]
        kept = [index for index, one in enumerate(sound) if one is not None]
        parts[_SUBSCRIPTIONS] = [sound[index] for index in kept]
    if _SETTINGS in faulty:
        bad_keys = {fault[1] for fault in faults if fault[0] == _SETTINGS and len(fault) > 1}
        parts[_SETTINGS] = _completed(value.get(_SETTINGS), bad_keys, model)
    return SoundParts({"start": _ANY_START, **parts}, tuple(kept), _SETTINGS in faulty)


def _position(path: Path) -> int | None:
    """Return where in a path the position of a subscription stands; positions behind it are those of its mapping."""
    if path[:1] != (_SUBSCRIPTIONS,):
        return None
    return next((at for at, step in enumerate(path) if isinstance(step, int)), None)


def _sound_subscription(value: object, index: int, faults: Sequence[Path]) -> object | None:
    """Return a subscription without its faulty parts, itself when it has none, None when nothing could be said of it.

    What it does with which fields can be held against the vendor although trigger or name are faulty.
    """
    steps = [fault[at + 1 :] for fault in faults if (at := _position(fault)) is not None and fault[at] == index]
    if not steps:
        return value
    if not isinstance(value, dict) or () in steps:
        return None
    parts = dict(value)
    for step in steps:
        key = str(step[0])
        if key in ACTION_NAMES or (key in MAPPING_NAMES and not _blank_field(parts, key, step[1:])):
            return None
        if key in TRIGGER_NAMES:
            parts = {name: part for name, part in parts.items() if name not in TRIGGER_NAMES} | {key: _ANY_TRIGGER}
        elif key == "name":
            parts["name"] = f"{parts.get('name', '')}[{index}]"
        elif key not in MAPPING_NAMES:
            parts.pop(key, None)
    return parts


def _blank_field(parts: dict[str, Any], key: str, steps: Path) -> bool:
    """Put a blank in the place of the faulty field of a mapping; return whether it can be told which one it is."""
    mapping = parts.get(key)
    if not isinstance(mapping, dict) or not steps or str(steps[0]).startswith("@"):
        return False
    parts[key] = mapping | {steps[0]: None}
    return True


def _completed(settings: object, bad_keys: set[str | int], model: type[BaseModel]) -> dict[str, Any]:
    """Return a vendor's settings without the bad ones, with stand-ins for those that it needs."""
    good = {key: part for key, part in settings.items() if key not in bad_keys} if isinstance(settings, dict) else {}
    for name, field in model.model_fields.items():
        if field.is_required() and good.keys().isdisjoint(spellings(name, field)):
            good[name] = _ANY_SECRET if field.annotation is Secret else (field.examples or [None])[0]
    return good
