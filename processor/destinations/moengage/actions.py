"""MoEngage's actions and their fields.

`trackEvent` and `identifyUser` are named, with their fields, as in Segment's MoEngage (Actions) destination, so that
its subscriptions run here as they are. The others are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from processor.destinations.base import Action, Field
from processor.destinations.forms import Form
from processor.destinations.moengage.events import EventBuilder
from processor.destinations.moengage.identity import customer_id
from processor.destinations.moengage.names import MAX_NAME_CHARACTERS
from processor.destinations.moengage.payloads import BULK, DELETE, MERGE, SEGMENT
from processor.destinations.moengage.private import PrivateBuilder, segment_text
from processor.destinations.moengage.profile_actions import IDENTIFY_RULES, TRACK_RULES, ActionsBuilder
from processor.destinations.moengage.quotas import Quotas
from processor.destinations.moengage.removals import delete, merge
from processor.destinations.moengage.settings import MoEngageSettings
from processor.destinations.moengage.users import UserBuilder
from processor.destinations.moengage.validation import Rule
from processor.destinations.moengage.values import MAX_TEXT_CHARACTERS
from processor.model import Skipped


def _path(name: str) -> dict[str, str]:
    """Return the mapping that copies a value of the event."""
    return {"@path": f"$.{name}"}


_USER: Final = Form("an id of two characters or more that MoEngage takes", lambda value: not _is_refused(value))
_SEGMENT_TEXT: Final = Form("a text, a number or a boolean", lambda value: segment_text(value) is not None)
_SEGMENT_TIME: Final = Form("a text or a number", lambda value: isinstance(value, str) or type(value) in {int, float})


def _is_refused(user_id: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Return whether a message about this user is left out."""
    return isinstance(customer_id(user_id), Skipped)


_TYPE: Final = Field(
    "type",
    "string",
    "Type of the call, the event's unless mapped. Only Segment's endpoint is told.",
    default=_path("type"),
)
_USER_ID: Final = Field(
    "userId",
    "string",
    "The user, trimmed; numbers become text. Without one, or with one of the ids that MoEngage refuses, the message is "
    "skipped.",
    default=_path("userId"),
    form=_USER,
)
_ANONYMOUS_ID: Final = Field(
    "anonymousId", "string", "The visitor. Only Segment's endpoint is told.", default=_path("anonymousId")
)
_OS_NAME: Final = Field(
    "os_name", "string", "Operating system; decides the platform of an event.", default=_path("context.os.name")
)
_APP_VERSION: Final = Field("app_version", "string", "Version of the app.", default=_path("context.app.version"))
_LIBRARY_VERSION: Final = Field(
    "library_version",
    "string",
    "Version of the library. Only Segment's endpoint is told.",
    default=_path("context.library.version"),
)
_PROPERTIES: Final = Field(
    "properties", "object", "Attributes of the event. Keys are converted.", default=_path("properties")
)
_TRAITS: Final = Field("traits", "object", "Attributes of the user. Keys are converted.", default=_path("traits"))
_TIMESTAMP: Final = Field(
    "timestamp",
    "datetime",
    "When it happened. Where it cannot be read, the event's other times and then the record's follow.",
    default=_path("timestamp"),
)
_UPDATE_EXISTING_ONLY: Final = Field(
    "update_existing_only",
    "boolean",
    "Update known users only. Where the mapping does not say, the setting of this name decides.",
)

