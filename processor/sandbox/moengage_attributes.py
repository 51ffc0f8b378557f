"""What MoEngage keeps of a bag of attributes: what it drops without a word, and what it cuts or casts.

Source: MoEngage's Data API overview, data tracking policy, data management overview and page on objects, as of 2026.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from processor.sandbox.moengage_settings import MoEngageWorkspace, PinnedType

_MAX_NAME_CHARS, _MAX_TEXT_CHARS, _MAX_LIST_ITEMS = 200, 512, 50
_MAX_OBJECT_BYTES, _MAX_OBJECT_KEYS, _MAX_OBJECT_ITEMS, _MAX_OBJECT_LEVELS = 25_000, 100, 100, 2
_INT64 = range(-(2**63), 2**63)

_BLOCKED_NAMES = frozenset({"id", "_id", ""})
_RESERVED_NAMES = frozenset(
    {
        *("moe_time_format", "moe_time_timezone", "install", "update", "moe_islat", "status", "user_id", "source"),
        *("user_attribute_unique_id", "user_attribute_user_email", "user_attribute_user_mobile"),
        *("user_attribute_user_name", "user_attribute_user_gender", "user_attribute_user_first_name"),
        *("user_attribute_user_last_name", "user_attribute_user_bday", "user_attribute_notification_pref"),
        *("user_attribute_old_id", "user_attribute_dnd_start_time", "user_attribute_dnd_end_time"),
    }
)
"""These lists are the vendor's, written a second time: a name that the connector has wrong must show here."""
_USER_MOE_NAMES = frozenset(
    {
        *("moe_wa_subscription", "moe_em_unsub_categories", "moe_sub_w", "moe_spam", "moe_unsubscribe"),
        *("moe_hard_bounce", "moe_sms_subscription", "moe_email_optin_status", "moe_gaid"),
    }
)
_EVENT_MOE_NAMES = frozenset({"moe_project_name"})
_STANDARD_NAMES = _USER_MOE_NAMES | {
    *("name", "first_name", "last_name", "email", "mobile", "gender", "birthday", "age", "created_time"),
    *("u_n", "u_fn", "u_ln", "u_em", "u_mb", "u_gd", "u_bd", "cr_t"),
}
_COMMANDS = frozenset({"addValueToArrayField", "removeValueFromArrayField"})
_OFFSET_TIME = re.compile(
    r"^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?[+-]\d\d:?\d\d$",
    re.ASCII,
)
_DATE = re.compile(r"^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?Z)?$")
_NUMBER = re.compile(r"^-?\d{1,18}(\.\d{1,18})?$")
_BAD_KEY_CHARS = frozenset("$.%#")


class Names(Struct):
    """The names that a workspace has seen: new ones beyond its quotas are not taken in."""

    users: set[str] = msgspec.field(default_factory=set)
    user_objects: set[str] = msgspec.field(default_factory=set)
    event_objects: set[str] = msgspec.field(default_factory=set)
    events: set[str] = msgspec.field(default_factory=set)

    def take(self, names: set[str], name: str, most: int) -> bool:
        """Return whether this name is known or still fits, and know it from now on."""
        if name in names:
            return True
        if len(names) >= most:
            return False
        names.add(name)
        return True


class Kept(NamedTuple):
    """What is left of a bag. `dropped` are names with reasons; `altered` are reasons why a value or name changed."""

    attributes: dict[str, Any]
    dropped: list[tuple[str, str]]
    altered: list[str]


class _Drop(Exception):  # noqa: N818 - no error: the way a value takes out of nested checks
    """The value is not taken in, for this reason."""


def kept_of_user(bag: Mapping[str, Any], workspace: MoEngageWorkspace, names: Names) -> Kept:
    """Return what a customer element sets; an empty list stands for the removal of a list."""
    kept = Kept({}, [], [])
    for name, value in bag.items():
        reason = _unwanted_of_user(name)
        if not reason:
            reason = _keep(name, value, kept, workspace)
        stored = name[:_MAX_NAME_CHARS]
        if not reason:
            reason = _unkept_of_user(stored, _holds_objects(kept.attributes[stored]), workspace, names)
        if reason:
            _leave_out(name, reason, kept)
    return kept


def _unkept_of_user(name: str, is_object: bool, workspace: MoEngageWorkspace, names: Names) -> str:  # noqa: FBT001 - what the value is
    """Return why a value that is well in itself is not kept under this name."""
    if name.lower() in _STANDARD_NAMES:
        return "object_on_standard" if is_object else ""
    if not names.take(names.users, name, workspace.user_attribute_count):
        return "user_attribute_quota"
    if is_object and not names.take(names.user_objects, name, workspace.user_object_count):
        return "object_quota"
    return ""


def kept_of_event(bag: Mapping[str, Any], workspace: MoEngageWorkspace, names: Names) -> Kept:
    """Return what an action carries; of more attributes than an event may have the first are kept."""
    kept = Kept({}, [], [])
    for name, value in bag.items():
        reason = _unwanted(name, _EVENT_MOE_NAMES)
        if not reason and len(kept.attributes) >= workspace.event_attribute_count:
            reason = "too_many_attributes"
        if not reason:
            reason = _keep(name, value, kept, workspace)
        stored = name[:_MAX_NAME_CHARS]
        if (
            not reason
            and _holds_objects(kept.attributes[stored])
            and not names.take(names.event_objects, stored, workspace.event_object_count)
        ):
            reason = "object_quota"
        if reason:
            _leave_out(name, reason, kept)
    return kept


def _leave_out(name: str, reason: str, kept: Kept) -> None:
    kept.attributes.pop(name[:_MAX_NAME_CHARS], None)
    kept.dropped.append((name, reason))


