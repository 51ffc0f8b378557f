"""How what a reference says is held against what the bridge and the stand-ins say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress

from processor.sandbox.events import MadeEvent


def exact(value: object) -> str:
    """Return JSON by which `true` is not 1, as it is for Python, and the order of keys is nothing."""
    return json.dumps(value, sort_keys=True)


def json_values(events: Iterable[MadeEvent]) -> Iterator[object]:
    """Yield what the records hold that can be read as JSON."""
    for made in events:
        with suppress(ValueError):
            yield json.loads(made.value or b"")
