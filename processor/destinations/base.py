"""The contract between a vendor's folder and the rest of the program.

A vendor's folder holds one subclass of `Destination`, its settings, the field tables of its actions, its limits, its
presets and the reading of its answers. Everything here decides and nothing here acts: no clock, no socket, no log.
Delivery works from `Endpoint` values alone, so a fourth vendor touches nothing outside its folder and the registry.
"""

from __future__ import annotations

import abc
import builtins
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, Final, Literal

from pydantic import BaseModel

from processor.destinations.forms import BY_TYPE, FieldType, Form
from processor.destinations.gates import Gates
from processor.destinations.target import Target
from processor.destinations.text import decode
from processor.model import Answer, Built, Event, Mapped, Payload, Record, Rejected, Skipped, Verdict


@dataclass(frozen=True, slots=True)
class Field:
    """One field that an action takes: a row of the tables in the docs and of `use_defaults`."""

    name: str
    type: FieldType
    description: str
    required: bool = False
    default: Any = None
    """The default mapping: a literal or a directive such as `{"@path": "$.event"}`; None: no default."""
    form: Form | None = None
    """Which values it takes, where its type does not say it; see `takes`."""
    max_length: int | None = None
    """Characters of a text that the vendor keeps or takes; None: no source names a number."""
    is_id: bool = False
    """Whether the vendor recognises repeats by it, so that one value for all events would be one event."""
    is_handed_on: bool = False
    """Whether `build` puts it into the payload as it is. It may then be `msgspec.Raw`, the bytes of its JSON."""

    @property
    def takes(self) -> Form:
        """Return the form of the values that it takes."""
        return BY_TYPE[self.type] if self.form is None else self.form


Build = Callable[[Mapping[str, Any], Event, Record, int], Built]
"""`build(fields, event, record, now_ms)`: every rule of the vendor, applied to what the mapping gave.

`fields` is the result of the mapping, absent keys left out; beside the action's own there may be others, which mean
nothing. `event` is the whole event, or at least what `Destination.reads` names of it, for what a mapping does not carry
but the vendor needs (ids, times, device). `now_ms` may be used only by rules that a contract names.
It never raises on any JSON value: what cannot be delivered is a `Rejected`, what should not be is a `Skipped`.
"""


