"""What the stand-ins accept, how strictly they look and what they keep."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from processor.sandbox.faults import Fault
from processor.sandbox.moengage_settings import MoEngageWorkspace

Checks = Literal["full", "light"]


class SandboxKeys(BaseModel):
    """The made-up credentials that the stand-ins accept; they open nothing else, so they may be written literally."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    moveo_api_keys: tuple[str, ...] = Field(
        default=("moveo-example-key",),
        min_length=1,
        description="Values accepted bare in `Authorization`. Several, so that a key can be rotated under load.",
    )
    moesif_application_ids: tuple[str, ...] = Field(
        default=("moesif-example-application-id",),
        min_length=1,
        description="Values accepted in `X-Moesif-Application-Id`.",
    )
    moveo_forbidden_api_keys: tuple[str, ...] = Field(
        default=("moveo-example-forbidden-key",),
        description="Values of `Authorization` that are answered 403.",
    )
    moesif_unpaid_application_ids: tuple[str, ...] = Field(
        default=("moesif-example-unpaid-application-id",),
        description="Values of `X-Moesif-Application-Id` that are answered 402: the subscription has ended.",
    )
    moesif_forbidden_application_ids: tuple[str, ...] = Field(
        default=("moesif-example-forbidden-application-id",),
        description="Values of `X-Moesif-Application-Id` that are answered 403.",
    )
    moengage_workspace_id: str = Field(
        default="WKSPACE7EXAMPLE",
        min_length=1,
        description="The workspace: user name of Basic authentication, `MOE-APPKEY`, and part of paths and queries.",
    )
    moengage_api_keys: tuple[str, ...] = Field(
        default=("moengage-example-key",),
        min_length=1,
        description="Values accepted as password of Basic authentication.",
    )


class SandboxLimits(BaseModel):
    """What a stand-in takes: sizes of bodies before compression, above which it answers 413, counts and rates."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    moveo_request_bytes: int = Field(
        default=475_000, gt=0, description="Largest Moveo body; the vendor's own client aims at this figure."
    )
    moveo_event_bytes: int = Field(
        default=32_000,
        gt=0,
        description="Largest Moveo event, not counting its `sentAt`; the vendor's client skips above.",
    )
    moveo_event_count: int | None = Field(
        default=None, gt=0, description="Most events in a Moveo request; none by default as the vendor names none."
    )
    moveo_requests_per_s: int | None = Field(
        default=None, gt=0, description="Most Moveo requests in a second, then 429; none as the vendor names none."
    )
    moesif_requests_per_s: int | None = Field(
        default=None,
        gt=0,
        description="Most Moesif requests in a second, then 429; none, as it says no more than that it may throttle.",
    )
    moesif_action_age_days: int | None = Field(
        default=30,
        gt=0,
        le=10_000,
        description="Days after which an action is too old, then 400; null: an account that is opened for backfill.",
    )
    moesif_actions_bytes: int = Field(
        default=15_000_000, gt=0, description="Largest body of actions: the newest figure of the vendor's pages."
    )
    moesif_profiles_bytes: int = Field(
        default=250_000,
        gt=0,
        description="Largest body of several users or companies, as the vendor's clients say; one alone may be larger.",
    )
    moesif_item_bytes: int = Field(default=1_000_000, gt=0, description="Largest single action, user or company.")
    moengage_bulk_bytes: int = Field(default=100_000, gt=0, description="Largest bulk body that MoEngage documents.")
    moengage_other_bytes: int = Field(default=128_000, gt=0, description="Largest body of every other MoEngage call.")


class SandboxSettings(BaseModel):
    """Everything about the stand-ins except where they listen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keys: SandboxKeys = Field(default=SandboxKeys(), description="Credentials that are accepted.")
    limits: SandboxLimits = Field(default=SandboxLimits(), description="Sizes, counts and rates that are accepted.")
    checks: Checks = Field(
        default="full",
        description="`full` looks at every field by the contract and keeps a state of each user; `light` reads what "
        "the record needs, for benchmarks.",
    )
    moveo_gzip: bool = Field(
        default=True, description="Whether Moveo One takes compressed bodies; off, it answers them 415."
    )
    moesif_gzip: bool = Field(default=True, description="Whether Moesif takes compressed bodies; off, it answers 415.")
    moengage_gzip: bool = Field(
        default=False,
        description="Whether MoEngage takes compressed bodies; off, as no page of the vendor mentions them: 415.",
    )
    moengage: MoEngageWorkspace = Field(
        default=MoEngageWorkspace(), description="What MoEngage's workspace has switched on, its quotas and its rates."
    )
    record: Path | None = Field(
        default=None,
        description="File that gets a JSON line for each item before the request is answered; none by default.",
    )
    keep_count: int = Field(
        default=500_000,
        ge=0,
        description="Lines kept in memory, the newest (0.3 KB each); bounded so that a benchmark of any length fits.",
    )
    dedupe_count: int = Field(
        default=1_000_000,
        gt=0,
        description="Ids by which a vendor knows a repeat, the newest; the vendors say nothing of how long they do.",
    )
    state_user_count: int = Field(
        default=200_000,
        gt=0,
        description="Users, and companies, of which a vendor keeps a state; beyond it the one that was quiet longest "
        "is forgotten, and the counts say so.",
    )
    state_event_count: int = Field(
        default=1_000, ge=0, description="Ids of its events that the state of a user lists, the newest."
    )
    faults: tuple[Fault, ...] = Field(default=(), description="Faults in force from the start; none by default.")
    seed: int = Field(default=0, description="Seed of every random choice, so that a failing run can be repeated.")
