"""Writes made-up events to a topic, a few a second, until it is told to stop: so that there is something to see.

`docker-compose.yml` runs it in the bridge's image. BOOTSTRAP_SERVERS, TOPIC and EVENTS_PER_S of the environment say
where to and how many; one in two hundred events is bad, so that dead letters can be seen and no alert fires.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import Counter
from itertools import count

from confluent_kafka import KafkaError, Message, Producer

from processor.sandbox.events import EventSettings, made_events

ROUND_COUNT = 1_000
"""Events of one seed; then others come."""

FLUSH_S = 10.0


class Feed:
    """Writes events and counts those that the broker did not take."""

    def __init__(self, bootstrap_servers: str, topic: str) -> None:
        """Connect when the first event is written."""
        self._topic = topic
        self._producer = Producer({"bootstrap.servers": bootstrap_servers, "partitioner": "murmur2_random"})
        self.failures: Counter[str] = Counter()

    def write(self, key: bytes | None, value: bytes | None) -> None:
        """Write one event; while the broker is away it waits in memory, and beyond that it is left out."""
        try:
            self._producer.produce(self._topic, value, key, on_delivery=self._written)
        except BufferError:
            self.failures["no room"] += 1
        self._producer.poll(0)

    def close(self) -> None:
        """Return when all events are written, or after a while."""
        self._producer.flush(FLUSH_S)

    def _written(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self.failures[error.name()] += 1


def feed(target: Feed, events_per_s: float, told: threading.Event) -> int:
    """Write events at this rate until told to stop; return how many there were."""
    written = 0
    for seed in count():
        settings = EventSettings(count=ROUND_COUNT, user_count=200, bad_share=0.005, seed=seed)
        for event in made_events(settings, int(time.time() * 1_000)):
            if told.wait(1 / events_per_s):
                return written
            target.write(event.key, event.value)
            written += 1
    return written


def main() -> int:
    """Feed the topic that the environment names until SIGTERM or Ctrl-C; return 1 when an event was not written."""
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    target = Feed(os.environ["BOOTSTRAP_SERVERS"], os.environ["TOPIC"])
    written = feed(target, float(os.environ.get("EVENTS_PER_S", "20")), told)
    target.close()
    sys.stdout.write(f"{written} events written, not taken: {dict(target.failures)}\n")
    return 1 if target.failures else 0


if __name__ == "__main__":
    sys.exit(main())
