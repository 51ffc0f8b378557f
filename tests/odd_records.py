"""A whole bridge without Kafka: the real decoder, plan, pipeline and dispatcher before a vendor's full stand-in.

For tests of what one odd record does to those around it.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct
from multidict import CIMultiDict

from processor.config.secret import PLAIN_SECRETS
from processor.delivery.dispatcher import Dispatcher
from processor.delivery.settings import DeliverySettings
from processor.destinations import destination_class
from processor.destinations.plan import DEFAULT, Plan
from processor.model import Answer, Record
from processor.operations.tally import Tally
from processor.pipeline import Pipeline, PipelineSettings
from processor.pipeline.ledger import Ledger
from processor.sandbox.server import judged
from processor.sandbox.settings import SandboxLimits, SandboxSettings
from processor.sandbox.vendor import Accepted, Head
from processor.source.decode import Decoder
from processor.source.decode_settings import DecodeSettings
from processor.source.intake import size_bytes
from processor.source.window import Window
from tests.fake_stages import FakeConsumer, FakeLetters
from tests.simulation import START_MS, LoopClock
from tests.standin_requests import standin

Item = dict[str, Any]

KEYS: Final = {
    "moveo": {"api_key": "moveo-example-key"},
    "moesif": {"application_id": "moesif-example-application-id"},
}
"""What the stand-ins take."""


class Sent(Struct):
    """One request as the vendor read it, and how it answered."""

    url: str
    items: list[Item]
    status: int


class JudgingVendor:
    """A transport to a vendor's stand-in, which looks at every body by the whole contract; a test may refuse more."""

    def __init__(self, vendor: str, refuses: Callable[[Item], bool], limits: SandboxLimits, clock: LoopClock) -> None:
        """Answer as the stand-in does, and 400 to what `refuses` picks out."""
        self._standin = standin(vendor, SandboxSettings(limits=limits))
        self._refuses = refuses
        self._clock = clock
        self.requests: list[Sent] = []

    async def send(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        content: bytes,
        deadline_s: float,
        set_out: Callable[[], None],
    ) -> Answer:
        """Answer one request after a moment."""
        del deadline_s
        set_out()
        await asyncio.sleep(0.05)
        body = json.loads((gzip.decompress(content) if "Content-Encoding" in headers else content).decode("utf-8"))
        items = body["events"] if isinstance(body, dict) and "events" in body else body
        request = Sent(url, items if isinstance(items, list) else [items], 400)
        self.requests.append(request)
        if not any(map(self._refuses, request.items)):
            path = urlsplit(url).path
            route = self._standin.route(path)
            assert route is not None, f"the vendor has no {path}"
            head = Head(method, path, {}, CIMultiDict(headers), self._clock.wall_ms() / 1000, "192.0.2.9")
            said = judged(self._standin, route, head, content)
            assert isinstance(said, Accepted), f"the vendor refuses: {said.reason}, {said.body!r}"
            request.status = said.status
        return Answer(request.status)

    @property
    def accepted(self) -> list[Sent]:
        """Return the requests that were accepted."""
        return [one for one in self.requests if 200 <= one.status < 300]


class Ends(Struct):
    """How records ended."""

    letters: list[str]
    """Reasons of dead letters, in order."""
    skips: list[str]
    warnings: dict[str, int]
    requests: list[Sent]
    """Those that the vendor accepted."""
    outstanding_count: int
    stored: int
    """The offset up to which everything is done."""


async def delivered(
    vendor: str,
    values: list[bytes],
    *,
    refuses: Callable[[Item], bool] = lambda _: False,
    limits: SandboxLimits | None = None,
    **settings: Any,  # noqa: ANN401 - any setting of the vendor
) -> Ends:
    """Return how records with these values end at a vendor with these settings, in a loop of virtual time.

    The vendor answers 400 to a request with an item that it `refuses`; that it refuses nothing else is asserted.
    """
    window, clock, letters, consumer = Window(1000, 1_000_000_000), LoopClock(), FakeLetters(), FakeConsumer()
    double = JudgingVendor(vendor, refuses, SandboxLimits() if limits is None else limits, clock)
    plan = _plan(vendor, settings)
    pipeline = Pipeline(
        PipelineSettings(vendor, "1.0", 20.0, is_delivering=True),
        plan,
        Decoder(DecodeSettings(max_record_bytes=100_000_000)),
        Ledger(Tally(), window),
        window,
        clock,
    )
    dispatcher = Dispatcher(plan.destination, DeliverySettings(), double, pipeline, clock)
    pipeline.connect(dispatcher, letters, consumer)
    run = asyncio.create_task(pipeline.run())
    pipeline.inbox.put_assigned({("events", 0): 0})
    records = [Record("events", 0, offset, START_MS, b"k", value) for offset, value in enumerate(values)]
    window.add(len(records), sum(map(size_bytes, records)))
    pipeline.inbox.put_records(records, {})
    await asyncio.sleep(120.0)
    await dispatcher.close()
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    tally = pipeline.ledger.tally.report()
    return Ends(
        letters.reasons,
        sorted(reason for reason, count in tally["records"]["skipped"].items() for _ in range(count)),
        {code: count for code, count in tally["warnings"].items() if count},
        double.accepted,
        pipeline.ledger.outstanding_count,
        consumer.stored.get(("events", 0), 0),
    )


def _plan(vendor: str, settings: dict[str, Any]) -> Plan:
    """Return the plan of a vendor's presets."""
    vendor_class = destination_class(vendor)
    model = vendor_class.settings_model.model_validate(KEYS[vendor] | settings, context={PLAIN_SECRETS: True})
    return Plan.compile(vendor_class.create(vendor, model), DEFAULT)


def written(event: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Return an event as a careless producer writes it: escapes for all that is not ASCII, half characters included."""
    return json.dumps(event).encode()
