"""What MoEngage's stand-in takes its workspace to be: features, quotas, rates, and the state of the account.

Source: MoEngage's rate limits, data tracking policy, fair usage policy and page on objects, as of 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Account = Literal["active", "suspended", "temporarily_suspended", "blocked_client", "blacklisted", "secret_not_set"]
PinnedType = Literal["text", "number", "boolean", "date", "list", "object"]


class MoEngageRates(BaseModel):
    """What a workspace may send; above it a request is answered with 429. A workspace's own figures may differ."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    users_per_minute: int = Field(default=60_000, gt=0, description="Customer elements in bulk; 10,000 before.")
    events_per_minute: int = Field(default=60_000, gt=0, description="Actions in bulk; 30,000 before.")
    devices_per_minute: int = Field(default=10_000, gt=0, description="Device elements, in bulk and alone.")
    single_users_per_minute: int = Field(default=10_000, gt=0, description="Calls of the route for one user.")
    single_events_per_minute: int = Field(default=30_000, gt=0, description="Calls of the route for one event.")
    merges_per_minute: int = Field(default=1_000, gt=0, description="Calls that merge users.")
    deletions_per_minute: int = Field(default=5_000, gt=0, description="Calls that delete a user.")
    segment_requests_per_second: int = Field(default=500, gt=0, description="Messages of Segment's own route.")
    reset_form: Literal["seconds", "epoch"] = Field(
        default="seconds",
        description="Form of `x-ratelimit-reset`: seconds left, or when in seconds since 1970. Pages name both.",
    )


class MoEngageFairUse(BaseModel):
    """How much of one user is taken in; above it the user's data is dropped for a time, and nobody is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_minute: int = Field(default=5_000, gt=0, description="Items of a user in a minute; above: one hour.")
    per_five_minutes: int = Field(default=10_000, gt=0, description="In five minutes; above: one hour.")
    per_hour: int = Field(default=50_000, gt=0, description="In an hour; above: one day.")
    per_day: int = Field(default=100_000, gt=0, description="In a day; above: one day.")


class MoEngageWorkspace(BaseModel):
    """One workspace. What is on by default is what the vendor does to every workspace."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: Account = Field(default="active", description="State of the account; all but `active` refuse every call.")
    allowed_addresses: tuple[str, ...] | None = Field(
        default=None, description="Addresses one of which `X-Forwarded-For` must name; none: the list is off."
    )
    rates: MoEngageRates | None = Field(
        default=None,
        description="Rates that are kept, `{}` for those of the vendor's pages; off by default, so that a run is not "
        "slowed to a minute's quota.",
    )
    fair_use: MoEngageFairUse | None = Field(
        default=MoEngageFairUse(), description="Bounds of one user's data; null: none."
    )
    takes_objects: bool = Field(
        default=True, description="Whether object attributes are switched on; else each of them is dropped."
    )
    has_identity_resolution: bool = Field(
        default=False, description="Whether identity resolution is on, which switches merging off."
    )
    pinned_types: Mapping[str, PinnedType] = Field(
        default_factory=dict, description="Attributes whose type is pinned: a value is cast to it, or dropped."
    )
    element_count: int | None = Field(
        default=None, gt=0, description="Most elements in a bulk request; none by default as the vendor names none."
    )
    user_attribute_count: int = Field(default=256, gt=0, description="Names of user attributes; new ones are dropped.")
    event_name_count: int = Field(default=512, gt=0, description="Names of events; events of new ones are dropped.")
    event_attribute_count: int = Field(default=100, gt=0, description="Attributes of an event; the first are kept.")
    user_object_count: int = Field(default=10, gt=0, description="User attributes that hold objects.")
    event_object_count: int = Field(default=5, gt=0, description="Event attributes that hold objects.")
    device_count: int = Field(default=1_000, gt=0, description="Devices of a user; one more blocks the user's data.")
