"""An end-to-end run that is judged from outside: by the stand-ins' own record and by a reader of the group's offsets.

Nothing here asks the bridge how it did. The stand-ins write down what they accepted and when, the dead-letter topic
holds what was refused, and the committed offsets are sampled through the admin client while processes are killed.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from tests.kafka_harness import Kafka, random_name
from processor.sandbox.events import EXPECTED, EventSettings, MadeEvent, made_events
from processor.sandbox.faults import Fault, Refuse
from processor.sandbox.ledger import Line
from processor.sandbox.settings import SandboxSettings
from processor.sandbox.standins import StandIns
from processor.source.cluster import Cluster
from processor.source.deadline import Deadline

KEYS = {"SB_MOVEO": "moveo-example-key", "SB_MOESIF": "moesif-example-application-id", "SB_MOENGAGE": "moengage-example-key"}
SAMPLE_S = 0.2


@dataclass(frozen=True)
class Scenario:
    """What is run, and what is done to it."""

    event_count: int
    user_count: int
    partition_count: int
    vendors: tuple[str, ...] = ("moveo", "moesif", "moengage")
    processes_per_vendor: int = 1
    kill_shares: tuple[float, ...] = (0.4,)
    """At these shares of the deliveries of the first vendor one random process is killed and started again."""
    extra_member_share: float | None = None
    """At this share one process more joins each group, for a rebalance without a crash."""
    refused_share: float = 0.0
    has_poison: bool = False
    faults: tuple[Fault, ...] = ()
    delivery: Mapping[str, Any] = field(default_factory=dict)
    kafka: Mapping[str, Any] = field(default_factory=dict)
    max_s: float = 240.0


@dataclass(frozen=True)
class Made:
    """A record of the topic: where it lies, which event it holds and what becomes of it where."""

    partition: int
    offset: int
    category: str
    event_id: str | None


class LedgerRun:
    """One run. Use as a context manager; `judge` says everything that went wrong."""

    def __init__(self, kafka: Kafka, scenario: Scenario, folder: Path, seed: int) -> None:
        """Prepare; nothing is started."""
        self.kafka = kafka
        self.scenario = scenario
        self.folder = folder
        self.random = random.Random(seed)
        self.seed = seed
        self.topic = random_name("ledger-events")
        self.dead_topic = random_name("ledger-dead")
        self.prefix = random_name("ledger")
        self.made: list[Made] = []
        self.refused: set[str] = set()
        self.poison: str | None = None
        self.samples: dict[str, list[tuple[float, dict[int, int]]]] = defaultdict(list)
        self.kill_count = 0
        self.processes: list[tuple[str, subprocess.Popen[bytes]]] = []
        self.letters: dict[tuple[str, int, int], tuple[str, float]] = {}
        self.letter_count = 0
        self._stop = threading.Event()

    # -- the course of events

    def run(self) -> None:
        """Produce, deliver under faults, wait until everything is committed, stop."""
        self.kafka.create_topic(self.topic, partitions=self.scenario.partition_count)
        self.kafka.create_topic(self.dead_topic)
        self._produce()
        with StandIns(SandboxSettings(record=self.folder / "ledger.ndjson", keep_count=2_000_000)) as vendors:
            self.vendors = vendors
            self._set_faults()
            self._write_config(vendors.url)
            sampler = threading.Thread(target=self._sample, daemon=True)
            sampler.start()
            try:
                self._drive()
            finally:
                self._stop.set()
                sampler.join(30)
                self._end_processes()
            self.happened = vendors.happened()
            self.lines = vendors.lines()
        self._read_letters()

    def _produce(self) -> None:
        """Write the events and remember where each lies."""
        settings = EventSettings(
            count=self.scenario.event_count, user_count=self.scenario.user_count, seed=self.seed, marked=True
        )
        producer = Producer({"bootstrap.servers": self.kafka.bootstrap_servers, "enable.idempotence": True, "linger.ms": 20})
        for made in made_events(settings, int(time.time() * 1000)):
            producer.produce(self.topic, key=made.key, value=made.value, on_delivery=self._remember(made))
            if len(producer) > 50_000:
                producer.poll(0.05)
        assert producer.flush(60) == 0
        assert len(self.made) == self.scenario.event_count

    def _remember(self, made: MadeEvent) -> Callable[[object, Message], None]:
        """Return a delivery report that notes the place of a record."""
        event_id = _event_id(made)

        def delivered(error: object, message: Message) -> None:
            assert error is None
            partition, offset = message.partition(), message.offset()
            assert partition is not None
            assert offset is not None
            self.made.append(Made(partition, offset, made.category, event_id))

        return delivered

    def _set_faults(self) -> None:
        """Choose the refused events and put the faults in force."""
        good = sorted(made.event_id for made in self.made if made.category == "track" and made.event_id is not None)
        faults: list[Fault] = list(self.scenario.faults)
        count = int(len(self.made) * self.scenario.refused_share)
        if count:
            self.refused = set(self.random.sample(good, count))
            faults.append(Refuse(ids=frozenset(self.refused), status=400))
        if self.scenario.has_poison:
            self.poison = self.random.choice([one for one in good if one not in self.refused])
            faults.append(Refuse(ids=frozenset({self.poison}), status=500))
        self.vendors.set_faults(*faults)

    def _write_config(self, url: str) -> None:
        """Write the YAML file (JSON is YAML) of all vendors."""
        own: dict[str, dict[str, Any]] = {
            "moveo": {"api_key": {"env": "SB_MOVEO"}, "endpoint": f"{url}/api/analytic/external/segment-destination"},
            "moesif": {"application_id": {"env": "SB_MOESIF"}, "base_url": url},
            "moengage": {
                "api_id": "WKSPACE7EXAMPLE",
                "api_key": {"env": "SB_MOENGAGE"},
                "region": "DC_03",
                "base_url": url,
            },
        }
        waits = {"moveo": ["events"], "moesif": ["actions", "users", "companies"], "moengage": ["bulk"]}
        config = {
            "kafka": {
                "bootstrap_servers": self.kafka.bootstrap_servers,
                "topics": [self.topic],
                "group_prefix": self.prefix,
                "control_topic": f"{self.prefix}.control",
                **self.scenario.kafka,
            },
            "dead_letters": {"topic": self.dead_topic},
            "operations": {"page": {"enabled": False}},
            "destinations": {
                vendor: {
                    "type": vendor,
                    "start": "earliest",
                    "settings": own[vendor],
                    "subscriptions": "default",
                    "delivery": {
                        "endpoints": {name: {"max_wait_ms": 200} for name in waits[vendor]},
                        **self.scenario.delivery,
                    },
                }
                for vendor in self.scenario.vendors
            },
        }
        self.config = self.folder / "segment-bridge.yaml"
        self.config.write_text(json.dumps(config, indent=1), encoding="utf-8")

    def _start_process(self, vendor: str) -> None:
        """Start one bridge process of a destination."""
        log = (self.folder / f"{vendor}-{len(self.processes)}.log").open("wb")
        command = [sys.executable, "-m", "processor", "run", "--config", str(self.config), "--destination", vendor]
        with log:
            process = subprocess.Popen(command, env={**os.environ, **KEYS}, stdout=log, stderr=log)
        self.processes.append((vendor, process))

    def _drive(self) -> None:
        """Start the processes, do the damage at its moments, and wait for the end."""
        for vendor in self.scenario.vendors:
            for _ in range(self.scenario.processes_per_vendor):
                self._start_process(vendor)
        moments = [(share, self._kill_one) for share in self.scenario.kill_shares]
        if self.scenario.extra_member_share is not None:
            moments.append((self.scenario.extra_member_share, self._add_members))
        first = self.scenario.vendors[0]
        total = sum(EXPECTED[made.category][first] == "delivered" for made in self.made)
        for share, action in sorted(moments, key=lambda moment: moment[0]):
            self._until(lambda share=share: self.vendors.item_count(first) >= share * total, f"{share} delivered")
            action()
        self._until(self._is_all_committed, "everything is committed")

    def _kill_one(self) -> None:
        """Kill a random running process as the kernel would, and start another in its place."""
        running = [(vendor, process) for vendor, process in self.processes if process.poll() is None]
        vendor, process = self.random.choice(running)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        self.kill_count += 1
        self._start_process(vendor)

    def _add_members(self) -> None:
        """Let one process more join each group."""
        for vendor in self.scenario.vendors:
            self._start_process(vendor)

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition; a process that ended by itself is a failure at once."""
        deadline = time.monotonic() + self.scenario.max_s
        while not condition():
            assert time.monotonic() < deadline, f"not within {self.scenario.max_s} s: {what}\n{self.state()}"
            for vendor, process in self.processes:
                code = process.poll()
                assert code in (None, -signal.SIGKILL), f"{vendor} ended with {code}\n{self.state()}"
            self._stop.wait(SAMPLE_S)

    def state(self) -> str:
        """Return where the groups stand and what the logs say last, for the message of a failed wait."""
        logs = [path.read_text(errors="replace")[-1500:] for path in sorted(self.folder.glob("*.log"))]
        latest = {vendor: samples[-1] for vendor, samples in self.samples.items() if samples}
        return "\n".join([f"seed {self.seed}", f"committed {latest}", str(self.vendors.counts()), *logs])

    def _is_all_committed(self) -> bool:
        """Return whether every group has committed the end of every partition."""
        ends: dict[int, int] = defaultdict(int)
        for made in self.made:
            ends[made.partition] = max(ends[made.partition], made.offset + 1)
        return all(
            self.samples[vendor] and all(self.samples[vendor][-1][1].get(p) == end for p, end in ends.items())
            for vendor in self.scenario.vendors
        )

    def _sample(self) -> None:
        """Read the committed offsets of every group again and again, from outside."""
        cluster = Cluster(self.kafka.admin)
        while not self._stop.wait(SAMPLE_S):
            for vendor in self.scenario.vendors:
                try:
                    committed = cluster.committed(f"{self.prefix}.{vendor}", Deadline.after(10))
                except Exception as error:  # noqa: BLE001 - a broker that is busy electing is asked again
                    print("sample skipped:", error)  # noqa: T201 - shown when the test fails
                    continue
                offsets = {partition: one.offset for (topic, partition), one in committed.items() if topic == self.topic}
                self.samples[vendor].append((time.time() * 1000, offsets))

    def _end_processes(self) -> None:
        """Stop in order, then by force."""
        running = [process for _, process in self.processes if process.poll() is None]
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)

    def _read_letters(self) -> None:
        """Read the dead-letter topic to its end."""
        consumer = Consumer(
            {"bootstrap.servers": self.kafka.bootstrap_servers, "group.id": random_name("reader"), "enable.auto.commit": False}
        )
        consumer.assign([TopicPartition(self.dead_topic, 0, 0)])
        _, end = consumer.get_watermark_offsets(TopicPartition(self.dead_topic, 0), timeout=20)
        while consumer.position([TopicPartition(self.dead_topic, 0)])[0].offset < end:
            for message in consumer.consume(500, 1.0):
                assert message.error() is None
                self._note_letter(message)
        consumer.close()

    def _note_letter(self, message: Message) -> None:
        """Remember the first letter of a record at a destination."""
        headers = {name: value.decode() for name, value in _headers(message)}
        key = (
            headers["segment-bridge-destination"],
            int(headers["segment-bridge-source-partition"]),
            int(headers["segment-bridge-source-offset"]),
        )
        self.letter_count += 1
        if key not in self.letters:
            self.letters[key] = (headers["segment-bridge-reason"], float(message.timestamp()[1]))

    # -- the judgement

    def judge(self) -> list[str]:
        """Return everything that went wrong."""
        return [problem for vendor in self.scenario.vendors for problem in self._judge(vendor)]

    def _judge(self, vendor: str) -> Iterator[str]:
        first = self._first_acceptances(vendor)
        done_ms: dict[int, dict[int, float]] = defaultdict(dict)
        for made in self.made:
            fate = self._fate(made, vendor)
            letter = self.letters.get((vendor, made.partition, made.offset))
            accepted_ms = None if made.event_id is None else first.get(made.event_id)
            if (letter is not None) != (fate == "dead_lettered"):
                yield f"{vendor}: {made} is {fate} but its letter is {letter}"
            if fate == "delivered" and accepted_ms is None:
                yield f"{vendor}: lost {made}"
            if fate != "delivered" and accepted_ms is not None:
                yield f"{vendor}: {made} was delivered although it is {fate}"
            moment = {"delivered": accepted_ms, "dead_lettered": None if letter is None else letter[1]}.get(fate, 0.0)
            done_ms[made.partition][made.offset] = float("inf") if moment is None else moment
        yield from self._judge_commits(vendor, done_ms)
        yield from self._judge_order(vendor)
        yield from self._judge_repeats(vendor)

    def _fate(self, made: Made, vendor: str) -> str:
        """Return what must become of a record."""
        if made.event_id is not None and (made.event_id in self.refused or made.event_id == self.poison):
            return "dead_lettered"
        return EXPECTED[made.category][vendor]

    def _first_acceptances(self, vendor: str) -> dict[str, float]:
        """Return when each event was accepted first."""
        first: dict[str, float] = {}
        for line in self._accepted(vendor):
            if line.id is not None:
                first.setdefault(line.id, line.at_ms)
        return first

    def _accepted(self, vendor: str) -> list[Line]:
        """Return what a vendor accepted, in order."""
        return [line for line in self.lines if line.vendor == vendor and line.result == "accepted"]

    def _judge_commits(self, vendor: str, done_ms: Mapping[int, Mapping[int, float]]) -> Iterator[str]:
        """No sample may show an offset committed past a record that was not done by then."""
        latest: dict[int, list[float]] = {}
        for partition, by_offset in done_ms.items():
            highest, running = 0.0, [0.0]
            for offset in range(max(by_offset) + 1):
                highest = max(highest, by_offset.get(offset, 0.0))
                running.append(highest)
            latest[partition] = running
        for at_ms, offsets in self.samples[vendor]:
            for partition, offset in offsets.items():
                if latest[partition][offset] > at_ms:
                    yield f"{vendor}: offset {offset} of {partition} was committed past an unfinished record"

    def _judge_order(self, vendor: str) -> Iterator[str]:
        """First acceptances of one user at one endpoint come in the user's order."""
        seen: set[tuple[str, str]] = set()
        last: dict[tuple[str, str], int] = {}
        for line in self._accepted(vendor):
            if line.seq is None or line.id is None or (line.endpoint, line.id) in seen:
                continue
            seen.add((line.endpoint, line.id))
            lane = (line.endpoint, line.user or "")
            if line.call not in ("company", "group") and line.seq < last.get(lane, 0):
                yield f"{vendor}: {line.user} at {line.endpoint}: {line.seq} after {last[lane]}"
            last[lane] = max(line.seq, last.get(lane, 0))

    def repeats(self, vendor: str) -> int:
        """Return how many acceptances were repeats."""
        counted: dict[tuple[str, str], int] = defaultdict(int)
        for line in self._accepted(vendor):
            if line.id is not None and line.seq is not None:
                counted[line.endpoint, line.id] += 1
        return sum(count - 1 for count in counted.values())

    def _judge_repeats(self, vendor: str) -> Iterator[str]:
        """Repeats come from kills, rebalances and lost answers only, each at most a window."""
        disturbances = self.kill_count + (self.scenario.extra_member_share is not None) * len(self.scenario.vendors)
        bound = disturbances * self.window_count(vendor) + self._lost_answers(vendor)
        if self.repeats(vendor) > bound:
            yield f"{vendor}: {self.repeats(vendor)} repeats, more than {bound}"

    def _lost_answers(self, vendor: str) -> int:
        """Return how many items were accepted by requests whose answer was lost."""
        return sum(line.answer == "lost" for line in self._accepted(vendor))

    def window_count(self, vendor: str) -> int:
        """Return the largest number of records that one process may have to repeat."""
        largest = {"moveo": 20, "moesif": 250, "moengage": 200}[vendor]
        explicit = self.scenario.delivery.get("max_window_count")
        return int(explicit) if explicit is not None else 4 * 16 * largest + 2_000


@contextmanager
def shown(run: LedgerRun) -> Iterator[LedgerRun]:
    """Print the seed, so that a failing run can be repeated."""
    print(f"ledger run with seed {run.seed}")  # noqa: T201 - pytest shows it when the test fails
    yield run


def _event_id(made: MadeEvent) -> str | None:
    """Return the id by which the stand-ins know an event."""
    if made.value is None:
        return None
    try:
        event = msgspec.json.decode(made.value)
    except msgspec.DecodeError:
        return None
    found = event.get("messageId") if isinstance(event, dict) else None
    return found if isinstance(found, str) else None


def _headers(message: Message) -> Sequence[tuple[str, bytes]]:
    """Return the headers of a message."""
    found: Any = message.headers()
    return [] if found is None else [(name, value) for name, value in found if value is not None]
