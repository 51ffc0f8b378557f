"""An end-to-end run that is judged from outside: by the stand-ins' own record and by a reader of the groups' offsets.

Nothing here asks the bridge how it did. The run gathers evidence; `tests.ledger.judge` reads it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka import Consumer, Message, TopicPartition

from processor.sandbox.faults import Fault, Refuse
from processor.sandbox.settings import SandboxSettings
from processor.sandbox.standins import StandIns
from tests.kafka_harness import QUIET, Kafka, random_name
from tests.ledger.evidence import Evidence, Letter, Made, Moment
from tests.ledger.feed import EventFeed
from tests.ledger.fleet import Fleet
from tests.ledger.scenario import ENVIRON, Scenario, bridge_config
from tests.ledger.watch import OffsetWatch, letter_count

POLL_S = 0.1
READ_S = 60.0


class Plan(NamedTuple):
    """What is done to a vendor's group once this share of its deliveries is reached; `act` says false: not yet."""

    share: float
    vendor: str
    act: Callable[[str], bool]


class LedgerRun:
    """One run: `run` it once, then read `evidence`, `happened` and what else it left."""

    def __init__(self, kafka: Kafka, scenario: Scenario, folder: Path, seed: int) -> None:
        """Prepare; nothing is started."""
        self.kafka = kafka
        self.scenario = scenario
        self.seed = seed
        self.happened: dict[str, int] = {}
        self.problems: list[str] = []
        """Processes that did not end in order."""
        self._folder = folder
        self._random = random.Random(seed)
        self._topic = random_name("ledger-events")
        self._dead_topic = random_name("ledger-dead")
        self._prefix = random_name("ledger")
        self._refused: dict[str, str] = {}
        self._poison: Made | None = None

    def run(self) -> None:
        """Produce, deliver under faults, wait until everything is committed, stop, read the dead letters."""
        self.kafka.create_topic(self._topic, partitions=self.scenario.partition_count)
        self.kafka.create_topic(self._dead_topic)
        self._feed = EventFeed(self.kafka.bootstrap_servers, self._topic, self.scenario, self.seed)
        self._feed.fill()
        self._totals = {vendor: self._feed.delivered_count(vendor) for vendor in self.scenario.vendors}
        record = self._folder / "ledger.ndjson"
        started_s = time.monotonic()
        with StandIns(SandboxSettings(record=record, keep_count=10_000_000, seed=self.seed)) as vendors:
            self._vendors = vendors
            vendors.set_faults(*self.scenario.faults, *self._refusals())
            self._deliver()
            self.happened = vendors.happened()
            lines = vendors.lines()
        self.duration_s = time.monotonic() - started_s
        self.evidence = Evidence(
            made=self._feed.made,
            refused=self._refused,
            lines=lines,
            letters=self._read_letters(),
            samples=self._watch.samples,
            disturbances=self._fleet.disturbances,
            window_count=self.scenario.most_in_window,
        )

    def _refusals(self) -> list[Fault]:
        """Choose the events that the vendors refuse, and return the faults that do it."""
        good = {made.event_id: made for made in self._feed.made if made.category == "track" and made.event_id}
        count = int(self.scenario.event_count * self.scenario.refused_share)
        chosen = self._random.sample(sorted(good), count + self.scenario.has_poison)
        refused, poison = frozenset(chosen[:count]), frozenset(chosen[count:])
        self._poison = next((good[event_id] for event_id in poison), None)
        self._refused = dict.fromkeys(refused, "http_400") | dict.fromkeys(poison, "vendor_error")
        return [Refuse(ids=ids, status=status) for ids, status in ((refused, 400), (poison, 500)) if ids]

    # -- deliveries

    def _deliver(self) -> None:
        """Start processes and the outside reader, do the damage, wait for the end; end every process."""
        groups = {vendor: f"{self._prefix}.{vendor}" for vendor in self.scenario.vendors}
        self._fleet = Fleet(self._config(), ENVIRON, self._folder, self._moment)
        self._watch = OffsetWatch(
            self.kafka, self._topic, self.scenario.partition_count, groups, self._fleet.expected, self._moment
        )
        self._watch.start()
        try:
            for vendor in self.scenario.vendors:
                for _ in range(self.scenario.processes_per_vendor):
                    self._fleet.start(vendor)
            self._drive()
        finally:
            self._watch.stop()
            self.problems = self._fleet.end_all()

    def _config(self) -> dict[str, Any]:
        """Return the settings that all processes share."""
        kafka = {
            "bootstrap_servers": self.kafka.bootstrap_servers,
            "topics": [self._topic],
            "group_prefix": self._prefix,
            "control_topic": f"{self._prefix}.control",
        }
        return bridge_config(self.scenario, kafka, self._dead_topic, self._vendors.url)

    def _moment(self) -> Moment:
        """Return how far everything has come; the letters are counted first, so that a moment is never too late."""
        letters = letter_count(self.kafka.admin, self._dead_topic)
        return Moment(int(self._vendors.counts()["last_order"]), letters)

    def _drive(self) -> None:
        """Do what is planned at its moments, and wait until everything is committed and every group has settled."""
        plans = self._plans()
        deadline_s = time.monotonic() + self.scenario.max_s
        while plans or not self._is_over():
            assert time.monotonic() < deadline_s, f"not done within {self.scenario.max_s} s: {plans}\n{self._state()}"
            ended = self._fleet.ended()
            assert not ended, f"{ended}\n{self._state()}"
            due = [plan for plan in plans if self._progress(plan.vendor) >= plan.share]
            plans = [plan for plan in plans if plan not in due or not plan.act(plan.vendor)]
            if self._is_poison_waiting():
                self._feed.go_on()  # only traffic that goes on can tell it from an outage
            time.sleep(POLL_S)

    def _plans(self) -> list[Plan]:
        """Return what is done when: kills at random moments, the vendors taking turns, and the rebalances."""
        vendors = self._random.sample(self.scenario.vendors, len(self.scenario.vendors))
        plans = [
            Plan(self._random.uniform(0.1, 0.7), vendors[number % len(vendors)], self._kill)
            for number in range(self.scenario.kill_count)
        ]
        if self.scenario.is_rebalanced:
            plans += [Plan(self._random.uniform(0.1, 0.4), vendor, self._join) for vendor in vendors]
            plans += [Plan(self._random.uniform(0.5, 0.8), vendor, self._leave) for vendor in vendors]
        return plans

    def _kill(self, vendor: str) -> bool:
        """Kill a process that is at work, if there is one right now; another takes its place."""
        busy = self._busy(vendor)
        if busy:
            self._fleet.kill(self._random.choice(busy))
        return bool(busy)

    def _join(self, vendor: str) -> bool:
        """Let one process more join a group."""
        self._fleet.start(vendor, "join")
        return True

    def _leave(self, vendor: str) -> bool:
        """Let a process that is at work leave its group in order."""
        busy = self._busy(vendor)
        if busy:
            self._fleet.leave(self._random.choice(busy))
        return bool(busy)

    def _busy(self, vendor: str) -> list[str]:
        """Return the processes that were just seen to own partitions with something left to do."""
        sample = self._watch.latest(vendor)
        if sample is None:
            return []
        left = {p for p, end in self._feed.ends.items() if sample.committed.get(p, 0) < end}
        owners = {owner for partition, owner in sample.owners.items() if partition in left}
        return [name for name in self._fleet.names(vendor) if name in owners]

    def _progress(self, vendor: str) -> float:
        """Return the share of a vendor's deliveries that is done; repeats make it a little larger."""
        return self._vendors.item_count(vendor) / self._totals[vendor]

    def _is_poison_waiting(self) -> bool:
        """Return whether the event that always fails has not ended as a dead letter at every vendor."""
        poison = self._poison
        samples = [self._watch.latest(vendor) for vendor in self.scenario.vendors]
        return poison is not None and any(
            one is None or one.committed.get(poison.partition, 0) <= poison.offset for one in samples
        )

    def _is_over(self) -> bool:
        """Return whether every group has settled and committed the end of every partition."""
        samples = [self._watch.latest(vendor) for vendor in self.scenario.vendors]
        return all(one is not None and one.is_settled and one.committed == self._feed.ends for one in samples)

    def _state(self) -> str:
        """Return where everything stands, for the message of a failed wait."""
        latest = {vendor: self._watch.latest(vendor) for vendor in self.scenario.vendors}
        counts = (self._vendors.counts(), self._vendors.happened())
        ends = dict(self._feed.ends)
        return f"seed {self.seed}\n{latest}\nends {ends}\n{self._poison}\n{counts}\n{self._fleet.log_ends()}"

    # -- dead letters

    def _read_letters(self) -> list[Letter]:
        """Return the dead-letter topic from its beginning to its end."""
        consumer = Consumer({**QUIET, "bootstrap.servers": self.kafka.bootstrap_servers, "group.id": random_name()})
        letters: list[Letter] = []
        try:
            consumer.assign([TopicPartition(self._dead_topic, 0, 0)])
            end = letter_count(self.kafka.admin, self._dead_topic)
            deadline_s = time.monotonic() + READ_S
            while len(letters) < end:
                assert time.monotonic() < deadline_s, f"{len(letters)} of {end} dead letters were read"
                letters += [_letter(message) for message in consumer.consume(500, POLL_S)]
        finally:
            consumer.close()
        return letters


def _letter(message: Message[Any, Any]) -> Letter:
    """Return what a dead letter says."""
    assert message.error() is None
    position, headers = message.offset(), _headers(message)
    assert position is not None
    return Letter(
        position,
        headers["segment-bridge-destination"],
        int(headers["segment-bridge-source-partition"]),
        int(headers["segment-bridge-source-offset"]),
        headers["segment-bridge-reason"],
    )


def _headers(message: Message[Any, Any]) -> Mapping[str, str]:
    """Return the headers of a letter that the bridge has written."""
    found: Any = message.headers()
    return {name: value.decode() for name, value in found if name.startswith("segment-bridge-")}
