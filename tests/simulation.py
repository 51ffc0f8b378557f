"""A destination, a vendor and a clock that answer by script, for tests of delivery without sockets or real time."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

from pydantic import BaseModel

from processor.delivery.conclusion import Rejection
from processor.delivery.dispatcher import Attempt, Dispatcher
from processor.delivery.gate import Hold
from processor.delivery.offsets import Entry, OffsetTracker
from processor.delivery.parcel import Parcel
from processor.delivery.settings import DeliverySettings
from processor.destinations.answers import default_verdict
from processor.destinations.base import Backoff, Destination, Endpoint
from processor.model import Answer, Event, Mapped, Payload, Record, Rejected, Skipped, Verdict
from tests.parcels import START_MS


class LoopClock:
    """The loop's own time, and chance from a seed."""

    def __init__(self, seed: int = 0) -> None:
        """Draw from this seed."""
        self._random = random.Random(seed)
        self.step_s = 0.0
        """How far the wall clock has been set on since the start; the loop's own time knows nothing of it."""

    def now_s(self) -> float:
        """Return the loop's time."""
        return asyncio.get_running_loop().time()

    def wall_ms(self) -> int:
        """Return a wall clock that moves with the loop's time."""
        return START_MS + int((self.now_s() + self.step_s) * 1000)

    def chance(self) -> float:
        """Return a number from zero to below one."""
        return self._random.random()


class FakeDestination(Destination):
    """A vendor with any endpoints; verdicts are the default table."""

    type = "fake"

    def __init__(self, endpoints: Iterable[Endpoint], backoff: Backoff | None = None) -> None:
        """Serve these endpoints."""
        self.name = "fake"
        self.endpoints = {endpoint.name: endpoint for endpoint in endpoints}
        self.actions = {}
        self.backoff = Backoff(jitter="up_to_20_percent") if backoff is None else backoff
        self.secrets_reloaded = 0

    @classmethod
    def create(cls, name: str, settings: BaseModel) -> FakeDestination:
        """Not needed here: tests construct it."""
        raise AssertionError(name, settings)

    def presets(self) -> list[dict[str, Any]]:
        """Return none."""
        return []

    def admit(self, event: Any, *, presets: bool) -> Event | Skipped | Rejected:  # noqa: ANN401 - any JSON value
        """Return the event as it is."""
        del presets
        result: Event = event
        return result

    def headers(self, endpoint: Endpoint, body: bytes, now_ms: int) -> dict[str, str]:
        """Return a key, and what a signature would be made of."""
        signed = {"x-body": body.decode(), "x-now-ms": str(now_ms)}
        return {"authorization": "example-key", "x-endpoint": endpoint.name} | signed

    def classify(self, endpoint: Endpoint, answer: Answer, count: int, now_ms: int, *, compressed: bool) -> Verdict:
        """Return the default verdict."""
        del endpoint
        return default_verdict(answer, count, now_ms, self.backoff, compressed=compressed)

    def vector_form(self, mapped: Mapped, now_ms: int) -> dict[str, Any]:
        """Return nothing."""
        del mapped, now_ms
        return {}

    def reload_secrets(self) -> None:
        """Count the call."""
        self.secrets_reloaded += 1


def endpoint(name: str = "actions", **changes: Any) -> Endpoint:  # noqa: ANN401 - any of its fields
    """Return an endpoint with small limits."""
    values: dict[str, Any] = {
        "url": f"http://vendor.example/{name}",
        "max_batch_count": 10,
        "max_body_bytes": 100_000,
        "max_wait_ms": 100,
    } | changes
    return Endpoint(name=name, **values)


Script = Callable[["Request"], "Answer | float"]


class Request:
    """One request as the vendor saw it."""

    def __init__(
        self, number: int, url: str, headers: Mapping[str, str], items: list[dict[str, Any]], at_s: float
    ) -> None:
        """Keep everything."""
        self.number = number
        self.url = url
        self.headers = headers
        self.items = items
        self.at_s = at_s
        self.ended_s: float | None = None
        self.status: int | None = None

    @property
    def ids(self) -> list[int]:
        """Return the ids of the items, in their order."""
        return [item["id"] for item in self.items]


