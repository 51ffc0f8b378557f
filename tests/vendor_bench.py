"""A whole pipeline of a real vendor in virtual time: records in, requests of the vendor's API out.

Decoder, plan, destination, pipeline, batcher and dispatcher are the real ones. Only Kafka, the sockets and the clock
are not, so what is seen here is what the vendor would see, and when.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Final, Self

from processor.config.secret import PLAIN_SECRETS
from processor.delivery.dispatcher import Dispatcher
from processor.delivery.schedule import effective_endpoints, window_count
from processor.delivery.settings import DeliverySettings
from processor.destinations import destination_class
from processor.destinations.base import Destination, Endpoint
from processor.destinations.plan import Plan
from processor.model import Answer, Event, Record
from processor.operations.tally import Tally
from processor.pipeline import Pipeline, PipelineSettings
from processor.pipeline.ledger import Ledger
from processor.source.decode import Decoder
from processor.source.decode_settings import DecodeSettings
from processor.source.intake import size_bytes
from processor.source.window import Window
from tests.fake_stages import FakeConsumer, FakeLetters
from tests.golden_cases import REQUIRED
from tests.parcels import START_MS
from tests.simulation import LoopClock, plain_body

KEY: Final = ("segment.events", 3)
SETTLE_S: Final = 3600.0
STEP_S: Final = 1 / 16
"""A pause that adds up without rounding: the clock must not come to stand a hair before the time of a timer."""

_SUCCESS: Final[Mapping[str, Answer]] = {
    "moveo": Answer(200),
    "moesif": Answer(201),
    "moengage": Answer(200, body=b'{"status":"success","message":"Your request has been accepted"}'),
}


def answer_of(vendor: str, status: int, error: str = "") -> Answer:
    """Return the answer of a vendor by its status: what it says to a success, or a refusal of that kind."""
    if 200 <= status < 300:
        return _SUCCESS[vendor]
    return Answer(status, body=json.dumps({"status": "fail", "error": {"type": error, "message": ""}}).encode())


class Sent:
    """One request as the vendor saw it, and what became of it.

    `at_ms` and `ended_ms` count from the first record that was read. `body` is not compressed, `content` as it came.
    `items` are the events, elements or records in it. `stored` is the offset that was stored at the moment of the
    answer, 0 while none was.
    """

    def __init__(self, endpoint: Endpoint, headers: Mapping[str, str], content: bytes, at_ms: int) -> None:
        """Nothing was answered yet."""
        body = plain_body(headers, content)
        self.endpoint = endpoint.name
        self.method, self.url = endpoint.method, endpoint.url
        self.headers = headers
        self.content = content
        self.at_ms = at_ms
        self.body = body
        self.items: list[dict[str, Any]] = _items(endpoint, json.loads(body))
        self.ended_ms: int | None = None
        self.status: int | None = None
        self.stored = 0

    @property
    def is_accepted(self) -> bool:
        """Return whether the vendor took it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def numbers(self) -> list[int]:
        """Return which of the events it holds, counted from 1, of those that say it (see `small_event`)."""
        return [number for item in self.items if (number := _number(item)) is not None]


def _number(value: Any) -> int | None:  # noqa: ANN401 - any JSON value
    """Return the number that stands somewhere in an item."""
    if isinstance(value, dict):
        if isinstance(value.get("number"), int):
            return int(value["number"])
        value = list(value.values())
    if isinstance(value, list):
        return next((found for one in value if (found := _number(one)) is not None), None)
    return None


