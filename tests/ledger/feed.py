"""The events of an end-to-end run: made, written to the topic, and remembered by where each lies."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from confluent_kafka import Message, Producer

from processor.sandbox.events import EXPECTED, EventSettings, MadeEvent, made_events
from tests.kafka_harness import QUIET
from tests.ledger.evidence import Made
from tests.ledger.scenario import Scenario

WRITE_S = 60.0
MAX_UNSENT_COUNT = 50_000
PAUSE_S = 0.2
"""Between events of the traffic that goes on."""
TRAFFIC_COUNT = 1_000_000
"""More than any run takes of it."""


class EventFeed:
    """Writes one run's events. `made` holds every record in the order of the broker's acknowledgements."""

    def __init__(self, bootstrap_servers: str, topic: str, scenario: Scenario, seed: int) -> None:
        """Write nothing yet."""
        self.made: list[Made] = []
        self.ends: dict[int, int] = defaultdict(int)
        """The end of every partition that holds something."""
        self._topic = topic
        self._scenario = scenario
        self._seed = seed
        self._producer = Producer(
            {**QUIET, "bootstrap.servers": bootstrap_servers, "enable.idempotence": True, "linger.ms": 20}
        )
        self._traffic = self._events(TRAFFIC_COUNT, seed + 1)
        self._next_s = 0.0

    def fill(self) -> None:
        """Write the scenario's events; return when the broker has all of them."""
        for made in self._events(self._scenario.event_count, self._seed):
            self._write(made)
        self._flush()
        assert len(self.made) == self._scenario.event_count

    def go_on(self) -> None:
        """Write one event more, of the same users, if it is time; return when the broker has it."""
        if time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + PAUSE_S
            self._write(next(self._traffic))
            self._flush()

    def delivered_count(self, vendor: str) -> int:
        """Return how many of the records end as delivered at a vendor, refused ones included."""
        return sum(EXPECTED[made.category][vendor] == "delivered" for made in self.made)

    def _events(self, count: int, seed: int) -> Iterator[MadeEvent]:
        settings = EventSettings(count=count, user_count=self._scenario.user_count, seed=seed, marked=True)
        return made_events(settings, int(time.time() * 1000))

    def _write(self, made: MadeEvent) -> None:
        self._producer.produce(self._topic, key=made.key, value=made.value, on_delivery=self._remember(made))
        if len(self._producer) > MAX_UNSENT_COUNT:
            self._producer.poll(0.1)

    def _flush(self) -> None:
        left = self._producer.flush(WRITE_S)
        assert left == 0, f"{left} events were not written"

    def _remember(self, made: MadeEvent) -> Callable[[object, Message[Any, Any]], None]:
        """Return a delivery report that notes the place of a record."""
        ids = _ids(made.value)

        def written(error: object, message: Message[Any, Any]) -> None:
            partition, offset = message.partition(), message.offset()
            assert error is None
            assert partition is not None
            assert offset is not None
            self.made.append(Made(partition, offset, made.category, *ids))
            self.ends[partition] = max(self.ends[partition], offset + 1)

        return written


def _ids(value: bytes | None) -> tuple[str | None, str | None]:
    """Return the ids by which the stand-ins know an event, and the link of its user to a company."""
    try:
        event = msgspec.json.decode(b"null" if value is None else value)
    except msgspec.DecodeError:
        return None, None
    if not isinstance(event, dict):
        return None, None
    link_id = f"{event['userId']}@{event['timestamp']}" if event.get("type") == "group" else None
    return event["messageId"], link_id
