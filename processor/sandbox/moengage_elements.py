"""The elements of a MoEngage bulk request, and what the platform silently does to them.

A bulk request that is refused is the lesser evil: the platform answers 200 and drops or cuts what it does not like. So
besides forms that refuse, there are findings for what would be cut, and a reason where an element would vanish.

Source: MoEngage's OpenAPI at commit 0adc5260, its Data API overview and its data tracking policy.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from processor.sandbox.vendor import NO_MARKS, Item, Marks, mark_number, mark_text

_CLOCK_TOLERANCE_S = 5.0
_MAX_NAME_CHARS, _MAX_TEXT_CHARS, _MAX_LIST_ITEMS, _MAX_EVENT_ATTRIBUTES = 200, 512, 50, 100
_DAY_OFFSET_S = 54_000

_JUNK_IDS = frozenset(
    {
        *(
            "unknown",
            "guest",
            "null",
            "0",
            "1",
            "true",
            "false",
            "user_attribute_unique_id",
            "(empty)",
            "na",
            "n/a",
            "",
        ),
        *("dummy_seller_code", "user_id", "id", "customer_id", "uid", "userid", "none", "-2", "-1", "2"),
    }
)
_BLOCKED_NAMES = frozenset({"id", "_id", ""})
_RESERVED_NAMES = frozenset(
    {"moe_time_format", "moe_time_timezone", "install", "update", "moe_islat", "status", "user_id", "source"}
)
_ALLOWED_MOE_NAMES = frozenset(
    {
        *("moe_wa_subscription", "moe_em_unsub_categories", "moe_sub_w", "moe_spam", "moe_unsubscribe"),
        *("moe_hard_bounce", "moe_sms_subscription", "moe_email_optin_status", "moe_gaid", "moe_project_name"),
    }
)
_COMMANDS = frozenset({"addValueToArrayField", "removeValueFromArrayField"})
_OFFSET_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d:?\d\d$")

_Text = Annotated[str, Meta(pattern=r"\S")]
_Platform = Literal["ANDROID", "iOS", "web", "TV", "unknown"]


class _Element(Struct, gc=False, tag_field="type", forbid_unknown_fields=True, kw_only=True):
    customer_id: Annotated[str, Meta(min_length=1)]


class Customer(_Element, tag="customer"):
    """A user with attributes to set."""

    update_existing_only: bool = False
    attributes: Raw | UnsetType = UNSET
    platforms: list[Raw] | UnsetType = UNSET
    unset_attributes: list[Raw] | UnsetType = UNSET


class Action(Struct, gc=False, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing that a user did."""

    action: _Text
    attributes: Raw | UnsetType = UNSET
    platform: _Platform | UnsetType = UNSET
    moe_os_type: _Text | UnsetType = UNSET
    app_version: _Text | UnsetType = UNSET
    user_time: _Text | UnsetType = UNSET
    current_time: dt.datetime | UnsetType = UNSET
    user_timezone_offset: Annotated[int, Meta(ge=-_DAY_OFFSET_S, le=_DAY_OFFSET_S)] | UnsetType = UNSET
    real_time_action: Literal["true", "false"] | UnsetType = UNSET


class Event(_Element, tag="event"):
    """What a user did."""

    actions: Annotated[list[Action], Meta(min_length=1)]
    device_id: _Text | UnsetType = UNSET
    user_identifiers: dict[str, Raw] | UnsetType = UNSET


class _DeviceAttributes(Struct, gc=False, frozen=True):
    platform: Literal["ANDROID", "iOS", "web", "TV"]
    push_id: _Text


class Device(_Element, tag="device"):
    """A device of a user that exists already."""

    device_id: _Text
    attributes: _DeviceAttributes


class Bulk(Struct, frozen=True, forbid_unknown_fields=True):
    """A bulk request."""

    type: Literal["transition"]
    elements: Annotated[list[Customer | Event | Device], Meta(min_length=1)]


_bag = msgspec.json.Decoder(dict[str, Any])
_marks = msgspec.json.Decoder(Marks)


