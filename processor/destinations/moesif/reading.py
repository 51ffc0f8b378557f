"""Reading mapped fields by Moesif's rules, whatever value a mapping gave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from processor.destinations.addresses import is_absolute, is_ip
from processor.destinations.text import encode, id_text, is_blank
from processor.model import Rejected

DAY_MS: Final = 86_400_000

NO_IDENTITY: Final = Rejected("no_identity", "nothing says whom the event is about")
TOO_LARGE: Final = Rejected("event_too_large", "a record is larger than max_event_bytes")
BAD_IP: Final = "bad_ip"

_NOTHING: Final[Mapping[str, Any]] = {}


def first_id(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Return an id as text; of a list the first usable one."""
    if type(value) is not list:
        return id_text(value)
    for item in value:
        text = id_text(item)
        if text is not None:
            return text
    return None


def first_uri(value: Any, default: str) -> str:  # noqa: ANN401 - any JSON value
    """Return the first absolute address of a list of candidates (or a single one), else the default."""
    for candidate in value if type(value) is list else (value,):
        if type(candidate) is str and is_absolute(candidate):
            return candidate
    return default


def read_bag(value: Any, warning: str) -> tuple[Mapping[str, Any], tuple[str, ...]]:  # noqa: ANN401 - any JSON value
    """Return an object, an empty one for null and for what is none, and the warning when it was something else."""
    if isinstance(value, dict):
        return value, ()
    return _NOTHING, () if value is None else (warning,)


def put_ip(item: dict[str, Any], fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Put a person's address into an item, or return the warning that it is none."""
    ip = fields.get("ip_address")
    if ip is None:
        return ()
    if type(ip) is not str or not is_ip(ip):
        return (BAD_IP,)
    item["ip_address"] = ip
    return ()


def put_agent(item: dict[str, Any], fields: Mapping[str, Any]) -> None:
    """Put a person's user agent into an item if there is one."""
    agent = fields.get("user_agent_string")
    if type(agent) is str and not is_blank(agent):
        item["user_agent_string"] = agent


def put_texts(item: dict[str, Any], fields: Mapping[str, Any], names: Iterable[str]) -> None:
    """Put those of the named short texts into an item that are usable."""
    for name in names:
        if name in fields and (text := id_text(fields[name])) is not None:
            item[name] = text


def finished(item: dict[str, Any], max_bytes: int) -> bytes | Rejected:
    """Return an item as JSON, or that it is too large."""
    body = encode(item)
    return TOO_LARGE if len(body) > max_bytes else body