def _unwanted_of_user(name: str) -> str:
    """Return why a user attribute of this name is dropped; the allow-list is looked at before the reserved words."""
    if name in _BLOCKED_NAMES:
        return "blocked_name"
    folded = name.lower()
    if folded in _RESERVED_NAMES and folded not in _USER_MOE_NAMES:
        return "reserved_name"
    return _unwanted(name, _USER_MOE_NAMES)


def _unwanted(name: str, allowed: frozenset[str]) -> str:
    if name[:4].lower() == "moe_" and name.lower() not in allowed:
        return "reserved_prefix"
    return "command_name" if name in _COMMANDS else ""


def _keep(name: str, value: Any, kept: Kept, workspace: MoEngageWorkspace) -> str:  # noqa: ANN401 - any JSON value
    """Put a value among the kept ones, as it is stored, and return ""; or return why it is dropped."""
    if len(name) > _MAX_NAME_CHARS:
        kept.altered.append("name_too_long")
        name = name[:_MAX_NAME_CHARS]
    try:
        stored = _stored(value, kept.altered, workspace)
        pinned = workspace.pinned_types.get(name)
        kept.attributes[name] = stored if pinned is None else _cast(stored, pinned)
    except _Drop as drop:
        return str(drop)
    return ""


def _stored(value: Any, altered: list[str], workspace: MoEngageWorkspace) -> Any:  # noqa: ANN401 - any JSON value
    kind = type(value)
    if kind is str:
        return _text(value, altered)
    if kind is int or kind is float:
        if (kind is int and value not in _INT64) or (kind is float and math.isinf(value)):
            raise _Drop("number_out_of_range")
        return value
    if value is None:
        raise _Drop("null_value")
    if kind is list:
        return _list(value, altered, workspace)
    return _object(value, altered, workspace) if kind is dict else value


def _text(text: str, altered: list[str]) -> str:
    if len(text) > _MAX_TEXT_CHARS:
        if text.startswith(("http://", "https://")):
            raise _Drop("url_too_long")
        altered.append("text_too_long")
        return text[:_MAX_TEXT_CHARS]
    if _OFFSET_TIME.match(text):
        altered.append("time_with_offset")
    return text


def _list(values: list[Any], altered: list[str], workspace: MoEngageWorkspace) -> list[Any]:
    if any(type(value) is dict for value in values):
        return _objects(values, altered, workspace)
    if len(values) > _MAX_LIST_ITEMS:
        altered.append("list_too_long")
        values = values[:_MAX_LIST_ITEMS]
    kinds = {_kind(value) for value in values}
    if len(kinds) > 1 or kinds & {"null", "list"}:
        values = _of_one_type([value for value in values if _kind(value) in {"text", "number", "boolean"}])
        altered.append("mixed_list")
    if any(type(value) is str and len(value) > _MAX_TEXT_CHARS for value in values):
        altered.append("text_too_long")
        values = [value[:_MAX_TEXT_CHARS] for value in values]
    return values


def _kind(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return {str: "text", int: "number", float: "number", bool: "boolean", list: "list", dict: "object"}.get(
        type(value), "null"
    )


def _of_one_type(values: list[Any]) -> list[Any]:
    """Return the list cast to the type of its first element, as the platform does where it can; else it is dropped."""
    if not values:
        raise _Drop("mixed_list")
    return [_cast(value, _kind(values[0]), "mixed_list") for value in values]  # type: ignore[arg-type] # scalars alone


def _holds_objects(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    return type(value) is dict or (type(value) is list and bool(value) and type(value[0]) is dict)


def _objects(values: list[Any], altered: list[str], workspace: MoEngageWorkspace) -> list[Any]:
    """Return the objects of a list of them; scalars between them are lost."""
    if any(type(value) is not dict for value in values):
        altered.append("mixed_list")
    if len(values) > _MAX_OBJECT_ITEMS:
        altered.append("list_too_long")
    return [_object(each, altered, workspace) for each in values[:_MAX_OBJECT_ITEMS] if type(each) is dict]


def _object(value: dict[str, Any], altered: list[str], workspace: MoEngageWorkspace) -> dict[str, Any]:
    if not workspace.takes_objects:
        raise _Drop("objects_not_enabled")
    if not value:
        raise _Drop("empty_object")
    if len(value) > _MAX_OBJECT_KEYS:
        raise _Drop("object_too_wide")
    if len(msgspec.json.encode(value)) > _MAX_OBJECT_BYTES:
        raise _Drop("object_too_large")
    return _levels(value, altered, 1)


def _levels(value: dict[str, Any], altered: list[str], level: int) -> dict[str, Any]:
    """Return an object of which what lies below the deepest level is text."""
    if any(_BAD_KEY_CHARS & set(key) for key in value):
        altered.append("object_key")
    levelled = {}
    for key, member in value.items():
        if type(member) is not dict:
            levelled[key] = member
        elif level < _MAX_OBJECT_LEVELS:
            levelled[key] = _levels(member, altered, level + 1)
        else:
            altered.append("object_too_deep")
            levelled[key] = msgspec.json.encode(member).decode()
    return levelled


def _cast(value: Any, wanted: PinnedType, reason: str = "type_conflict") -> Any:  # noqa: ANN401 - any JSON value
    """Return a value as this type.

    Raises:
        _Drop: For `reason`, when it cannot be cast.
    """
    kind = _kind(value)
    if kind == wanted or (wanted == "date" and kind == "text" and _DATE.match(value)):
        return value
    if wanted == "text" and kind in {"number", "boolean"}:
        return msgspec.json.encode(value).decode()
    if wanted == "number" and kind == "text" and _NUMBER.match(value):
        return float(value) if "." in value else int(value)
    if wanted == "boolean" and kind == "text" and value in {"true", "false"}:
        return value == "true"
    raise _Drop(reason)