def items_of(element: Customer | Event | Device, now_s: float, findings: list[str], *, full: bool) -> Iterator[Item]:
    """Yield what an element asks for, one item an action, adding to `findings` what the platform would alter.

    Raises:
        msgspec.ValidationError: When attributes are not an object.
    """
    ignored = "invalid_customer_id" if full and _is_junk(element.customer_id) else ""
    user = element.customer_id
    match element:
        case Customer():
            marks = _read(element.attributes, _user_findings if full else None, findings)
            yield Item("customer", mark_text(marks.ledger_id), user, mark_number(marks.seq), ignored)
        case Device():
            yield Item("device", element.device_id, user, None, ignored)
        case Event():
            for action in element.actions:
                yield _action_item(action, user, ignored, now_s, findings, full=full)


def _action_item(action: Action, user: str, ignored: str, now_s: float, findings: list[str], *, full: bool) -> Item:
    marks = _read(action.attributes, _event_findings if full else None, findings)
    if full:
        findings.extend(_action_findings(action))
        if not ignored and _is_future(action.current_time, now_s):
            ignored = "future_event"
    own_id = mark_text(marks.ledger_id) or mark_text(marks.segment_message_id)
    return Item("event", own_id, user, mark_number(marks.seq), ignored)


def _is_junk(customer_id: str) -> bool:
    text = customer_id.strip()
    return len(text) < 2 or text != customer_id or text.lower() in _JUNK_IDS  # noqa: PLR2004 - "more than one character"


def _is_future(time: dt.datetime | UnsetType, now_s: float) -> bool:
    if isinstance(time, UnsetType):
        return False
    aware = time.replace(tzinfo=dt.UTC) if time.tzinfo is None else time
    return aware.timestamp() > now_s + _CLOCK_TOLERANCE_S


def _read(
    attributes: Raw | UnsetType, find: Callable[[dict[str, Any]], Iterator[str]] | None, findings: list[str]
) -> Marks:
    """Return the marks among the attributes; with `find` every attribute is looked at."""
    if isinstance(attributes, UnsetType):
        return NO_MARKS
    if find is None:
        return _marks.decode(attributes)
    bag = _bag.decode(attributes)
    findings.extend(find(bag))
    return Marks(bag.get("seq"), bag.get("ledger_id"), bag.get("segment_message_id"))


def _action_findings(action: Action) -> Iterator[str]:
    name = action.action
    if len(name) > _MAX_NAME_CHARS:
        yield "event_name_too_long"
    if name.startswith("moe_"):
        yield "reserved_event_name"
    if "." in name:
        yield "period_in_event_name"
    if (action.moe_os_type is not UNSET) and action.platform != "TV":
        yield "os_type_without_tv"


def _event_findings(bag: dict[str, Any]) -> Iterator[str]:
    if len(bag) > _MAX_EVENT_ATTRIBUTES:
        yield "too_many_attributes"
    for name, value in bag.items():
        yield from _attribute_findings(name, value)


def _user_findings(bag: dict[str, Any]) -> Iterator[str]:
    for name, value in bag.items():
        folded = name.lower()
        if name in _BLOCKED_NAMES:
            yield "blocked_name"
        elif folded in _RESERVED_NAMES or folded.startswith("user_attribute"):
            yield "reserved_name"
        yield from _attribute_findings(name, value)


def _attribute_findings(name: str, value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    if len(name) > _MAX_NAME_CHARS:
        yield "name_too_long"
    if name[:4].lower() == "moe_" and name not in _ALLOWED_MOE_NAMES:
        yield "reserved_prefix"
    if name in _COMMANDS:
        yield "command_name"
    if type(value) is str:
        if len(value) > _MAX_TEXT_CHARS:
            yield "text_too_long"
        elif _OFFSET_TIME.match(value):
            yield "time_with_offset"
    elif value is None:
        yield "null_value"
    elif type(value) is list:
        yield from _list_findings(value)


def _list_findings(values: list[Any]) -> Iterator[str]:
    if len(values) > _MAX_LIST_ITEMS:
        yield "list_too_long"
    kinds = {float if type(value) is int else type(value) for value in values}
    if len(kinds) > 1 or type(None) in kinds:
        yield "mixed_list"
    if any(type(value) is str and len(value) > _MAX_TEXT_CHARS for value in values):
        yield "text_too_long"
