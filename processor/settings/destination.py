"""Settings of one destination: its vendor, where it begins, what is sent and how."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, create_model
from pydantic_core import PydanticCustomError

from processor.config import masked, refuse, secrets_in
from processor.delivery.settings import DeliverySettings
from processor.destinations.base import Destination
from processor.destinations.filters import FilterSettings
from processor.destinations.privacy_settings import PrivacySettings
from processor.errors import ConfigError
from processor.mapping import SubscriptionSettings
from processor.settings.from_file import add_from_file
from processor.source.decode_settings import DecodeSettings
from processor.source.event_path import EventPath
from processor.source.settings import OnExpired
from processor.source.start import Start
from processor.source.suppressed import SuppressedUsersSettings

SubscriptionsT = TypeVar("SubscriptionsT", bound="tuple[SubscriptionSettings, ...] | str")

_GROUP_ID_CHARS = 255
"""As many as the broker's own files take."""


def _path(text: str) -> str:
    """Return a path of names; refuse what is none."""
    try:
        EventPath.parse(text)
    except ConfigError as error:
        raise ValueError(str(error)) from None
    return text


def _default_or_listed(value: object) -> object:
    """Return what may be subscriptions; refuse the rest by all forms, of which pydantic does not see names of files."""
    if value == "default" or isinstance(value, list | tuple):
        return value
    raise PydanticCustomError("literal_error", "'default', a list or {from_file: …}", {"expected": "'default'"})


def _named_once(subscriptions: SubscriptionsT) -> SubscriptionsT:
    """Return the subscriptions; refuse two of one name, which metrics and dead letters could not tell apart."""
    if isinstance(subscriptions, str):
        return subscriptions
    uses = Counter(subscription.name for subscription in subscriptions)
    twice = [index for index, subscription in enumerate(subscriptions) if uses[subscription.name] > 1]
    if twice:
        raise refuse(
            *(((index, "name"), "another subscription of this destination has the same name") for index in twice)
        )
    return subscriptions


class DestinationSettings(BaseModel):
    """One destination. For each vendor there is a model of its own in which `settings` are that vendor's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str = Field(description="The vendor. Required.")
    start: Start = Field(
        description="Where a group without offsets begins: earliest, latest, or a time such as 2026-01-31T08:00:00Z. "
        "Required: nobody's whole history goes to a vendor by accident.",
    )
    settings: BaseModel = Field(description="The vendor's own settings. Required.")
    subscriptions: Annotated[
        Literal["default"] | tuple[SubscriptionSettings, ...],
        BeforeValidator(_default_or_listed),
        AfterValidator(_named_once),
    ] = Field(
        default="default",
        description="Which events become which action: default (the vendor's presets), or a list in Segment's "
        "form, or a file with such a list: {from_file: mappings/crm.yaml}, relative to this one. Default: default.",
        json_schema_extra=add_from_file,
    )
    privacy: PrivacySettings | None = Field(
        default=None,
        description="What is dropped, hashed or cut in every event before triggers, filters and mappings see it. "
        "Default none.",
    )
    suppressed_users: SuppressedUsersSettings | None = Field(
        default=None,
        description="Users of whom nothing is sent. Default none.",
    )
    filters: tuple[FilterSettings, ...] = Field(
        default=(),
        description="Destination filters as Segment's Public API returns them. They run on events that a subscription "
        "takes, before its mapping. Default none.",
    )
    deliver: bool = Field(
        default=True,
        description="false: map, check and count, but send nothing, for running beside an existing integration. "
        "Offsets move on as if it were delivered. Default true.",
    )
    on_expired: OnExpired = Field(
        default="stop",
        description="What to do when the broker has deleted records before they were read: stop, or continue at the "
        "start of the log. Default stop: it is loss, and somebody should know.",
    )
    group_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=_GROUP_ID_CHARS,
        description="Consumer group. Default: <group_prefix>.<name of the destination>.",
    )
    event_path: Annotated[str, AfterValidator(_path)] | None = Field(
        default=None,
        description="Names with dots between that lead from a record's value to the event, for producers that wrap it: "
        "payload.event. Default none: the value is the event.",
    )
    decode: DecodeSettings = Field(
        default_factory=DecodeSettings,
        description="What values are written in, and how large they may be. Default: JSON.",
    )
    delivery: DeliverySettings = Field(
        default_factory=DeliverySettings,
        description="How payloads become requests. Default: the limits of the vendor's contract.",
    )

    def mask(self, text: str) -> str:
        """Return a vendor's text without this destination's secrets, should an answer repeat one."""
        return masked(text, secrets_in(self))


@cache
def destination_model(type_name: str, vendor: type[Destination]) -> type[DestinationSettings]:
    """Return the model for destinations of one vendor."""
    summary = vendor.summary or DestinationSettings.model_fields["type"].description
    literal: Any = Literal[type_name]
    return create_model(
        f"{vendor.settings_model.__name__.removesuffix('Settings')}DestinationSettings",
        __base__=DestinationSettings,
        __doc__=f"A destination of type {type_name}.",
        type=(literal, Field(description=summary)),
        settings=(vendor.settings_model, Field(description="The vendor's own settings. Required.")),
    )


def _label(name: str) -> str:
    """Return a name that can stand in group ids, metrics and Kubernetes alike; refuse others."""
    is_label = name.isascii() and name.replace("-", "a").isalnum() and name == name.lower()
    if not is_label or name[0] == "-" or name[-1] == "-" or len(name) > _LABEL_CHARS:
        raise ValueError(f"lower-case letters, digits and hyphens between them, up to {_LABEL_CHARS} characters")
    return name


_LABEL_CHARS = 63

DestinationName = Annotated[
    str,
    AfterValidator(_label),
    WithJsonSchema({"type": "string", "pattern": f"^[a-z0-9]([a-z0-9-]{{0,{_LABEL_CHARS - 2}}}[a-z0-9])?$"}),
]
"""A DNS label."""