class Switch:
    """A script that gives one status to everything, until the test sets another."""

    def __init__(self, status: int) -> None:
        """Begin with this status."""
        self.status = status

    def __call__(self, _: Request) -> int:
        """Answer a request."""
        return self.status


def plain_body(headers: Mapping[str, str], content: bytes) -> bytes:
    """Return the body of a request as it was before compression."""
    return gzip.decompress(content) if headers.get("Content-Encoding") == "gzip" else content


def shared_lanes(url: str, items: list[dict[str, Any]], others: Iterable[Carrying]) -> Iterator[tuple[str, str]]:
    """Yield address and lane wherever items are to be sent while another request carries the lane to that address."""
    lanes = {(url, lane) for item in items for lane in item["lanes"]}
    for other in others:
        yield from lanes & {(other.url, lane) for item in other.items for lane in item["lanes"]}


class Carrying(Protocol):
    """A request that is under way."""

    @property
    def url(self) -> str:
        """Where it goes."""

    @property
    def items(self) -> list[dict[str, Any]]:
        """What it carries."""


class FakeVendor:
    """A transport that answers by script, after a latency, and remembers what it accepted.

    `answer` gets each request and returns the status to answer with, or an `Answer`.
    """

    def __init__(
        self,
        answer: Callable[[Request], int | Answer] | None = None,
        *,
        latency_s: float = 0.05,
        connect_s: float = 0.0,
    ) -> None:
        """Accept everything unless a script says otherwise."""
        self.answer: Callable[[Request], int | Answer] = (lambda _: 200) if answer is None else answer
        self.latency_s = latency_s
        self.connect_s = connect_s
        self.requests: list[Request] = []
        self.accepted: list[int] = []
        self.accepted_items: list[dict[str, Any]] = []
        self.in_flight: set[Request] = set()
        self.most_in_flight = 0
        self.lane_clashes: list[tuple[str, str]] = []

    async def send(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        content: bytes,
        deadline_s: float,
        set_out: Callable[[], None],
    ) -> Answer:
        """Answer one request, which sets out once there is a connection."""
        del method, deadline_s
        if self.connect_s:
            await asyncio.sleep(self.connect_s)
        set_out()
        body = json.loads(plain_body(headers, content)) if content else []
        items = body if isinstance(body, list) else [body]
        request = Request(len(self.requests) + 1, url, headers, items, asyncio.get_running_loop().time())
        self._note(request)
        try:
            await asyncio.sleep(self.latency_s)
            answer = self.answer(request)
        finally:
            self.in_flight.discard(request)
        if isinstance(answer, int):
            answer = Answer(answer, {}, b"")
        request.ended_s, request.status = asyncio.get_running_loop().time(), answer.status
        if answer.status is not None and 200 <= answer.status < 300:
            self.accept(request)
        return answer

    def accept(self, request: Request) -> None:
        """Remember the items of a request as accepted."""
        self.accepted += request.ids
        self.accepted_items += request.items

    def _note(self, request: Request) -> None:
        """Check that no lane is in two requests at once at one endpoint."""
        self.lane_clashes += shared_lanes(request.url, request.items, self.in_flight)
        self.requests.append(request)
        self.in_flight.add(request)
        self.most_in_flight = max(self.most_in_flight, len(self.in_flight))


