"""What an action says about its surroundings: platform, version of the app, time and offset of the user's zone.

Source: the contract, section 3.0. Wrong platforms disturb push and in-app targeting, so an unknown one is left out.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from processor.destinations.text import id_text
from processor.destinations.times import find_time, read_time_ms
from processor.model import Event, Record, Rejected

FUTURE_TIMESTAMP: Final = Rejected("future_timestamp", "the event lies in the future, and so does its receivedAt")

_MAX_AHEAD_MS: Final = 5 * 60 * 1000
_MAX_OFFSET_S: Final = 54_000
_MAX_ZONE_CHARACTERS: Final = 64
_MINUTE_MS: Final = 60_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_PLATFORMS: Final = {
    "ios": "iOS",
    "ipados": "iOS",
    "watchos": "iOS",
    "android": "ANDROID",
    "tvos": "TV",
}
_BROWSER_LIBRARIES: Final = frozenset({"analytics.js", "analytics-next"})
_EMPTY: Final[dict[str, Any]] = {}


def as_object(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Return a value that is an object, an empty one for anything else."""
    return value if type(value) is dict else _EMPTY


def platform(context: dict[str, Any], os_name: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Return MoEngage's name of the platform, None when it is not certain."""
    device = as_object(context.get("device"))
    for name in (device.get("type"), os_name):
        if type(name) is str:
            found = _PLATFORMS.get(name) or _PLATFORMS.get(name.strip().lower())
            if found is not None:
                return found
    library = as_object(context.get("library")).get("name")
    if type(library) is str and library in _BROWSER_LIBRARIES:
        return "web"
    return "web" if not device and id_text(as_object(context.get("page")).get("url")) is not None else None


def action_time(mapped: Any, event: Event, record: Record, now_ms: int) -> tuple[int, str | None] | Rejected:  # noqa: ANN401 - any JSON value
    """Return when an action happened, in milliseconds since 1970, and a warning code when not `timestamp` said so.

    MoEngage refuses events of the future. A clock a little ahead is forgiven; a wrong one is replaced by the time at
    which Segment received the event, if that is known and past.
    """
    _, epoch_ms, warning = find_time(mapped, event, record)
    if epoch_ms <= now_ms:
        return epoch_ms, warning
    if epoch_ms <= now_ms + _MAX_AHEAD_MS:
        return now_ms, warning
    received_ms = read_time_ms(event.get("receivedAt"))
    if received_ms is not None and received_ms <= now_ms:
        return received_ms, "timestamp_from_receivedAt"
    return FUTURE_TIMESTAMP


def timezone_offset_s(zone_name: Any, epoch_ms: int) -> int | None:  # noqa: ANN401 - any JSON value
    """Return the offset of a time zone at a moment in seconds, None when the zone is unknown.

    At the moment of the event, not of the delivery: a late event of last summer keeps summer time.
    """
    if type(zone_name) is not str or len(zone_name) > _MAX_ZONE_CHARACTERS:
        return None
    return _offset_s(zone_name, epoch_ms // _MINUTE_MS)


@lru_cache(maxsize=8192)
def _offset_s(zone_name: str, epoch_minute: int) -> int | None:
    """Return the offset of a zone at a minute; no zone has changed its offset within a minute since 1972."""
    zone = _zone(zone_name)
    if zone is None:
        return None
    try:
        offset = (_EPOCH + timedelta(minutes=epoch_minute)).astimezone(zone).utcoffset()
    except OverflowError:
        return None
    offset_s = math.floor(offset.total_seconds()) if offset is not None else None
    return offset_s if offset_s is not None and abs(offset_s) <= _MAX_OFFSET_S else None


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo | None:
    """Return a time zone, None when there is none of that name. Cached, unknown names too: each costs a file search."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None
