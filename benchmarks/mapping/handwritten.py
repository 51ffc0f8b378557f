"""The payloads of the standard event, written by hand: plain Python, one function for each, the same JSON library.

What a careful engineer writes for these payloads alone: ids, times, fallbacks and the integrations object are looked
at as the vendors' contracts ask; nothing can be configured.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from processor.destinations.ids import NAMESPACE

Event = dict[str, Any]
Write = Callable[[bytes], bytes | None]

_decode: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode


def _is_wanted(event: Event, *names: str) -> bool:
    """Return whether the event is a track that the integrations object lets through."""
    if event.get("type") != "track":
        return False
    integrations = event.get("integrations") or {}
    for name in names:
        if integrations.get(name) is False:
            return False
        if integrations.get(name):
            return True
    return integrations.get("All") is not False


def _iso(moment: datetime) -> str:
    """Return a time as the vendors take it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moveo(value: bytes) -> bytes | None:
    """Return Moveo One's event of a track."""
    event = _decode(value)
    if not _is_wanted(event, "Moveo One"):
        return None
    user_id, anonymous_id = event.get("userId"), event.get("anonymousId")
    name = event.get("event")
    if not (user_id or anonymous_id) or not name:
        return None
    datetime.fromisoformat(event["timestamp"])
    item = {"type": "track", "messageId": event["messageId"]}
    if anonymous_id:
        item["anonymousId"] = anonymous_id
    item["timestamp"] = item["originalTimestamp"] = event["timestamp"]
    if user_id:
        item["userId"] = user_id
    item["event"] = name
    for bag in ("context", "integrations", "properties"):
        if isinstance(event.get(bag), dict):
            item[bag] = event[bag]
    body: bytes = _encode(item)
    return body if len(body) <= 32_000 else None


def moesif(value: bytes) -> bytes | None:
    """Return Moesif's action of a track."""
    event = _decode(value)
    if not _is_wanted(event, "Moesif API Analytics", "moesif-api-analytics"):
        return None
    name, user_id, anonymous_id = event.get("event"), event.get("userId"), event.get("anonymousId")
    if not name or not (user_id or anonymous_id):
        return None
    context = event.get("context") or {}
    page, properties = context.get("page") or {}, event.get("properties")
    item: dict[str, Any] = {"transaction_id": str(uuid.uuid5(NAMESPACE, event["messageId"])), "action_name": name}
    if user_id:
        item["user_id"] = user_id
    else:
        item["anonymous_id"] = anonymous_id
    company = context.get("groupId") or ((context.get("traits") or {}).get("company") or {}).get("id")
    if company:
        item["company_id"] = company
    request = {"time": _iso(datetime.fromisoformat(event["timestamp"])), "uri": page.get("url") or "/"}
    if context.get("ip"):
        request["ip_address"] = context["ip"]
    if context.get("userAgent"):
        request["user_agent_string"] = context["userAgent"]
    item["request"] = request
    if properties:
        item["metadata"] = properties
    body: bytes = _encode(item)
    return body if len(body) <= 1_000_000 else None


def moengage(value: bytes) -> bytes | None:
    """Return MoEngage's element of a track."""
    event = _decode(value)
    if not _is_wanted(event, "MoEngage", "Moengage (Actions)"):
        return None
    user_id, name = event.get("userId"), event.get("event")
    if not user_id or not name:
        return None
    context = event.get("context") or {}
    moment = datetime.fromisoformat(event["timestamp"])
    action: dict[str, Any] = {"action": name.replace(".", "_")}
    attributes = {_snake(key): item for key, item in (event.get("properties") or {}).items() if item is not None}
    if attributes:
        action["attributes"] = attributes
    if (context.get("page") or {}).get("url"):
        action["platform"] = "web"
    action["real_time_action"] = "true"
    action["current_time"] = _iso(moment)
    if context.get("timezone"):
        offset = moment.astimezone(ZoneInfo(context["timezone"])).utcoffset()
        action["user_timezone_offset"] = None if offset is None else int(offset.total_seconds())
    body: bytes = _encode({"type": "event", "customer_id": user_id, "actions": [action]})
    return body if len(body) <= 95_000 else None


def _snake(key: str) -> str:
    """Return a key in snake case."""
    return "".join("_" + char.lower() if char.isupper() else char for char in key.replace(" ", "_")).lstrip("_")


def forty(value: bytes) -> bytes | None:
    """Return what the mapping with forty directives makes."""
    event = _decode(value)
    context, properties = event.get("context") or {}, event.get("properties") or {}
    page, library = context.get("page") or {}, context.get("library") or {}
    result: dict[str, Any] = {}
    for name, bag, key in _COPIED:
        source = {"event": event, "context": context, "properties": properties, "page": page, "library": library}[bag]
        if key in source:
            result[name] = source[key]
    result["who"] = event["userId"] if event.get("userId") is not None else event.get("anonymousId")
    result["where"] = page["url"] if page.get("url") is not None else "nowhere"
    result["label"] = f"{event.get('event', '')} by {event.get('userId', '')}"
    result["lower"] = event["event"].lower()
    result["dashes"] = event["timestamp"].replace("-", "/")
    result["both"] = {**page, "kind": "web"}
    result["flat"] = {f"library_{key}": item for key, item in library.items()}
    return bytes(_encode(result))


_COPIED: Final = (
    *((key, "event", key) for key in ("type", "event", "userId", "anonymousId", "messageId", "timestamp", "version")),
    *((key, "event", key) for key in ("sentAt", "receivedAt", "originalTimestamp", "groupId", "previousId")),
    *((key, "context", key) for key in ("ip", "locale", "userAgent", "timezone", "groupId", "channel")),
    *((key, "page", key) for key in ("path", "referrer", "search", "title", "url")),
    *((key, "library", key) for key in ("name", "version")),
    *((key, "properties", key) for key in ("left", "right", "steps", "price", "trial", "seats", "missing")),
)
"""Fields that are copied: name in the result, where they come from, name there."""


def forty_mapping() -> Mapping[str, Any]:
    """Return the mapping with forty directives that `forty` writes by hand."""
    places = {"event": "$", "context": "$.context", "properties": "$.properties", "page": "$.context.page"}
    places["library"] = "$.context.library"
    mapping: dict[str, Any] = {name: {"@path": f"{places[bag]}.{key}"} for name, bag, key in _COPIED}
    exists = {"exists": {"@path": "$.userId"}, "then": {"@path": "$.userId"}, "else": {"@path": "$.anonymousId"}}
    mapping["who"] = {"@if": exists}
    url = {"@path": "$.context.page.url"}
    mapping["where"] = {"@if": {"exists": url, "then": url, "else": "nowhere"}}
    mapping["label"] = {"@template": "{{event}} by {{userId}}"}
    mapping["lower"] = {"@case": {"operator": "lower", "value": {"@path": "$.event"}}}
    mapping["dashes"] = {"@replace": {"value": {"@path": "$.timestamp"}, "pattern": "-", "replacement": "/"}}
    mapping["both"] = {"@merge": {"objects": [{"@path": "$.context.page"}, {"kind": "web"}], "direction": "right"}}
    mapping["flat"] = {"@flatten": {"value": {"library": {"@path": "$.context.library"}}, "separator": "_"}}
    return mapping