@dataclass(frozen=True, slots=True)
class Action:
    """Something that a vendor can do with an event."""

    slug: str
    description: str
    fields: tuple[Field, ...]
    build: Build
    endpoints: tuple[str, ...]
    """The endpoints its payloads may go to, the main one first."""
    needs: tuple[tuple[str, ...], ...] = ()
    """Beside the required fields: of each of these groups an event must give one, or there is no payload of it."""
    takes_value: bool = False
    """Whether `build` hands the record's own value on: it then is None wherever it is not exactly what the destination
    may see of the event, which is to be written anew."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """How payload bodies become one request body, so that each is serialised once and batches join bytes.

    `stamp`, where the vendor wants the time of the attempt inside each item, gives the bytes that finish an item (its
    stored body then lacks them); they are always `stamp_bytes` long, so that sizes are exact before anything is sent.
    """

    open: bytes = b"["
    close: bytes = b"]"
    separator: bytes = b","
    stamp: Callable[[int], bytes] | None = None
    stamp_bytes: int = 0

    def body_bytes(self, count: int, bodies_bytes: int) -> int:
        """Return the exact size of a request body, before compression, of `count` bodies of together `bodies_bytes`."""
        commas = len(self.separator) * (count - 1) if count else 0
        return len(self.open) + len(self.close) + bodies_bytes + commas + count * self.stamp_bytes

    def join(self, bodies: Sequence[bytes], now_ms: int) -> bytes:
        """Return the request body of these payload bodies for an attempt at `now_ms`."""
        if self.stamp is None:
            return self.open + self.separator.join(bodies) + self.close
        end = self.stamp(now_ms)
        return self.open + (end + self.separator).join(bodies) + (end if bodies else b"") + self.close

    def item(self, body: bytes, now_ms: int) -> bytes:
        """Return one payload as it stands in a request sent at `now_ms`: a JSON document of its own."""
        return body if self.stamp is None else body + self.stamp(now_ms)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One route of a vendor and the limits that its requests keep.

    `lane_scope` names the space of lane keys: endpoints with the same scope keep one order between them. `one_per_lane`
    forbids two payloads of one lane in one request. Of requests due in the same turn the lower `rank` starts first.
    `max_body_bytes` bounds the finished body before compression. A payload that is larger alone is sent alone.
    """

    name: str
    url: str
    max_batch_count: int
    max_body_bytes: int
    max_wait_ms: int
    method: str = "POST"
    envelope: Envelope = field(default_factory=Envelope)
    gzip: bool = False
    rank: int = 0
    lane_scope: str = ""
    one_per_lane: bool = False

    @property
    def is_single(self) -> bool:
        """Return whether a request carries one payload and no list: with several its body would be no JSON."""
        return self.max_batch_count == 1 and not self.envelope.open.endswith(b"[")

    @property
    def scope(self) -> str:
        """Return the lane scope, the endpoint's own name unless one is given."""
        return self.lane_scope or self.name


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits between attempts: `base_s * factor ** (failures - 1)`, cut at `cap_s`, then jitter.

    `full` draws from zero to that wait; `up_to_20_percent` adds at most a fifth.
    """

    base_s: float = 1.0
    factor: float = 2.0
    cap_s: float = 300.0
    jitter: Literal["full", "up_to_20_percent"] = "full"
    max_retry_after_s: float = 900.0


REQUESTS: Final = "requests"
"""The name among `Destination.rate_limits` for a limit that counts requests; `requests_to` names one route's own."""
_REQUESTS_TO: Final = f"{REQUESTS}:"


def requests_to(endpoint_name: str) -> str:
    """Return the name among `Destination.rate_limits` for a limit on the requests to one endpoint."""
    return f"{_REQUESTS_TO}{endpoint_name}"


def route_of(rate_name: str) -> str | None:
    """Return the endpoint whose requests a name among `Destination.rate_limits` limits, None for any other limit."""
    return rate_name.removeprefix(_REQUESTS_TO) if rate_name.startswith(_REQUESTS_TO) else None


@dataclass(frozen=True, slots=True)
class FairUse:
    """How much of a single user a vendor takes: so many payloads within so many seconds, each pair holding for itself.

    What counts are the payloads of these endpoints. Beyond it the vendor would drop what comes, without an answer that
    says so.
    """

    windows: tuple[tuple[float, float], ...]
    """Seconds and count."""
    endpoints: frozenset[str]


@dataclass(frozen=True, slots=True)
class Probe:
    """A request that proves key and address without delivering anything."""

    url: str
    method: str
    body: bytes = field(repr=False)
    """It may hold the key."""


