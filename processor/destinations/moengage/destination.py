"""MoEngage as a destination: its endpoints, headers and presets.

Source: the contract, sections 2 and 3.
"""

from __future__ import annotations

import builtins
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, ClassVar, Final
from urllib.parse import quote

import msgspec
from pydantic import BaseModel

from processor import __version__
from processor.config.shape import all_keys_of
from processor.destinations.base import REQUESTS, Destination, Endpoint, FairUse, Probe, requests_to
from processor.destinations.gates import CALLS, Gates
from processor.destinations.moengage.actions import make_actions
from processor.destinations.moengage.answers import BACKOFF, classify
from processor.destinations.moengage.attributes import COUNTERS
from processor.destinations.moengage.payloads import (
    BULK,
    BULK_ENVELOPE,
    DELETE,
    MERGE,
    MERGE_ENVELOPE,
    SEGMENT,
    SINGLE_ENVELOPE,
)
from processor.destinations.moengage.quotas import Quotas
from processor.destinations.moengage.removals import MAX_BODY_BYTES
from processor.destinations.moengage.settings import MoEngageSettings
from processor.destinations.moengage.validation import REFUSED, TEXT
from processor.destinations.presets import load_presets
from processor.destinations.text import decode
from processor.model import Answer, Event, Mapped, Payload, Rejected, Skipped, Verdict

_UNSUPPORTED_TYPE: Final = Skipped("unsupported_type")

_LANES: Final = "users"
"""All endpoints share their lanes: an identify behind a merge or a deletion of its user would bring the user back."""

_MAX_WAIT_MS: Final = 500
"""At the rate that MoEngage allows, two hundred elements come together in less, so waiting longer fills nothing more;
it would only delay triggered campaigns and lengthen the window in which a crash repeats events."""
_MERGE_COUNT: Final = 50
_KEPT_BY_SEGMENT: Final = "!#$%&()*+,/:;=?@[\\]^`{|}"
"""What Segment leaves in the workspace id of an address: it is put there as it is, and only blanks, quotes, angle
brackets and what is not ASCII are escaped on the way."""
_SEGMENT_PATH: Final = "/v1/integrations/segment"
_SEGMENTS_NAMES: Final = ("api_id", "api_key", "region")
"""The settings of Segment's own destination."""

_FAIR_USE: Final = ((60.0, 5_000), (300.0, 10_000), (3_600.0, 50_000), (86_400.0, 100_000))
"""Seconds, and what MoEngage takes of a user within them from senders other than its SDK. Merges and deletions are not
counted: a user who sends too much must not keep what was asked to be forgotten.

Source: MoEngage's fair usage policy; contract, section 5.5."""

_ACTIONS_OF_SETTINGS: Final = {
    "page": ("page_events", "trackPage"),
    "screen": ("screen_events", "trackScreen"),
    "group": ("group_attributes", "setGroupAttributes"),
    "alias": ("alias", "mergeUsers"),
    "delete": ("delete_users", "deleteUser"),
}
"""The calls that are off by default: the setting that switches each on, and the action that the presets use."""


