"""How Moesif's contract reads single values of an event: ids, times, addresses, bags."""

from __future__ import annotations

import datetime as dt
import ipaddress
import math
import re
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid5

_MESSAGE_IDS: Final = UUID("142e1e4b-288b-5805-a5a9-3e76e2a90ca9")
_CANONICAL_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_ABSOLUTE: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#]+", re.IGNORECASE)
_HALF_A_PAIR: Final = re.compile("[\\ud800-\\udfff]")
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_FIRST_MILLISECONDS: Final = 1e11
"""Numbers from here on are milliseconds, smaller ones seconds."""
_FIRST_EXPONENT: Final = 1e21
"""Whole floats from here on are written with an exponent, as JavaScript does."""


def at(value: Any, path: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return the member at a dotted path, None where there is none; only objects have members."""
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def text(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Return a string that is not blank, untrimmed."""
    return value if isinstance(value, str) and value.strip() else None


def id_(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Return an identifier or a name as text (4.7): numbers count, everything else but text is missing."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return text(value)
    if isinstance(value, int) or (value.is_integer() and abs(value) < _FIRST_EXPONENT):
        return str(int(value))
    if 1e-6 <= abs(value) < 1e-4:  # where Python has an exponent and JavaScript has none
        return f"{Decimal(repr(value)):f}"
    return re.sub(r"e([+-])0", r"e\1", repr(value))


def first_id(event: dict[str, Any], *paths: str) -> str | None:
    """Return the first usable identifier among the members at these paths."""
    return next((found for path in paths if (found := id_(at(event, path))) is not None), None)


def time_ms(value: Any) -> int | None:  # noqa: ANN401 - any JSON value
    """Return a moment (4.8) as milliseconds since 1970, what is finer cut off; None for what is no moment."""
    try:
        if isinstance(value, str):
            moment = dt.datetime.fromisoformat(value.strip().upper())
            moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            exact = Decimal(repr(value)) * (1 if value >= _FIRST_MILLISECONDS else 1000)
            moment = _EPOCH + dt.timedelta(milliseconds=math.floor(exact))
        else:
            return None
        return (moment - _EPOCH) // dt.timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        return None


def written_time(ms: int) -> str:
    """Return a moment as Moesif gets it: UTC, three digits below the second."""
    moment = _EPOCH + dt.timedelta(milliseconds=ms)
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def absolute_uri(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Return a text that looks like `scheme://host…`."""
    return value if isinstance(value, str) and _ABSOLUTE.match(value) else None


def address(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Return a text that is an IPv4 or IPv6 address."""
    try:
        return str(value) if isinstance(value, str) and ipaddress.ip_address(value) else None
    except ValueError:
        return None


def site(uri: str) -> tuple[str, str] | None:
    """Return scheme and host of an absolute uri, the host with its port, in lower case."""
    found = _ABSOLUTE.match(uri)
    if found is None:
        return None
    scheme, _, host = found[0].lower().partition("://")
    return scheme, host.rpartition("@")[2]


def query_value(query: str, name: str) -> str | None:
    """Return the first value of a parameter of a uri's query that is not blank."""
    return next(filter(text, parse_qs(urlsplit(query).query).get(name, [])), None)


def domain(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Return a company's domain: lower-case, without a leading `www.`, with a dot in it.

    The contract takes a website's host alone; left open is what a domain that is a uri comes to: its host as well.
    """
    if not isinstance(value, str):
        return None
    _, host = site(value.strip()) or ("", value.strip().lower())
    name = re.split(r"[/?#:\s]", host, maxsplit=1)[0].removeprefix("www.")
    return name if "." in name else None


def as_utf8(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value as it can be sent: half of a surrogate pair becomes the replacement character."""
    if isinstance(value, str):
        return _HALF_A_PAIR.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, dict):
        return {as_utf8(name): as_utf8(member) for name, member in value.items()}
    return [as_utf8(item) for item in value] if isinstance(value, list) else value


def transaction_id(message_id: str) -> str:
    """Return the UUID that Moesif knows an action by: the message's own, else one made from its text (7)."""
    return message_id.lower() if _CANONICAL_UUID.fullmatch(message_id) else str(uuid5(_MESSAGE_IDS, message_id))