class Destination(abc.ABC):
    """A vendor endpoint with its settings, ready to map events and to read answers.

    Subclasses are made by `create` and hold no state that changes, except secrets, which `reload_secrets` reads again.
    """

    type: ClassVar[str]
    settings_model: ClassVar[builtins.type[BaseModel]]
    preset_settings: ClassVar[frozenset[str]] = frozenset()
    """Settings that only parametrise the presets, and are refused beside a list of subscriptions."""
    rate_settings: ClassVar[frozenset[str]] = frozenset()
    """Settings that decide nothing but `rate_limits`; they can be exchanged while the destination runs, as presets
    can."""
    reads: frozenset[str] | None = None
    """The members of an event that `build` and `admit` look into, beside what the mapping gives and the gates read;
    None: it may be any."""
    limit_settings: ClassVar[Mapping[str, str]] = {}
    """Settings that mean a limit of `Endpoint`, as `batch_size` means `max_batch_count`; giving both is an error."""
    delivery_settings: ClassVar[Mapping[str, str]] = {}
    """Settings that mean a key of `delivery`, as `max_retries` means `max_attempts`; giving both is an error."""
    counters: ClassVar[frozenset[str]] = frozenset()
    """Codes among a payload's warnings that only count what was left out of it; golden cases and previews do not list
    them."""
    summary: ClassVar[str] = ""

    name: str
    gates: Gates
    """What every event meets first; `admit` asks them."""
    settings: BaseModel
    """What it was made of; its `model_fields_set` tells what a file says."""
    endpoints: Mapping[str, Endpoint]
    actions: Mapping[str, Action]
    backoff: Backoff = Backoff()
    target: Target | None = None
    """The Kafka topic that its payloads are written to; None: they go out over HTTP."""
    probe: Probe | None = None
    delivery_limits: Mapping[str, int | None] = MappingProxyType({})
    """Keys of `delivery` and what the vendor's settings make of them; what a file says of a key itself comes first."""
    is_debugging: bool = False
    """Whether requests and answers are logged."""
    rate_limits: Mapping[str, float] = MappingProxyType({})
    """The vendor's own limits a second of the whole account: of payloads by the name that they carry as `rate`, of
    requests by `REQUESTS` and `requests_to`."""
    fair_use: FairUse | None = None
    """What the vendor takes of a single user, where it has such a limit."""

    @classmethod
    @abc.abstractmethod
    def create(cls, name: str, settings: BaseModel) -> Destination:
        """Return the destination for validated settings (an instance of `settings_model`)."""

    @classmethod
    def segment_settings(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return settings of Segment's own destination of this vendor as `settings_model` takes them.

        They are to make requests as Segment does. Vendors without such a destination take their own settings alone.
        """
        return settings

    @abc.abstractmethod
    def presets(self) -> list[dict[str, Any]]:
        """Return the vendor's subscriptions as in its `presets.yaml`, parametrised by the settings."""

    @abc.abstractmethod
    def admit(self, event: Any, *, presets: bool) -> Event | Skipped | Rejected:  # noqa: ANN401 - any JSON value
        """Return the event with its `type` trimmed and lower-cased, or why it goes no further.

        Holds the checks that come before triggers: an object, a type, the gates, the filter and, when the vendor's
        presets are in force, the types that settings switch off.
        """

    @abc.abstractmethod
    def headers(self, endpoint: Endpoint, body: bytes, now_ms: int) -> dict[str, str]:
        """Return the headers of one attempt at `now_ms`, keys included: a dictionary of the caller's own.

        `body` is what is sent, before compression, for receivers that want it signed. `Content-Encoding` is added by
        whoever compresses.
        """

    @abc.abstractmethod
    def classify(self, endpoint: Endpoint, answer: Answer, count: int, now_ms: int, *, compressed: bool) -> Verdict:
        """Return what an answer to a request of `count` payloads means. Pure; total on any answer."""

    @abc.abstractmethod
    def vector_form(self, mapped: Mapped, now_ms: int) -> dict[str, Any]:
        """Return what a golden case of this vendor calls `expected`."""

    def reload_secrets(self) -> None:  # noqa: B027 - most vendors' secrets need nothing done
        """Read secrets that come from files again; called while the destination is held."""

    def gauges(self) -> Mapping[str, float]:
        """Return present values about what was mapped so far, by name; for metrics."""
        return {}

    def item(self, payload: Payload, now_ms: int) -> bytes:
        """Return a payload as it stands in a request sent at `now_ms`: a JSON document of its own."""
        return self.endpoints[payload.endpoint].envelope.item(payload.body, now_ms)

    def decoded(self, payload: Payload, now_ms: int) -> Any:  # noqa: ANN401 - any JSON value
        """Return the same as a JSON value."""
        return decode(self.item(payload, now_ms))

    def warnings_of(self, mapped: Mapped) -> list[str]:
        """Return what is odd about the payloads of one event, without codes that only count."""
        return [code for payload in mapped.payloads for code in payload.warnings if code not in self.counters]
