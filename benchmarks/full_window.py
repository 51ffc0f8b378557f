"""Memory of a process whose vendor is down, so that its window is full: `python -m benchmarks.full_window`."""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka import Producer

from benchmarks.work import bridge_command, bridge_config, kafka, peak_memory_bytes, standard_event
from tests.kafka_harness import Kafka

WATCH_S = 25.0
PARTITIONS = 12
USERS = 20_000
NOBODY = "http://127.0.0.1:9"
"""The port of discard: nobody listens there."""


class Case(NamedTuple):
    """A vendor, what is added to the standard event, how many there are, and settings of delivery."""

    vendor: str
    added_bytes: int
    event_count: int
    delivery: dict[str, int]


CASES = (
    Case("moveo", 0, 20_000, {}),
    Case("moesif", 0, 60_000, {}),
    Case("moengage", 0, 60_000, {}),
    Case("moesif", 3_000, 30_000, {}),
    Case("moesif", 3_000, 60_000, {"max_window_bytes": 150_000_000, "max_window_count": 100_000}),
)


def main() -> None:
    """Measure each case and print a table."""
    print("| vendor | bytes of a record | `max_window_bytes` | memory, MB |")
    print("|---|---|---|---|")
    with kafka() as broker, tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            topic, record_bytes = _produce(broker, case)
            config = _config(broker, topic, Path(folder), case)
            memory = peak_memory_bytes(bridge_command(config, case.vendor), WATCH_S)
            window = case.delivery.get("max_window_bytes", "default")
            print(f"| {case.vendor} | {record_bytes:,} | {window} | {memory / 1e6:.0f} |", flush=True)


def _produce(broker: Kafka, case: Case) -> tuple[str, int]:
    """Return a topic that holds the events of a case, and how large a record is."""
    topic = broker.create_topic(partitions=PARTITIONS)
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "linger.ms": 50, "compression.type": "lz4"})
    random_ = random.Random(1)  # noqa: S311 - made-up data
    total = 0
    for index in range(case.event_count):
        user = f"u-{random_.randrange(USERS)}"
        value = standard_event(index, user, random_)
        if case.added_bytes:
            event: dict[str, Any] = json.loads(value)
            event["properties"]["note"] = "".join(random_.choices("abcdefghij ", k=case.added_bytes))
            value = json.dumps(event, separators=(",", ":")).encode()
        total += len(value)
        producer.produce(topic, key=user, value=value)
        if len(producer) > USERS:
            producer.poll(0.1)
    if producer.flush(120):
        raise RuntimeError("events were not produced")
    return topic, total // case.event_count


def _config(broker: Kafka, topic: str, folder: Path, case: Case) -> Path:
    """Return a configuration with the defaults of delivery, but for what the case says."""
    path = bridge_config(broker, topic, NOBODY, folder, case.vendor)
    config = json.loads(path.read_text(encoding="utf-8"))
    config["destinations"][case.vendor]["delivery"] = case.delivery
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


if __name__ == "__main__":
    main()
