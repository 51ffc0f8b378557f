"""Settings of Moesif.

Source: contract of Moesif, section 8, which names the origin of each default; for sizes and ages
https://github.com/Moesif/apidocs at `41da5cf`, `source/includes/_errors.md`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, ValidationInfo, field_validator

from processor.config import HeaderSecret
from processor.destinations.addresses import checked_address, is_absolute, is_ip
from processor.destinations.gates import GateSettings
from processor.destinations.spellings import add_spellings, spelled

EnabledType = Literal["track", "identify", "page", "screen", "group"]

PRESET_SETTINGS = frozenset(
    {"company_id_paths", "session_token_path", "subscription_id_path", "enabled_types", "alias_mode"}
)
"""Settings that only shape the presets; a list of subscriptions says these things itself."""


class MoesifSettings(GateSettings):
    """How to reach Moesif and what to send."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=add_spellings)

    application_id: HeaderSecret = Field(
        validation_alias=spelled("application_id", "api_key"),
        description="The Collector Application Id, which Segment calls API key, from the environment or a file. Sent "
        "as `X-Moesif-Application-Id`.",
    )
    allow_http: bool = Field(
        default=False,
        description="Let `base_url` be plain http on another machine. Default false: the key would travel in the "
        "clear.",
    )
    base_url: str = Field(
        default="https://api.moesif.net",
        description="Address of the collector, with or without `/v1`. Default: the vendor's. The vendor's encryption "
        "proxy on the own machine is `http://localhost:9500/collector/v1`.",
    )
    gzip: bool = Field(
        default=True,
        description="Compress request bodies. Default true, as the vendor's Node and Go clients do.",
    )
    batch_size: int | None = Field(
        default=None,
        ge=1,
        description="Most records in one request, at every endpoint. Default: 250 actions, 100 users, 100 companies, "
        "near the vendor's own clients.",
    )
    flush_interval_ms: int = Field(
        default=2000,
        ge=0,
        description="Longest wait of a record for its batch to fill, in milliseconds. Default 2000, as the Node "
        "client.",
    )
    max_request_bytes: int | None = Field(
        default=None,
        ge=1,
        description="Largest request body in bytes before compression, at every endpoint. Default: 5000000 for "
        "actions, a third of the documented 15 MB; 240000 for users and companies, below the 250 KB of the clients' "
        "comments.",
    )
    max_event_bytes: int = Field(
        default=1_000_000,
        ge=1,
        description="Largest record in bytes of JSON; a larger one is a dead letter. Default 1000000, the vendor's "
        "hard limit of 1 MB.",
    )
    max_retries: int | None = Field(
        default=None,
        ge=0,
        description="Failed retries after which a record is a dead letter (`vendor_error`): one less than "
        "`delivery.max_attempts`. Answers of 429, or that name a pause, do not count. Default unlimited, where the "
        "vendor's clients drop events after 1 to 3: an outage is not a bad event.",
    )
    max_retry_after_s: float = Field(
        default=900.0,
        gt=0,
        description="Longest pause that a `Retry-After` may ask for, in seconds. Default 900: a wrong answer must not "
        "stop delivery for a day.",
    )
    default_uri: str = Field(
        default="https://segment.invalid/",
        description="`request.uri` of actions without a usable page address, as Moesif requires one. Default: a "
        "reserved name, absolute and recognisable in reports.",
    )
    page_name_mode: Literal["named", "generic"] = Field(
        default="named",
        description="`named`: page and screen actions are called `Viewed <category> <name> Page`, which multiplies "
        "action names; `generic`: `Loaded a Page`. Default named, after Segment's Mixpanel destination.",
    )
    enabled_types: frozenset[EnabledType] = Field(
        default=frozenset({"track", "identify", "page", "screen", "group"}),
        description="Event types that the presets take; others are skipped as `unsupported_type`. Default all. The "
        "vendor's own integration takes track and identify. Alias is governed by `alias_mode` alone.",
    )
    company_id_paths: dict[EnabledType, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Paths by event type at which the presets look for the company, the first usable one winning. "
        "Default: `context.groupId`, then `context.traits.company.id`; before them `traits.company.id` for identify; "
        "`groupId` for group.",
    )
    session_token_path: str | None = Field(
        default=None,
        description="Path at which the presets find a session token of actions and users. Default none: Segment "
        "has none.",
    )
    subscription_id_path: str | None = Field(
        default=None,
        description="Path at which the presets find a subscription id of actions. Default none: Segment has none.",
    )
    send_anonymous_id: bool = Field(
        default=True,
        description="Send `anonymous_id` beside `user_id` in user updates, which merges the visitor's profile. Default "
        "true, as the vendor's browser client does.",
    )
    anonymous_identify: Literal["skip", "send"] = Field(
        default="skip",
        description="What becomes of identify without a user: `skip`, or `send` with the anonymous id alone. Default "
        "skip, as the vendor advises to identify real users only.",
    )
    group_links_user: bool = Field(
        default=True,
        description="Let a group call also set the user's company. Default true, as the browser client links the two.",
    )
    alias_mode: Literal["skip", "merge_anonymous"] = Field(
        default="skip",
        description="What the presets make of alias: `skip`, or `merge_anonymous`, right only where `previousId` is an "
        "anonymous id. Default skip: Moesif has no such call.",
    )
    max_event_age_days: float = Field(
        default=30.0,
        ge=0,
        description="Age in days beyond which an action is a dead letter, as Moesif refuses it. 0 switches the check "
        "off, for accounts that are opened for backfill. Default 30, the vendor's limit.",
    )
    max_update_age_days: float = Field(
        default=0.0,
        ge=0,
        description="Age in days beyond which an identify or group is skipped as `event_expired`, so that a replay of "
        "old events overwrites no newer profile. 0 switches the check off. Default 0.",
    )
    missing_ip_value: str | None = Field(
        default=None,
        description="Address to send with actions that have none, as Moesif would stamp this program's own address on "
        "them. Default none: no placeholder is documented.",
    )
    integration_names: tuple[str, ...] = Field(
        default=("Moesif API Analytics", "moesif-api-analytics"),
        description="Names under which this destination stands in `integrations` and `_metadata.bundled`. Case counts. "
        "Default: the two of Segment's catalogue.",
    )

    @field_validator("default_uri")
    @classmethod
    def _uri_is_absolute(cls, value: str) -> str:
        """Refuse an address that Moesif would refuse with every action."""
        if not is_absolute(value):
            raise ValueError("must look like scheme://host")
        return value

    @field_validator("missing_ip_value")
    @classmethod
    def _placeholder_is_an_address(cls, value: str | None) -> str | None:
        """Refuse a placeholder that is no address."""
        if value is not None and not is_ip(value):
            raise ValueError("must be an IPv4 or IPv6 address")
        return value

    @field_validator("base_url")
    @classmethod
    def _address_is_safe(cls, value: str, info: ValidationInfo) -> str:
        """Refuse an address to which the key must not go."""
        return checked_address(value, allow_http=info.data.get("allow_http", False))
