"""Moesif as a destination: its endpoints, headers and presets.

Source: contract of Moesif, sections 2.1, 4.9, 5 and 7.
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any, ClassVar, Final

from pydantic import BaseModel

from processor import __version__
from processor.destinations.base import Action, Backoff, Destination, Endpoint, Envelope
from processor.destinations.gates import Gates
from processor.destinations.moesif.answers import classify
from processor.destinations.moesif.sends import COUNTERS, make_sends
from processor.destinations.moesif.sends import ENDPOINT as ACTIONS
from processor.destinations.moesif.settings import PRESET_SETTINGS, MoesifSettings
from processor.destinations.moesif.updates import ANONYMOUS_USERS, COMPANIES, USERS, make_updates
from processor.destinations.presets import load_presets
from processor.model import Answer, Event, Mapped, Rejected, Skipped, Verdict

_OPERATION: Final = {ACTIONS: "action", USERS: "user", ANONYMOUS_USERS: "user", COMPANIES: "company"}
_BAGS: Final = ("context", "properties", "traits")
_CONTEXT_BAGS: Final = ("campaign", "page", "referrer", "traits")
_COMPANY: Final = ("company",)
_SEND_TYPES: Final = frozenset({"track", "page", "screen"})
_UNSUPPORTED_TYPE: Final = Skipped("unsupported_type")
_ALIAS_UNSUPPORTED: Final = Skipped("alias_unsupported")


class MoesifDestination(Destination):
    """Moesif's Collector API."""

    type: ClassVar[str] = "moesif"
    summary = "Moesif: custom actions, user updates and company updates of the Collector API"
    settings_model: ClassVar[builtins.type[BaseModel]] = MoesifSettings
    preset_settings = PRESET_SETTINGS
    limit_settings: ClassVar[dict[str, str]] = {
        "batch_size": "max_batch_count",
        "flush_interval_ms": "max_wait_ms",
        "max_request_bytes": "max_body_bytes",
    }
    delivery_settings: ClassVar[dict[str, str]] = {"max_retries": "max_attempts"}
    counters = COUNTERS

    def __init__(self, name: str, settings: MoesifSettings) -> None:
        """Make everything that the settings decide, once."""
        self.name = name
        self.settings: MoesifSettings = settings
        self.gates = Gates(settings)
        self._switched_off = _switched_off(settings)
        self.backoff = Backoff(jitter="up_to_20_percent", max_retry_after_s=settings.max_retry_after_s)
        self.delivery_limits = {"max_attempts": None if settings.max_retries is None else settings.max_retries + 1}
        self.actions: dict[str, Action] = {
            action.slug: action for action in make_sends(settings) + make_updates(settings)
        }
        self.endpoints = {endpoint.name: endpoint for endpoint in _endpoints(settings)}

    @classmethod
    def create(cls, name: str, settings: BaseModel) -> MoesifDestination:
        """Return the destination for validated settings."""
        assert isinstance(settings, MoesifSettings)
        return cls(name, settings)

    def presets(self) -> list[dict[str, Any]]:
        """Return the six subscriptions with the paths of the settings in them."""
        presets = load_presets("processor.destinations.moesif")
        for preset in presets:
            self._apply_paths(preset["name"].lower(), preset["mapping"])
        return presets

    def _apply_paths(self, event_type: str, mapping: dict[str, Any]) -> None:
        """Put the paths of the settings into the mapping of one preset."""
        settings = self.settings
        company_paths = {str(name): paths for name, paths in settings.company_id_paths.items()}.get(event_type)
        if company_paths is not None:
            mapping["company_id"] = [{"@path": path} for path in company_paths]
        if settings.session_token_path is not None and event_type in _SEND_TYPES | {"identify"}:
            mapping["session_token"] = {"@path": settings.session_token_path}
        if settings.subscription_id_path is not None and event_type in _SEND_TYPES:
            mapping["subscription_id"] = {"@path": settings.subscription_id_path}

    def admit(self, event: Any, *, presets: bool) -> Event | Skipped | Rejected:  # noqa: ANN401 - any JSON value
        """Return the event with its type normalised, or why it goes no further."""
        admitted = self.gates.admit(event)
        if not presets or not isinstance(admitted, dict):
            return admitted
        return self._switched_off.get(admitted["type"]) or _without_false_bags(admitted)

    def headers(self, endpoint: Endpoint, body: bytes, now_ms: int) -> dict[str, str]:  # noqa: ARG002 - always the same
        """Return the headers of a request."""
        return {
            "X-Moesif-Application-Id": self.settings.application_id.reveal(),
            "Content-Type": "application/json",
            "User-Agent": f"segment-bridge/{__version__}",
        }

    def classify(self, endpoint: Endpoint, answer: Answer, count: int, now_ms: int, *, compressed: bool) -> Verdict:  # noqa: ARG002 - the same at each of them
        """Return what an answer to a request of `count` records means."""
        return classify(answer, count, now_ms, self.backoff, compressed=compressed)

    def vector_form(self, mapped: Mapped, now_ms: int) -> dict[str, Any]:
        """Return the operations of one event in order, or why there are none."""
        if mapped.rejected:
            return {"dead_letter": mapped.rejected[0].reason}
        if not mapped.payloads:
            return {"dropped": mapped.skipped[0].reason}
        operations = [{_OPERATION[payload.endpoint]: self.decoded(payload, now_ms)} for payload in mapped.payloads]
        return {"ops": operations}

    def reload_secrets(self) -> None:
        """Read the key again if it lies in a file."""
        self.settings.application_id.reload()