_TRACK_EVENT: Final = (
    _TYPE,
    Field(
        "event",
        "string",
        "Name of the event; numbers become text.",
        required=True,
        default=_path("event"),
        max_length=MAX_NAME_CHARACTERS,
    ),
    _USER_ID,
    _ANONYMOUS_ID,
    _OS_NAME,
    _APP_VERSION,
    _LIBRARY_VERSION,
    _PROPERTIES,
    _TIMESTAMP,
    _UPDATE_EXISTING_ONLY,
    Field(
        "project_name",
        "string",
        "Portfolio project, sent as attribute `moe_project_name`. Where the mapping does not say, the setting decides.",
        max_length=MAX_TEXT_CHARACTERS,
    ),
)
_IDENTIFY_USER: Final = (
    _TYPE,
    _USER_ID,
    _ANONYMOUS_ID,
    _OS_NAME,
    _APP_VERSION,
    _LIBRARY_VERSION,
    _TRAITS,
    Field(
        "context_traits",
        "object",
        "Attributes of the user that `traits` overrides; not in Segment's destination. Bulk only.",
        default=_path("context.traits"),
    ),
    _TIMESTAMP,
    _UPDATE_EXISTING_ONLY,
)
_VIEW: Final = (
    _USER_ID,
    Field(
        "name",
        "string",
        "Name of the page or screen, an attribute.",
        default=_path("name"),
        max_length=MAX_TEXT_CHARACTERS,
    ),
    Field(
        "category", "string", "Its category, an attribute.", default=_path("category"), max_length=MAX_TEXT_CHARACTERS
    ),
    _OS_NAME,
    _APP_VERSION,
    _PROPERTIES,
    _TIMESTAMP,
)
_GROUP: Final = (
    _USER_ID,
    Field(
        "groupId",
        "string",
        "The group, sent as attribute `group_id`.",
        required=True,
        default=_path("groupId"),
        max_length=MAX_TEXT_CHARACTERS,
    ),
    Field("traits", "object", "Traits of the group, sent as attributes `group_…`.", default=_path("traits")),
    _UPDATE_EXISTING_ONLY,
)
_MERGE: Final = (
    _USER_ID,
    Field(
        "previousId",
        "string",
        "The user that is merged into `userId`.",
        required=True,
        default=_path("previousId"),
        form=_USER,
    ),
)
_ABOUT_USER: Final = (("userId",),)


def make_actions(settings: MoEngageSettings, quotas: Quotas) -> dict[str, Action]:
    """Return the actions by name, each with the rules of these settings; `quotas` counts names that bulk sends."""
    actions = _private(settings) if settings.is_private else _bulk(settings, quotas)
    actions += (
        Action("mergeUsers", "Merge a registered user into another, for good.", _MERGE, merge, (MERGE,), _ABOUT_USER),
        Action("deleteUser", "Delete a user, for good.", (_USER_ID,), delete, (DELETE,), _ABOUT_USER),
    )
    return {action.slug: action for action in actions}


def _private(settings: MoEngageSettings) -> tuple[Action, ...]:
    """Return the actions that Segment's endpoint knows."""
    builder: PrivateBuilder | ActionsBuilder
    about: tuple[tuple[str, ...], ...]
    if settings.profile == "actions":
        builder, about = ActionsBuilder(settings), ()
        track, identify = _ruled(_TRACK_EVENT, TRACK_RULES), _ruled(_IDENTIFY_USER, IDENTIFY_RULES)
    else:
        builder = PrivateBuilder(settings)
        track, identify = _as_segment(_TRACK_EVENT), _as_segment(_IDENTIFY_USER)
        about = (("userId", "anonymousId"),) if settings.allow_anonymous else _ABOUT_USER
    return (
        Action("trackEvent", "Send an event of a user.", track, builder.track, (SEGMENT,), about),
        Action("identifyUser", "Set attributes of a user.", identify, builder.identify, (SEGMENT,), about),
    )


def _ruled(fields: tuple[Field, ...], rules: Mapping[str, Rule]) -> tuple[Field, ...]:
    """Return fields with the forms of Segment's validation, which needs a `type` and cuts nothing."""
    return tuple(
        replace(
            field,
            form=rules[field.name].form if field.name in rules else field.form,
            required=field.required or field.name == "type",
            max_length=None,
        )
        for field in fields
    )


def _as_segment(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """Return fields as Segment's endpoint takes them: booleans become text, times stay as they are, nothing is cut."""
    forms = {"string": _SEGMENT_TEXT, "datetime": _SEGMENT_TIME}
    return tuple(replace(field, form=field.form or forms.get(field.type), max_length=None) for field in fields)


def _bulk(settings: MoEngageSettings, quotas: Quotas) -> tuple[Action, ...]:
    """Return the actions of the bulk import."""
    events, users = EventBuilder(settings, quotas), UserBuilder(settings, quotas)
    whom = (("userId", "traits"),) if settings.traits_id_as_customer_id else _ABOUT_USER
    return (
        Action("trackEvent", "Send an event of a user.", _TRACK_EVENT, events.track, (BULK,), _ABOUT_USER),
        Action("identifyUser", "Set attributes of a user.", _IDENTIFY_USER, users.identify, (BULK,), whom),
        Action("trackPage", "Send a page view as event `Page Viewed`.", _VIEW, events.page, (BULK,), _ABOUT_USER),
        Action(
            "trackScreen", "Send a screen view as event `Screen Viewed`.", _VIEW, events.screen, (BULK,), _ABOUT_USER
        ),
        Action("setGroupAttributes", "Keep a user's group as attributes.", _GROUP, users.group, (BULK,), _ABOUT_USER),
    )
