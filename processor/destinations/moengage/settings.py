"""Settings of MoEngage, named as in Segment's destination where Segment has them.

Source: the contract, sections 2.1, 2.2 and 8.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from processor.config import HeaderSecret
from processor.destinations.addresses import checked_address
from processor.destinations.gates import GateSettings
from processor.destinations.moengage.keys import KeyCase
from processor.destinations.moengage.names import MAX_NAME_CHARACTERS
from processor.destinations.spellings import add_spellings, spelled

AttributeName = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME_CHARACTERS)]
Region = Literal["DC_01", "DC_02", "DC_03", "DC_04", "DC_05", "DC_06", "DC_101"]

INTEGRATION_NAMES: Final = ("MoEngage", "Moengage (Actions)")
"""The classic destination and its successor; the lower-case e is Segment's."""

_SEGMENTS_REGIONS: Final = ("DC_01", "DC_02", "DC_03", "DC_04", "DC_05")
_WORKSPACE: Final = r"^[^\x00-\x20:\x7f](?:[^\x00-\x1f:\x7f]*[^\x00-\x20:\x7f])?$"
"""What Basic authentication takes for a user: no colon, no control characters, no blanks around it."""
_PLAIN_WORKSPACE: Final = re.compile(r"[!-9;-~]+")
"""What the headers and addresses of the documented API take as well."""
_HEADER_TEXT: Final = r"^[!-~]+( [!-~]+)*$"
"""What may stand in a header, so that a line break in a file cannot add one."""
_TEST_MARK: Final = "_DEBUG"
"""Stands behind a workspace id in its test environment. Source: requests of MoEngage's Android SDK in a debug build, as
in issue 9 of github.com/moengage/Android-Sample; the Data API's pages are silent."""
_BULK_ONLY: Final = (
    "page_events",
    "screen_events",
    "group_attributes",
    "device_elements",
    "unset_null_traits",
    "attribute_names",
)


