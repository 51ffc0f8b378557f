"""Everything that a demo plays on: stand-ins, an embedded Kafka and a topic full of events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from processor.sandbox.events import EXPECTED, EventSettings, Fate, MadeEvent, made_events
from processor.sandbox.faults import Drop, Fault, Latency, Status, Throttle
from processor.sandbox.kafka import EmbeddedKafka
from processor.sandbox.settings import SandboxSettings
from processor.sandbox.standins import StandIns

TOPIC = "segment-events"

DEMO_FAULTS: tuple[Fault, ...] = (
    Latency(ms=20, max_ms=80),
    Status(status=503, rate=0.02, burst_count=3),
    Throttle(rate=0.005, retry_after_s=1),
    Drop(when="after", rate=0.01),
    Drop(when="before", rate=0.01),
)
"""A bad day at all three vendors: slow, sometimes failing, throttling, and losing answers."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What runs, and what was put on the topic: how many records of each category."""

    vendors: StandIns
    kafka: EmbeddedKafka
    topic: str
    made: Counter[str]

    def produce(self, settings: EventSettings, now_ms: int, *, rate_per_s: float | None = None) -> int:
        """Put events on the topic and count them in `made`; may be called again, and from any one thread.

        Raises:
            BrokerError: When a record is not stored, or the embedded Kafka had to drop older ones.
        """
        events = (self._counted(event) for event in made_events(settings, now_ms))
        return self.kafka.produce(self.topic, events, rate_per_s=rate_per_s)

    def expected(self, vendor: str) -> Mapping[Fate, int]:
        """Return how many records should end in which way at this vendor, under its presets and without refusals."""
        fates: Counter[Fate] = Counter()
        for category, count in self.made.items():
            fates[EXPECTED[category][vendor]] += count
        return fates

    def _counted(self, event: MadeEvent) -> tuple[bytes | None, bytes | None]:
        self.made[event.category] += 1
        return event.key, event.value


@contextmanager
def stage(settings: SandboxSettings | None = None, *, topic: str = TOPIC) -> Iterator[Stage]:
    """Run stand-ins and an embedded Kafka with an empty topic until the end of the block.

    Raises:
        BrokerError: When the embedded Kafka does not start.
    """
    with StandIns(settings) as vendors, EmbeddedKafka() as kafka:
        kafka.create_topic(topic)
        yield Stage(vendors, kafka, topic, Counter())
