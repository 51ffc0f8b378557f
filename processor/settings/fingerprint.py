"""A short name for what a destination runs with, by which its processes can be compared."""

from __future__ import annotations

import hashlib
import json
from typing import Final

from processor.settings.destination import DestinationSettings
from processor.settings.root import Settings

_LENGTH: Final = 12


def config_hash(settings: Settings, own: DestinationSettings) -> str:
    """Return the hash of a destination's settings `own`, and of all settings that are not another destination's.

    Two processes with the same settings have the same hash wherever they run. Secrets are masked in it: a key that was
    rotated changes nothing.
    """
    shared = settings.model_dump(serialize_as_any=True, exclude={"destinations"})
    content = {"shared": shared, "own": own.model_dump(serialize_as_any=True)}
    text = json.dumps(content, sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]


def _plain(value: object) -> object:
    """Return a value that JSON does not know as one that it does; a set has no order that could be kept."""
    return sorted(map(str, value)) if isinstance(value, frozenset) else str(value)