class Outcomes:
    """A listener that keeps lists and settles entries."""

    def __init__(self) -> None:
        """Start with nothing heard."""
        self.delivered_ids: list[int] = []
        self.rejections: list[tuple[int, str]] = []
        self.copied_ids: list[int] = []
        self.released_ids: list[int] = []
        self.attempts: list[Attempt] = []
        self.holds: list[Hold] = []
        self.resumed_count = 0
        self.retries: list[str] = []
        self.plain_endpoints: list[str] = []
        self.errors: list[BaseException] = []

    def delivered(self, parcels: list[Parcel]) -> None:
        """Settle each."""
        for parcel in parcels:
            self.delivered_ids.append(parcel_id(parcel))
            parcel.entry.is_delivered = True
            parcel.entry.open_count -= 1

    def rejected(self, rejection: Rejection, answer: Answer) -> None:
        """Settle it as a dead letter."""
        del answer
        self.rejections.append((parcel_id(rejection.parcel), rejection.reason))
        rejection.parcel.entry.is_dead = True
        rejection.parcel.entry.open_count -= 1

    def copied(self, parcels: list[Parcel]) -> None:
        """Settle each as a copy."""
        for parcel in parcels:
            self.copied_ids.append(parcel_id(parcel))
            parcel.entry.open_count -= 1

    def released(self, parcels: list[Parcel]) -> None:
        """Leave them open."""
        self.released_ids += [parcel_id(parcel) for parcel in parcels]

    def attempted(self, attempt: Attempt) -> None:
        """Keep it."""
        self.attempts.append(attempt)

    def held(self, hold: Hold) -> None:
        """Keep it."""
        self.holds.append(hold)

    def resumed(self) -> None:
        """Count it."""
        self.resumed_count += 1

    def retrying(self, endpoint: str, reason: str) -> None:
        """Keep the reason."""
        del endpoint
        self.retries.append(reason)

    def compression_off(self, endpoint: str) -> None:
        """Keep the name."""
        self.plain_endpoints.append(endpoint)

    def failed(self, error: BaseException) -> None:
        """Keep it."""
        self.errors.append(error)


def parcel_id(parcel: Parcel) -> int:
    """Return the id in a parcel's body."""
    number: int = json.loads(parcel.payload.body)["id"]
    return number


class World:
    """A dispatcher with a vendor, a listener and a partition to take records from."""

    def __init__(
        self,
        endpoints: Iterable[Endpoint] | None = None,
        settings: DeliverySettings | None = None,
        vendor: FakeVendor | None = None,
        backoff: Backoff | None = None,
        seed: int = 0,
    ) -> None:
        """Put the parts together. To be called inside a running loop."""
        self.vendor = FakeVendor() if vendor is None else vendor
        self.outcomes = Outcomes()
        self.clock = LoopClock(seed)
        self.destination = FakeDestination([endpoint()] if endpoints is None else endpoints, backoff)
        self.settings = DeliverySettings() if settings is None else settings
        self.dispatcher = Dispatcher(self.destination, self.settings, self.vendor, self.outcomes, self.clock)
        self.tracker = OffsetTracker()
        self.entries: list[Entry] = []
        self._offsets: dict[int, int] = {}

    def put(
        self,
        lanes: str | tuple[str, ...],
        *,
        endpoint: str = "actions",
        partition: int = 0,
        dedupe_id: str | None = None,
        size: int = 0,
        headers: tuple[tuple[str, bytes | None], ...] = (),
    ) -> int:
        """Take one payload in; return its id, which counts from 1 over the whole world."""
        keys = (lanes,) if isinstance(lanes, str) else lanes
        key = ("events", partition)
        owned = self.tracker.get(key)
        if owned is None:
            owned = self.tracker.assign(key, self._offsets.get(partition, 0))
        offset = self._offsets.get(partition, 0)
        self._offsets[partition] = offset + 1
        entry = owned.track(Record("events", partition, offset, START_MS, headers=headers), 100)
        self.entries.append(entry)
        number = len(self.entries)
        body = json.dumps({"id": number, "lanes": keys, "pad": "x" * size}).encode()
        payload = Payload("act", endpoint, body, keys, dedupe_id=dedupe_id)
        self.dispatcher.queue([(payload, entry)])
        return number

    def put_users(self, count: int) -> None:
        """Take in one payload each of so many users."""
        for number in range(count):
            self.put(f"u{number}")

    async def settle(self, *, within_s: float = 3600.0) -> None:
        """Return when nothing waits or is in flight any more; fail after that much virtual time."""
        self.dispatcher.turn()
        deadline = self.clock.now_s() + within_s
        while not self.dispatcher.is_idle:
            assert self.clock.now_s() < deadline, "did not settle in time"
            assert not self.outcomes.errors, self.outcomes.errors
            await asyncio.sleep(0.05)

    def order_of(self, lane: str, items: Iterable[Mapping[str, Any]] | None = None) -> list[int]:
        """Return the ids of a lane in the order the vendor accepted them first."""
        seen: list[int] = []
        for item in self.vendor.accepted_items if items is None else items:
            if lane in item["lanes"] and item["id"] not in seen:
                seen.append(item["id"])
        return seen