class MoEngageSettings(GateSettings):
    """How to reach MoEngage and what to send."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=add_spellings)

    api_id: str = Field(
        min_length=1,
        pattern=_WORKSPACE,
        validation_alias=spelled("api_id", "app_id", "workspace_id"),
        examples=["WKSPACE7EXAMPLE"],
        description="Workspace id, which the dashboard also calls App ID: Settings, Account, General.",
    )
    api_key: HeaderSecret = Field(
        description="API key of the Data tile, from the environment or a file. It is the password of Basic "
        "authentication.",
    )
    region: Region = Field(
        examples=["DC_01"],
        description="Data centre of the workspace, as the number in the dashboard's address says. Never guessed: a "
        "wrong one means authentication errors or, worse, silence.",
    )
    environment: Literal["live", "test"] = Field(
        default="live",
        description="The workspace's environment. `test` puts `_DEBUG` behind the workspace id, as MoEngage's SDKs do "
        "in debug builds; `api_key` is then the key that the dashboard shows in its test environment. Default live.",
    )
    base_url: str | None = Field(
        default=None,
        description="Address to use instead of the data centre's, for stand-ins and proxies. https, or http on the own "
        "machine. Default none.",
    )
    allow_http: bool = Field(
        default=False,
        description="Let `base_url` be plain http on another machine. Default false: the key would travel in the "
        "clear.",
    )
    profile: Literal["classic", "actions"] = Field(
        default="classic",
        description="Whose rules decide what is sent: `classic` are this bridge's, made for Segment's classic cloud "
        "mode and MoEngage's documented API; `actions` those of Segment's MoEngage (Actions) destination, to the "
        "letter: its endpoint (`mode: segment_private`), anonymous users, its validation of fields and its regions. "
        "Default classic: far fewer requests, and only what MoEngage documents.",
    )
    mode: Literal["bulk", "segment_private"] = Field(
        default="bulk",
        description="`bulk` is MoEngage's public import with many messages a request; `segment_private` the endpoint "
        "that Segment itself posts to, one message a request. Default bulk: documented, and far fewer requests; with "
        "`profile: actions` segment_private.",
    )
    key_case: KeyCase | None = Field(
        default=None,
        description="Form of keys of traits and properties: `snake`, `preserve`, or `segment_warehouse` for the names "
        "of the columns in a Segment warehouse. Default snake in mode bulk, as Segment's classic cloud mode, and "
        "preserve in mode segment_private.",
    )
    nested: Literal["flatten", "native"] = Field(
        default="flatten",
        description="What becomes of objects: joined keys, or objects. Default flatten, because a workspace refuses "
        "objects until MoEngage enables them.",
    )
    update_existing_only: bool = Field(
        default=False,
        description="Let identify calls update known users only, where the mapping does not say. Default false, as in "
        "Segment. In bulk, events of unknown users create the user all the same.",
    )
    attribute_names: Mapping[str, AttributeName] = Field(
        default_factory=dict,
        description="Other names for user attributes, by the name that they would be sent under, such as "
        "`{email: u_em}` for the stored name. Default none: MoEngage's readable names.",
    )
    real_time_action: bool = Field(
        default=True,
        description="Mark events so that they can enter event-triggered campaigns. Default true: MoEngage ignores "
        "server events there without it.",
    )
    include_message_id: bool = Field(
        default=False,
        description="Send the `messageId` as attribute `segment_message_id`, to find duplicates. Default false: it "
        "costs one of a hundred attributes.",
    )
    project_name: str | None = Field(
        default=None,
        min_length=1,
        description="Portfolio project by name, sent as event attribute `moe_project_name` where the mapping gives "
        "none. Default none.",
    )
    project_code: str | None = Field(
        default=None,
        min_length=1,
        description="Portfolio project by id, sent as query parameter `project_code`. Default none.",
    )
    unset_null_traits: bool = Field(
        default=False,
        description="Let null traits remove the user's attribute, and empty lists empty it. Default false: MoEngage "
        "offers it as early access.",
    )
    traits_id_as_customer_id: bool = Field(
        default=False,
        description="Let a usable `traits.id` of an identify name the user instead of `userId`. Default false: two "
        "identities split profiles.",
    )
    device_elements: bool = Field(
        default=False,
        description="Register the push token of an identify as a device, and name the device of events. Default false: "
        "the SDK does it where it is installed.",
    )
    page_events: bool = Field(
        default=False,
        description="Send page calls as event `Page Viewed`. Default false: MoEngage advises against page views.",
    )
    screen_events: bool = Field(
        default=False, description="Send screen calls as event `Screen Viewed`. Default false, as for pages."
    )
    group_attributes: bool = Field(
        default=False,
        description="Send group traits as attributes `group_…` of the user. Default false: no integration of "
        "MoEngage does.",
    )
    alias: Literal["drop", "merge"] = Field(
        default="drop",
        description="What an alias does. `merge` joins two registered users for good. Default drop: most aliases name "
        "an anonymous id, which cannot be merged.",
    )
    delete_users: bool = Field(
        default=False,
        description="Let Segment's deletion requests delete the user at MoEngage. Default false: it cannot be undone.",
    )
    allow_anonymous: bool = Field(
        default=False,
        description="Send messages that have no `userId` but an `anonymousId`; mode segment_private only. Default "
        "false, as in Segment's classic destination; `profile: actions` always does.",
    )
    integration_names: tuple[str, ...] = Field(
        default=INTEGRATION_NAMES,
        description="Names under which this destination stands in `integrations`. Case counts. Default: those of "
        "Segment's two MoEngage destinations.",
    )
    max_request_bytes: int = Field(
        default=95_000,
        ge=1_000,
        le=99_900,
        description="Largest bulk request in bytes; a single element above it is a dead letter. Default 95000: "
        "MoEngage takes 100 KB, and the rest is headroom.",
    )
    max_elements: int = Field(
        default=200,
        ge=1,
        description="Most elements in a bulk request. Default 200: MoEngage states no number, and 200 of usual "
        "size fit.",
    )
    users_per_minute: int = Field(
        default=10_000, ge=1, description="Most users a minute. Default 10000, the lower of MoEngage's two figures."
    )
    events_per_minute: int = Field(
        default=30_000, ge=1, description="Most events a minute. Default 30000, the lower of MoEngage's two figures."
    )
    devices_per_minute: int = Field(
        default=10_000, ge=1, description="Most devices a minute. Default 10000, MoEngage's figure for single devices."
    )
    requests_per_second: int = Field(
        default=500,
        ge=1,
        description="Most requests a second, of all kinds together. Default 500, what MoEngage allows to a workspace's "
        "feed from Segment; it is the limit of mode segment_private, where each message is a request.",
    )
    merges_per_minute: int = Field(
        default=1_000, ge=1, description="Most merge requests a minute. Default 1000, MoEngage's figure."
    )
    deletes_per_minute: int = Field(
        default=5_000, ge=1, description="Most deletion requests a minute. Default 5000, MoEngage's figure."
    )
    fair_use_share: float | None = Field(
        default=0.8,
        gt=0,
        le=1,
        description="Part of MoEngage's fair-use limits for a single user that is used up here: 5,000 messages in a "
        "minute, 10,000 in five, 50,000 in an hour, 100,000 in a day. What goes beyond is a dead letter, "
        "`fair_use_exceeded`. Each process counts for itself: divide where a user's messages reach several. null: no "
        "guard. Default 0.8: MoEngage blocks a user beyond them for an hour to a week and says nothing, and other "
        "servers of yours count as well.",
    )
    x_forwarded_for: str | None = Field(
        default=None,
        pattern=_HEADER_TEXT,
        description="Value of the header `X-Forwarded-For`, needed where the workspace allows listed addresses only. "
        "Default none.",
    )
    gzip: bool = Field(
        default=False,
        description="Compress requests. Default false: no source says that MoEngage takes it. For tests.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        """Refuse settings that contradict each other."""
        if self.base_url is not None:
            checked_address(self.base_url, allow_http=self.allow_http)
        if not self.is_private and self.allow_anonymous:
            raise ValueError("allow_anonymous needs mode segment_private: bulk refuses anonymous users")
        refused = [name for name in _BULK_ONLY if getattr(self, name)] if self.is_private else []
        if refused:
            raise ValueError(f"{', '.join(refused)} needs mode bulk: Segment's endpoint has no such call")
        return self

    @model_validator(mode="after")
    def _check_profile(self) -> Self:
        """Refuse what the profile does not go with, where the file says so itself."""
        if self.profile == "classic":
            if _PLAIN_WORKSPACE.fullmatch(self.api_id) is None:
                raise ValueError("api_id holds a blank or what is not ASCII; only profile actions takes such an id")
            return self
        if self.region not in _SEGMENTS_REGIONS:
            allowed = ", ".join(_SEGMENTS_REGIONS)
            raise ValueError(f"profile actions knows Segment's regions only, not {self.region}; allowed: {allowed}")
        said = self.model_fields_set
        if "mode" in said and self.mode == "bulk":
            raise ValueError("profile actions needs mode segment_private: Segment sends one message a request")
        if "allow_anonymous" in said and not self.allow_anonymous:
            raise ValueError("profile actions sends anonymous users, so allow_anonymous cannot be false")
        return self

    @property
    def is_private(self) -> bool:
        """Return whether messages go to the endpoint that Segment itself posts to."""
        return self.profile == "actions" or self.mode == "segment_private"

    @property
    def workspace(self) -> str:
        """Return the workspace id as requests carry it: each environment has its own."""
        is_marked = self.environment == "live" or self.api_id.endswith(_TEST_MARK)
        return self.api_id if is_marked else self.api_id + _TEST_MARK

    @property
    def keys(self) -> KeyCase:
        """Return the form of keys that is in force."""
        if self.key_case is not None:
            return self.key_case
        return "preserve" if self.is_private else "snake"

    @property
    def origin(self) -> str:
        """Return scheme, host and port of the API, without a slash at the end."""
        if self.base_url is not None:
            return self.base_url.rstrip("/")
        return f"https://api-{self.data_centre}.moengage.com"

    @property
    def data_centre(self) -> str:
        """Return the number of the data centre, as it stands in its host name."""
        return self.region.removeprefix("DC_")
