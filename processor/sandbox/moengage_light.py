"""The light reading of a MoEngage bulk request: its form, and the marks that the record needs; nothing is kept.

Source: MoEngage's OpenAPI at commit 0adc5260.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from processor.sandbox.vendor import NO_MARKS, Item, Marks, mark_number, mark_text

_DAY_OFFSET_S = 54_000

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


_marks = msgspec.json.Decoder(Marks)


def items_of(element: Customer | Event | Device) -> Iterator[Item]:
    """Yield what an element asks for, one item an action.

    Raises:
        msgspec.ValidationError: When attributes are not an object.
    """
    user = element.customer_id
    match element:
        case Customer():
            marks = _read(element.attributes)
            yield Item("customer", mark_text(marks.ledger_id), user, mark_number(marks.seq))
        case Device():
            yield Item("device", element.device_id, user)
        case Event():
            for action in element.actions:
                marks = _read(action.attributes)
                own_id = mark_text(marks.ledger_id) or mark_text(marks.segment_message_id)
                yield Item("event", own_id, user, mark_number(marks.seq))


def _read(attributes: Raw | UnsetType) -> Marks:
    return NO_MARKS if isinstance(attributes, UnsetType) else _marks.decode(attributes)