def _without_false_bags(event: Event) -> Event:
    """Return an event in which no path finds anything in a bag that is no object.

    A path walks through 0, false and an empty text and gives them for what is behind: with a `context` of 0 the company
    would be "0". For the presets such a bag has no members, as the contract has it (4.1, 4.3; Segment's, 1.9). An empty
    list stands for it, which has none either and is no object either, so that the warning stays.
    """
    event = _without_false(event, _BAGS)
    context = event.get("context")
    if not isinstance(context, dict):
        return event
    mended = _without_false(context, _CONTEXT_BAGS)
    traits = mended.get("traits")
    if isinstance(traits, dict) and (mended_traits := _without_false(traits, _COMPANY)) is not traits:
        mended = {**mended, "traits": mended_traits}
    return event if mended is context else {**event, "context": mended}


def _without_false(bag: Event, names: Sequence[str]) -> Event:
    """Return an object in which nothing false stands in the place of these objects: the same one where nothing does."""
    for name in names:
        member = bag.get(name)
        if not member and isinstance(member, str | int | float):
            bag = {**bag, name: []}
    return bag


def _switched_off(settings: MoesifSettings) -> dict[str, Skipped]:
    """Return the event types that the presets do not take, and as what they are skipped."""
    switched_off = {
        name: _UNSUPPORTED_TYPE
        for name in ("track", "identify", "page", "screen", "group")
        if name not in settings.enabled_types
    }
    if settings.alias_mode == "skip":
        switched_off["alias"] = _ALIAS_UNSUPPORTED
    return switched_off


def _endpoints(settings: MoesifSettings) -> tuple[Endpoint, ...]:
    """Return the endpoints: companies start before users, users before actions.

    One user or company stands once in a batch, as the order inside a batch is not documented. The updates of users
    without an id share the users' lanes and go one by one to the route that takes a single object.
    """
    # The vendor's own documents write the address with the version and without it.
    base = f"{settings.base_url.rstrip('/').removesuffix('/v1')}/v1"

    def endpoint(name: str, path: str, count: int, body_bytes: int, **more: Any) -> Endpoint:  # noqa: ANN401 - Endpoint's fields
        return Endpoint(
            name=name,
            url=f"{base}/{path}",
            max_batch_count=count if settings.batch_size is None else settings.batch_size,
            max_body_bytes=body_bytes if settings.max_request_bytes is None else settings.max_request_bytes,
            max_wait_ms=settings.flush_interval_ms,
            gzip=settings.gzip,
            **more,
        )

    return (
        endpoint(COMPANIES, "companies/batch", 100, 240_000, rank=0, one_per_lane=True),
        endpoint(USERS, "users/batch", 100, 240_000, rank=1, one_per_lane=True, lane_scope=USERS),
        endpoint(ACTIONS, "actions/batch", 250, 5_000_000, rank=2),
        Endpoint(
            name=ANONYMOUS_USERS,
            url=f"{base}/users",
            max_batch_count=1,
            max_body_bytes=240_000,
            max_wait_ms=0,
            envelope=Envelope(open=b"", close=b"", separator=b""),
            gzip=settings.gzip,
            rank=1,
            lane_scope=USERS,
            one_per_lane=True,
        ),
    )
