"""Names of attributes and events: standard names, blocked and reserved ones, and the prefix that is MoEngage's own.

Source: the contract, sections 3.2 (standard names), 5.2 (attribute names), 5.3 (event names) and 5.4 (objects).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, Literal

from processor.destinations.text import id_text

Audience = Literal["user", "event", "group"]
"""Whose attributes a bag holds. A group's traits become attributes of the user, under a prefix of their own."""

MAX_NAME_CHARACTERS: Final = 200

GROUP_PREFIX: Final = "group_"
"""Put in front of a group's traits, which MoEngage keeps as attributes of the user."""

_OURS: Final = "segment_"
"""Put in front of names that are not free for senders."""
_RESERVED_PREFIX: Final = "moe_"

_STANDARD: Final = {
    "firstName": "first_name",
    "firstname": "first_name",
    "lastName": "last_name",
    "lastname": "last_name",
    "phone": "mobile",
    "createdAt": "created_time",
    "created_at": "created_time",
}
"""Both spellings of each, because standard names apply in every `key_case`. The other standard names need no change."""

TEXT_NAMES: Final = frozenset({"email", "mobile"})
"""Standard attributes that are text: a number there would be stored under another data type."""

_BLOCKED: Final = frozenset({"", "id", "_id"})
"""User attributes that MoEngage drops: they repeat the user's id."""

_COMMANDS: Final = frozenset({"addValueToArrayField", "removeValueFromArrayField"})
"""MoEngage executes these inside `attributes`; no event should be able to."""

_RESERVED: Final = frozenset(
    {
        "user_attribute_unique_id",
        "user_attribute_user_email",
        "user_attribute_user_mobile",
        "user_attribute_user_name",
        "user_attribute_user_gender",
        "user_attribute_user_first_name",
        "user_attribute_user_last_name",
        "user_attribute_user_bday",
        "user_attribute_notification_pref",
        "user_attribute_old_id",
        "user_attribute_dnd_start_time",
        "user_attribute_dnd_end_time",
        "moe_time_format",
        "moe_time_timezone",
        "moe_gaid",
        "install",
        "update",
        "moe_islat",
        "status",
        "user_id",
        "source",
    }
)
_ALLOWED: Final[dict[Audience, frozenset[str]]] = {
    "user": frozenset(
        {
            "moe_wa_subscription",
            "moe_em_unsub_categories",
            "moe_sub_w",
            "moe_spam",
            "moe_unsubscribe",
            "moe_hard_bounce",
            "moe_sms_subscription",
            "moe_email_optin_status",
            "moe_gaid",
        }
    ),
    "event": frozenset({"moe_project_name"}),
    "group": frozenset(),
}
_STANDARD_NAMES: Final = (
    _ALLOWED["user"]
    | TEXT_NAMES
    | {"name", "first_name", "last_name", "gender", "birthday", "age", "created_time"}
    | {"u_n", "u_fn", "u_ln", "u_em", "u_mb", "u_gd", "u_bd", "cr_t"}
)
"""Attributes of a user that are MoEngage's own, under the readable and the stored names."""


def attribute_name(name: str, audience: Audience) -> str:
    """Return the name under which an attribute is sent, not cut yet; empty text when it must not be sent.

    `name` is converted and flattened already. Standard names and reserved words concern users only.
    """
    if audience == "user":
        name = _STANDARD.get(name, name)
        if name in _BLOCKED:
            return ""
    elif audience == "group":
        name = GROUP_PREFIX + name
    return "" if name in _COMMANDS else _free_name(name, audience)


def _free_name(name: str, audience: Audience) -> str:
    """Return the name, with ours in front where MoEngage keeps it for itself. Compared without case."""
    plain = name.lower()
    if plain in _ALLOWED[audience]:
        return name
    is_reserved = plain.startswith(_RESERVED_PREFIX) or (audience == "user" and plain in _RESERVED)
    return _OURS + name if is_reserved else name


def may_hold_objects(name: str, audience: Audience) -> bool:
    """Return whether MoEngage takes objects under the name that is sent: of users only under names of their own."""
    return audience != "user" or name not in _STANDARD_NAMES


def cut_name(name: str) -> str:
    """Return a name as MoEngage would cut it."""
    return name[:MAX_NAME_CHARACTERS]


def is_near_reserved(name: str) -> bool:
    """Return whether an event's name starts like MoEngage's own, which its naming guide warns about."""
    return name[:3].lower() == "moe"


def event_name(value: Any) -> str | None:  # noqa: ANN401 - any JSON value may stand where a name should
    """Return the name of an event as it is sent, or None when the value is no name.

    Kept verbatim but for three things: MoEngage turns a period into a blank, keeps the prefix `moe_` for itself and
    cuts long names.
    """
    text = id_text(value)
    if text is None:
        return None
    return _sent_name(text) if len(text) <= MAX_NAME_CHARACTERS else cut_name(_freed(text))


@lru_cache(maxsize=4096)
def _sent_name(text: str) -> str:
    """Return a short name of an event as it is sent; cached, for a workspace has some hundred of them."""
    return cut_name(_freed(text))


def _freed(text: str) -> str:
    """Return a name without periods and without the prefix that MoEngage keeps for itself."""
    name = text.replace(".", "_")
    return _OURS + name if name[: len(_RESERVED_PREFIX)].lower() == _RESERVED_PREFIX else name