class MoEngageDestination(Destination):
    """MoEngage's Data API in cloud mode."""

    type = "moengage"
    summary = "MoEngage: users and events in cloud mode, through the bulk import"
    settings_model: ClassVar[builtins.type[BaseModel]] = MoEngageSettings
    preset_settings = frozenset(setting for setting, _ in _ACTIONS_OF_SETTINGS.values())
    rate_settings = frozenset(
        {
            "users_per_minute",
            "events_per_minute",
            "devices_per_minute",
            "requests_per_second",
            "merges_per_minute",
            "deletes_per_minute",
        }
    )
    limit_settings: ClassVar[dict[str, str]] = {
        "max_elements": "max_batch_count",
        "max_request_bytes": "max_body_bytes",
    }
    counters = COUNTERS
    backoff = BACKOFF
    settings: MoEngageSettings

    def __init__(self, name: str, settings: MoEngageSettings) -> None:
        """Make everything that the settings decide, once."""
        self.name = name
        self.settings = settings
        self.gates = Gates(settings, types=CALLS | {"delete"})
        self._off = {
            kind: slug for kind, (setting, slug) in _ACTIONS_OF_SETTINGS.items() if not _is_on(settings, setting)
        }
        self._quotas = Quotas(has_objects=settings.nested == "native")
        self.actions = make_actions(settings, self._quotas)
        self.endpoints = {endpoint.name: endpoint for endpoint in _endpoints(settings)}
        self.rate_limits = {
            "users": settings.users_per_minute / 60,
            "events": settings.events_per_minute / 60,
            "devices": settings.devices_per_minute / 60,
            REQUESTS: settings.requests_per_second,
            requests_to(MERGE): settings.merges_per_minute / 60,
            requests_to(DELETE): settings.deletes_per_minute / 60,
        }
        self.fair_use = _fair_use(settings.fair_use_share)
        self._use_secrets()

    @classmethod
    def create(cls, name: str, settings: BaseModel) -> MoEngageDestination:
        """Return the destination for validated settings."""
        assert isinstance(settings, MoEngageSettings)
        return cls(name, settings)

    @classmethod
    def segment_settings(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the settings of Segment's MoEngage (Actions) destination as ours, unless they choose how to send.

        As Segment does, numbers are taken for the texts that they spell, and what is no setting is not looked at.
        Segment asks an event's `integrations` before it asks a destination, so that is no part of it.
        """
        if not settings.keys().isdisjoint({"profile", "mode"}):
            return settings
        known = set(all_keys_of(MoEngageSettings))
        taken = {name: value for name, value in settings.items() if name in known}
        read: dict[str, Any] = {name: TEXT.read(taken[name]) for name in _SEGMENTS_NAMES if name in taken}
        texts = {name: text for name, text in read.items() if text is not REFUSED}
        return {"profile": "actions", "respect_integrations": False, **taken, **texts}

    def presets(self) -> list[dict[str, Any]]:
        """Return the subscriptions of all calls; those that the settings leave off are not enabled."""
        off = set(self._off.values())
        presets = load_presets("processor.destinations.moengage")
        return [preset | {"enabled": preset["action"] not in off} for preset in presets]

    def admit(self, event: Any, *, presets: bool) -> Event | Skipped | Rejected:  # noqa: ANN401 - any JSON value
        """Return the event with its type normalised, or why it goes no further."""
        admitted = self.gates.admit(event)
        if presets and type(admitted) is dict and admitted["type"] in self._off:
            return _UNSUPPORTED_TYPE
        return admitted

    def headers(self, endpoint: Endpoint, body: bytes, now_ms: int) -> dict[str, str]:  # noqa: ARG002 - nothing is signed
        """Return the headers of a request. Segment's endpoint gets none that Segment does not send."""
        if endpoint.name == SEGMENT:
            return {name: value for name, value in self._headers.items() if name != "MOE-APPKEY"}
        return self._headers.copy()

    def classify(self, endpoint: Endpoint, answer: Answer, count: int, now_ms: int, *, compressed: bool) -> Verdict:
        """Return what an answer to a request of `count` payloads means."""
        return classify(endpoint.name, answer, count, now_ms, compressed=compressed)

    def vector_form(self, mapped: Mapped, now_ms: int) -> dict[str, Any]:
        """Return the elements or the request that an event comes to, or why there is none."""
        if mapped.rejected:
            return {"dead_letter": mapped.rejected[0].reason}
        if not mapped.payloads:
            return {"dropped": mapped.skipped[0].reason}
        first = mapped.payloads[0]
        if first.endpoint == BULK:
            return {"elements": [self.decoded(payload, now_ms) for payload in mapped.payloads]}
        return {"request": self._request_form(first, now_ms)}

    def gauges(self) -> dict[str, float]:
        """Return how many names of the workspace's quotas were sent so far; nothing where Segment's endpoint counts."""
        return self._quotas.gauges() if BULK in self.endpoints else {}

    def reload_secrets(self) -> None:
        """Read the key again if it lies in a file."""
        self.settings.api_key.reload()
        self._use_secrets()

    def _request_form(self, payload: Payload, now_ms: int) -> dict[str, Any]:
        """Return a request of one payload as golden cases write it."""
        endpoint = self.endpoints[payload.endpoint]
        body = decode(endpoint.envelope.join([payload.body], now_ms))
        return {"method": endpoint.method, "path": endpoint.url.removeprefix(self.settings.origin), "body": body}

    def _use_secrets(self) -> None:
        """Make what holds the key: the headers of every request and the body of the probe."""
        settings = self.settings
        key = settings.api_key.reveal()
        self._headers = {
            "Authorization": "Basic " + b64encode(f"{settings.workspace}:{key}".encode()).decode(),
            "Content-Type": "application/json",
            "User-Agent": f"segment-bridge/{__version__}",
        }
        if settings.workspace.isascii():
            self._headers["MOE-APPKEY"] = settings.workspace
        if settings.x_forwarded_for is not None:
            self._headers["X-Forwarded-For"] = settings.x_forwarded_for
        self.probe = _probe(settings, key)


def _fair_use(share: float | None) -> FairUse | None:
    """Return what may be sent of a single user; None where the settings ask for no guard."""
    if share is None:
        return None
    return FairUse(tuple((window_s, count * share) for window_s, count in _FAIR_USE), frozenset({BULK, SEGMENT}))


def _is_on(settings: MoEngageSettings, setting: str) -> bool:
    """Return whether a setting switches its call on."""
    return getattr(settings, setting) in (True, "merge")


def _probe(settings: MoEngageSettings, key: str) -> Probe:
    """Return the request that proves key and workspace, on the route that takes the headers of the messages.

    MoEngage's own route wants `MOE-APPKEY`, which Segment's endpoint is not sent; that has a route beside it.
    """
    if settings.is_private:
        return Probe(f"{settings.origin}{_SEGMENT_PATH}/auth?appId={_app_id(settings)}", "GET", b"")
    body = {"app_id": settings.workspace, "app_secret": key, "source": "test", "region": settings.data_centre}
    return Probe(f"{settings.origin}/v1/integrations/authentication", "POST", msgspec.json.encode(body))


def _app_id(settings: MoEngageSettings) -> str:
    """Return the workspace id as it stands in the addresses of Segment's endpoint."""
    return quote(settings.workspace, safe=_KEPT_BY_SEGMENT if settings.profile == "actions" else "")


def _endpoints(settings: MoEngageSettings) -> tuple[Endpoint, ...]:
    """Return the routes with the limits of the settings."""
    origin, workspace = settings.origin, quote(settings.workspace, safe="")
    merge = Endpoint(
        name=MERGE,
        url=f"{origin}/v1/customer/merge?app_id={workspace}",
        max_batch_count=_MERGE_COUNT,
        max_body_bytes=MAX_BODY_BYTES,
        max_wait_ms=_MAX_WAIT_MS,
        envelope=MERGE_ENVELOPE,
        gzip=settings.gzip,
        lane_scope=_LANES,
    )
    delete = _single(DELETE, f"{origin}/v1/customer/delete?app_id={workspace}", settings)
    if settings.is_private:
        main = _single(SEGMENT, f"{origin}{_SEGMENT_PATH}?appId={_app_id(settings)}", settings)
    else:
        main = _bulk(f"{origin}/v1/transition/{workspace}", settings)
    return main, merge, delete


def _bulk(url: str, settings: MoEngageSettings) -> Endpoint:
    """Return the route of the bulk import."""
    project = settings.project_code
    return Endpoint(
        name=BULK,
        url=url if project is None else f"{url}?project_code={quote(project, safe='')}",
        max_batch_count=settings.max_elements,
        max_body_bytes=settings.max_request_bytes,
        max_wait_ms=_MAX_WAIT_MS,
        envelope=BULK_ENVELOPE,
        gzip=settings.gzip,
        lane_scope=_LANES,
    )


def _single(name: str, url: str, settings: MoEngageSettings) -> Endpoint:
    """Return a route that takes one payload a request."""
    return Endpoint(
        name=name,
        url=url,
        max_batch_count=1,
        max_body_bytes=MAX_BODY_BYTES,
        max_wait_ms=0,
        envelope=SINGLE_ENVELOPE,
        gzip=settings.gzip,
        lane_scope=_LANES,
    )