def _items(endpoint: Endpoint, body: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - any JSON value
    """Return what a body holds: the list that it is or has in it, or itself where the route takes one object."""
    if isinstance(body, dict) and endpoint.envelope.open:
        (body,) = (value for value in body.values() if isinstance(value, list))
    return body if isinstance(body, list) else [body]


class ScriptedVendor:
    """A transport: takes requests of a destination and answers them by script, after a latency.

    `most_in_flight` counts the requests on their way at once.
    """

    def __init__(self, bench: VendorBench, answer: Callable[[Sent], Answer], latency_s: float) -> None:
        """Wait for requests."""
        self._bench = bench
        self._endpoints = {(one.method, one.url): one for one in bench.destination.endpoints.values()}
        self._answer = answer
        self.latency_s = latency_s
        self.requests: list[Sent] = []
        self.most_in_flight = 0
        self._in_flight = 0

    async def send(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        content: bytes,
        deadline_s: float,
        set_out: Callable[[], None],
    ) -> Answer:
        """Answer one request."""
        del deadline_s
        set_out()
        sent = Sent(self._endpoints[method, url], headers, content, self._bench.now_ms)
        self.requests.append(sent)
        self._in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        await asyncio.sleep(self.latency_s)
        self._in_flight -= 1
        answer = self._answer(sent)
        sent.status, sent.stored, sent.ended_ms = answer.status, self._bench.stored, self._bench.now_ms
        return answer


class VendorBench:
    """A running pipeline of one vendor. To be used as a context in a loop of virtual time.

    Without `answer` the vendor takes everything. `delivery` are settings of delivery beside the vendor's own, `decode`
    those of reading records.
    """

    def __init__(
        self,
        vendor: str,
        settings: Mapping[str, Any],
        *,
        answer: Callable[[Sent], Answer] | None = None,
        latency_s: float = 0.0,
        delivery: DeliverySettings | None = None,
        decode: DecodeSettings | None = None,
    ) -> None:
        """Put the parts together as the bridge does."""
        self.destination = make_destination(vendor, settings)
        self.consumer, self.letters = FakeConsumer(), FakeLetters()
        self.clock = LoopClock()
        delivery = DeliverySettings() if delivery is None else delivery
        endpoints = effective_endpoints(self.destination, delivery)
        self._window = Window(window_count(delivery, endpoints), delivery.max_window_bytes)
        self.pipeline = Pipeline(
            PipelineSettings(vendor, "1.0", delivery.drain_ms / 1000),
            Plan.compile(self.destination, "default"),
            Decoder(DecodeSettings() if decode is None else decode),
            Ledger(Tally(), self._window),
            self._window,
            self.clock,
        )
        self.vendor = ScriptedVendor(self, answer or (lambda _: _SUCCESS[vendor]), latency_s)
        self.dispatcher = Dispatcher(self.destination, delivery, self.vendor, self.pipeline, self.clock)
        self.pipeline.connect(self.dispatcher, self.letters, self.consumer)
        self.record_count = 0
        self._start_s: float | None = None
        self._run: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start, owning one partition from its beginning."""
        self._run = asyncio.create_task(self.pipeline.run())
        self.pipeline.inbox.put_assigned({KEY: 0})
        await asyncio.sleep(0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything."""
        await self.dispatcher.close()
        assert self._run is not None
        self._run.cancel()
        await asyncio.gather(self._run, return_exceptions=True)

    @property
    def now_ms(self) -> int:
        """Return the milliseconds since the first record was read."""
        return 0 if self._start_s is None else round((self.clock.now_s() - self._start_s) * 1000)

    @property
    def stored(self) -> int:
        """Return the offset that is stored for the next commit, 0 while none is."""
        return self.consumer.stored.get(KEY, 0)

    @property
    def requests(self) -> list[Sent]:
        """Return the requests so far, in the order in which they set out."""
        return self.vendor.requests

    def sizes(self, *endpoints: str) -> list[int]:
        """Return how many items each request of these endpoints held, of all endpoints when none is named."""
        return [len(one.items) for one in self.requests if not endpoints or one.endpoint in endpoints]

    def read(self, events: Iterable[Event]) -> None:
        """Hand over records with these events, made now, as the consumer thread does."""
        values = (json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() for event in events)
        self.read_values(values, self.clock.wall_ms())

    def read_values(self, values: Iterable[bytes | None], timestamp_ms: int) -> None:
        """Hand over records with these values, made at a time."""
        if self._start_s is None:
            self._start_s = self.clock.now_s()
        records = [
            Record(*KEY, offset, timestamp_ms, b"k", value) for offset, value in enumerate(values, self.record_count)
        ]
        self.record_count += len(records)
        self._window.add(len(records), sum(size_bytes(record) for record in records))
        self.pipeline.inbox.put_records(records, {})

    async def settle(self) -> None:
        """Return when every record that was read has ended and its offset is stored; fail after an hour."""
        deadline_s = self.clock.now_s() + SETTLE_S
        while self.stored < self.record_count:
            assert self.clock.now_s() < deadline_s, "did not settle in time"
            assert self.pipeline.failure is None, self.pipeline.failure
            await asyncio.sleep(STEP_S)

    async def stop(self) -> None:
        """Stop as a process does that is told to end: what was mapped is sent, then the partition is given up."""
        await asyncio.sleep(STEP_S)
        assert not len(self.pipeline.inbox), "records that nobody has looked at are left to the next owner"
        await self.pipeline.stop()
        self.consumer.store(await self.pipeline.revoke({KEY}))

    def outcomes(self, outcome: str) -> dict[str, int]:
        """Return how many records ended so, by reason."""
        records = self.pipeline.ledger.tally.report()["records"]
        found: dict[str, int] = records[outcome]  # type: ignore[literal-required]
        return found


def make_destination(vendor: str, settings: Mapping[str, Any]) -> Destination:
    """Return a vendor's destination with these settings beside the required ones."""
    kind = destination_class(vendor)
    validated = kind.settings_model.model_validate({**REQUIRED[vendor], **settings}, context={PLAIN_SECRETS: True})
    return kind.create(vendor, validated)


def small_event(kind: str, number: int, user: str) -> Event:
    """Return a small event of a user that can be told from others; an alias joins an older id of the same name."""
    event: Event = {"type": kind, "messageId": f"m-{number}", "userId": user}
    match kind:
        case "track":
            event["event"] = "Seat Reserved"
        case "group":
            event["groupId"] = f"org-{number}"
        case "alias":
            return event | {"previousId": f"old-{user}"}
        case "delete":
            return event
    return _with_bag(event, {"number": number})


def item_bytes(item: Mapping[str, Any]) -> int:
    """Return the size of a finished item as compact JSON, before `sentAt` is added."""
    plain = {key: value for key, value in item.items() if key != "sentAt"}
    return len(json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode())


def sized(destination: Destination, event: Event, size: int) -> Event:
    """Return an event whose first item at a vendor is so many bytes long, before `sentAt` is added.

    The filling is spread over texts that are short enough for every vendor to keep them whole.
    """
    plan, record = Plan.compile(destination, "default"), Record(*KEY, 0, START_MS)

    def filled(lengths: Iterable[int]) -> tuple[Event, int]:
        grown = _with_bag(event, {f"pad_{index}": "x" * length for index, length in enumerate(lengths)})
        payload = plan.map(grown, record, START_MS).payloads[0]
        return grown, item_bytes(destination.decoded(payload, START_MS))

    longest = max(400, size // 200)
    count = max(1, -(-(size - filled(())[1]) // longest))
    missing = size - filled([0] * count)[1]
    grown, found = filled(missing // count + (index < missing % count) for index in range(count))
    assert found == size, (found, size)
    return grown


def one_longer(event: Event) -> Event:
    """Return a `sized` event whose item is one byte longer."""
    filling: str = event[_bag(event)]["pad_0"]
    return _with_bag(event, {"pad_0": f"{filling}x"})


def _bag(event: Event) -> str:
    """Return where an event keeps what its sender wants to say."""
    return "traits" if event["type"] in ("identify", "group") else "properties"


def _with_bag(event: Event, more: Mapping[str, Any]) -> Event:
    """Return an event that says more."""
    return event | {_bag(event): {**event.get(_bag(event), {}), **more}}
