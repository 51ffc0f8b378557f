"""Real bridge processes against a real Kafka and the vendors' stand-ins, watched from outside.

A `Deployment` is what an operator has: topics, a settings file, keys, and `run` processes started from them. How the
bridge did is read from the stand-ins' record, the dead-letter topic and the group's offsets; its page and its log are
asked only where the test is about what they say.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import pytest
from confluent_kafka import Consumer, TopicPartition

from processor.checking import Findings, check
from processor.errors import BrokerError
from processor.operations.status import total_lag
from processor.sandbox.ledger import Line
from processor.sandbox.settings import SandboxKeys, SandboxSettings
from processor.sandbox.standins import StandIns
from processor.settings import load_settings
from processor.source.deadline import Deadline
from processor.source.group_offsets import GroupOffsets
from tests.kafka_harness import QUIET, Kafka, random_name, until
from tests.numbered_events import event_id, track, user
from tests.page_requests import NOBODY, got

ROOT = Path(__file__).parents[1]
KEYS = SandboxKeys()
ENVIRON = {
    "MOVEO_API_KEY": KEYS.moveo_api_keys[0],
    "MOESIF_APPLICATION_ID": KEYS.moesif_application_ids[0],
    "MOENGAGE_API_KEY": KEYS.moengage_api_keys[0],
}
FAST_CONSUMER = {
    "session_timeout_ms": 6_000,
    "heartbeat_interval_ms": 500,
    "commit_interval_ms": 100,
    "metadata_refresh_ms": 1_000,
    "start_retry_ms": 100,
    "poll_timeout_ms": 50,
}
FAST_DELIVERY = {"max_in_flight": 4, "drain_ms": 5_000, "probe_interval_s": 0.3, "circuit": {"cap_s": 0.5}}
ENDPOINTS = {"moveo": ("events",), "moesif": ("actions", "users", "companies"), "moengage": ("bulk",)}

WAIT_S = 45.0
"""Longest wait for anything here: the machine may be busy with other tests."""


class Letter(NamedTuple):
    """One record of the dead-letter topic; `said` holds the bridge's own headers without their common prefix."""

    key: bytes | None
    value: bytes | None
    said: dict[str, str]

    @property
    def event_id(self) -> str:
        """Return which event it is; its value is one event."""
        assert self.value is not None
        return str(json.loads(self.value)["messageId"])


class BridgeProcess:
    """A started `segment-bridge` with the file that it logs to."""

    def __init__(self, arguments: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
        """Start it."""
        self._log = log
        self._url: str | None = None
        self._may_end = False
        self._children: set[int] = set()
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "processor", *arguments], env=environ, stdout=output, stderr=output
            )

    @property
    def has_failed(self) -> bool:
        """Return whether it has ended although nobody expects it to."""
        return not self._may_end and self.process.poll() is not None

    def log(self) -> str:
        """Return everything that it has written so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def get(self, path: str) -> tuple[int, str]:
        """Return status and body of a route of its page; 0 while nothing listens."""
        url = self.page_url()
        return NOBODY if url is None else got(f"{url}{path}")

    def reports(self) -> dict[str, dict[str, Any]]:
        """Return what its page says of each destination; nothing while there is no page."""
        status, body = self.get("/status")
        reports: dict[str, dict[str, Any]] = json.loads(body)["destinations"] if status == 200 else {}
        self._children |= {each["process"]["pid"] for each in reports.values() if "process" in each}
        return reports

    def report(self, destination: str = "moveo") -> dict[str, Any]:
        """Return what its page says of one destination; nothing while there is no page."""
        return self.reports().get(destination, {})

    def state(self, destination: str = "moveo") -> tuple[str, str]:
        """Return state and reason as the page shows them."""
        report = self.report(destination)
        return report.get("state", ""), report.get("reason", "")

    def lag(self, destination: str = "moveo") -> int | None:
        """Return how many records its page shows as not committed; None while it does not know."""
        report: Any = self.report(destination)
        return total_lag(report)

    def time_lag_s(self, destination: str = "moveo") -> float:
        """Return the longest time lag of a partition that its page shows."""
        return max((each["time_lag_s"] or 0.0 for each in self.report(destination).get("partitions", ())), default=0.0)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, which may end it."""
        self._may_end = True
        self.process.send_signal(number)

    def ended(self, timeout_s: float = WAIT_S) -> int:
        """Return the exit code once it has ended by itself or after a signal."""
        self._may_end = True
        return self.process.wait(timeout_s)

    def stop(self, timeout_s: float = WAIT_S) -> int:
        """Ask it to stop as an orchestrator does; return the exit code."""
        self.send(signal.SIGTERM)
        return self.ended(timeout_s)

    def kill(self) -> None:
        """End it at once, if it still runs, and with it any process of a destination that it would leave behind."""
        self._may_end = True
        self.process.kill()
        if self.process.wait(WAIT_S) < 0:
            for pid in self._children - {self.process.pid}:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def page_url(self) -> str | None:
        """Return the address of the page, which the log names as the port is taken when it starts."""
        if self._url is None:
            found = re.search(r'"url": "(http://[^/]+)/status"', self.log())
            self._url = None if found is None else found[1]
        return self._url


class Deployment:
    """Topics, settings and stand-ins for bridge processes; as a context manager it ends whatever it has started."""

    def __init__(
        self,
        kafka: Kafka,
        folder: Path,
        *,
        partitions: int = 3,
        vendors: Sequence[str] = ("moveo",),
        own: Mapping[str, Any] | None = None,
        root: Mapping[str, Any] | None = None,
        sandbox: SandboxSettings | None = None,
    ) -> None:
        """Make the topics and the settings file; no bridge is started.

        Args:
            kafka: Where the topics are made.
            folder: Keeps the settings file and the logs.
            partitions: How many the event topic has.
            vendors: The destinations, each named like its vendor.
            own: Laid over the settings of every destination.
            root: Laid over the whole file.
            sandbox: What the stand-ins take; theirs by default.
        """
        self.kafka, self.folder, self.vendor_names = kafka, folder, tuple(vendors)
        self.topic, self.prefix = kafka.create_topic(partitions=partitions), random_name("group")
        self.letter_topic = random_name("letters")
        self.vendors = StandIns(SandboxSettings() if sandbox is None else sandbox)
        self.record_count = 0
        self.event_ids: list[str] = []
        self.processes: list[BridgeProcess] = []
        self.config = folder / "bridge.yaml"
        self._partition_count = partitions
        self._offsets: dict[str, GroupOffsets] = {}
        self._own, self._root = dict(own or {}), dict(root or {})

    def __enter__(self) -> Self:
        """Start the stand-ins and write the file, which names their address."""
        self.vendors.start()
        self.config.write_text(json.dumps(self._content(), indent=1), encoding="utf-8")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every process and the stand-ins."""
        for process in self.processes:
            process.kill()
        for offsets in self._offsets.values():
            offsets.close()
        self.vendors.__exit__(kind, error, trace)

    def _content(self) -> dict[str, Any]:
        content = {
            "kafka": {
                "bootstrap_servers": self.kafka.bootstrap_servers,
                "topics": [self.topic],
                "group_prefix": self.prefix,
                "control_topic": f"{self.prefix}.control",
                "consumer": FAST_CONSUMER,
            },
            "destinations": {name: merged(self._destination(name), self._own) for name in self.vendor_names},
            "dead_letters": {"topic": self.letter_topic, "retry_base_s": 0.2, "retry_cap_s": 0.5},
            "operations": {"page": {"port": 0}, "restarts": {"first_wait": 0.2}},
        }
        return merged(content, self._root)

    def _destination(self, vendor: str) -> dict[str, Any]:
        url = self.vendors.url
        settings: Mapping[str, dict[str, Any]] = {
            "moveo": {
                "api_key": {"env": "MOVEO_API_KEY"},
                "endpoint": f"{url}/api/analytic/external/segment-destination",
            },
            "moesif": {"application_id": {"env": "MOESIF_APPLICATION_ID"}, "base_url": url},
            "moengage": {
                "api_id": KEYS.moengage_workspace_id,
                "api_key": {"env": "MOENGAGE_API_KEY"},
                "region": "DC_03",
                "base_url": url,
            },
        }
        endpoints = {name: {"max_wait_ms": 50} for name in ENDPOINTS[vendor]}
        return {
            "type": vendor,
            "start": "earliest",
            "settings": settings[vendor],
            "subscriptions": "default",
            "delivery": {**FAST_DELIVERY, "endpoints": endpoints},
        }

    # -- processes

    def run(self, *arguments: str) -> BridgeProcess:
        """Start `run` for every destination of the file, or with these arguments."""
        return self.command("run", *arguments)

    def command(self, *arguments: str) -> BridgeProcess:
        """Start a command of the bridge with the file named by the environment."""
        log = self.folder / f"process-{len(self.processes)}.log"
        environ = {**os.environ, **ENVIRON, "PYTHONPATH": str(ROOT), "SEGMENT_BRIDGE_CONFIG": str(self.config)}
        self.processes.append(BridgeProcess(arguments, environ, log))
        return self.processes[-1]

    def checked(self) -> Findings:
        """Return what `check --online` finds, asked from within this process."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in ENVIRON.items():
                patch.setenv(name, value)
            return check(load_settings(self.config), online=True)

    # -- events in

    def create_letter_topic(self) -> None:
        """Make the dead-letter topic; until then no letter can be written."""
        self.kafka.create_topic(self.letter_topic)

    def produce(self, count: int, *, user_count: int = 50) -> list[str]:
        """Put so many more events of some users on the topic, keyed by user; return their ids."""
        first = len(self.event_ids)
        numbers = range(first, first + count)
        self.produce_values(
            [track(number, user_count) for number in numbers], lambda index: user(first + index, user_count)
        )
        added = [event_id(number) for number in numbers]
        self.event_ids += added
        return added

    def produce_values(self, values: Sequence[bytes | None], key: bytes | Callable[[int], bytes] = b"u0") -> None:
        """Put records of any kind on the topic; their events are not among `event_ids`."""
        self.record_count += self.kafka.produce(self.topic, values, key=key)

    # -- what came of them, seen from outside

    def accepted(self, vendor: str = "moveo") -> list[Line]:
        """Return what a vendor has accepted, in order."""
        return self.vendors.lines(vendor, "accepted")

    def deliveries(self, vendor: str = "moveo") -> Counter[str | None]:
        """Return how often a vendor has accepted each event."""
        return Counter(line.id for line in self.accepted(vendor))

    def committed(self, destination: str = "moveo") -> dict[int, int]:
        """Return the group's offset of each partition that has one."""
        if destination not in self._offsets:
            self._offsets[destination] = self.kafka.offsets(self.group_id(destination))
        wanted = [(self.topic, number) for number in range(self._partition_count)]
        found = self._offsets[destination].committed(wanted, Deadline.after(20))
        return {number: one.offset for (_, number), one in found.items()}

    def is_all_committed(self, destination: str = "moveo") -> bool:
        """Return whether the group has committed every record of the topic; not while no broker can tell."""
        try:
            return sum(self.committed(destination).values()) == self.record_count
        except BrokerError:
            return False

    def group_id(self, destination: str = "moveo") -> str:
        """Return the consumer group of a destination."""
        return f"{self.prefix}.{destination}"

    def member_count(self, destination: str = "moveo") -> int:
        """Return how many processes the brokers count in the group of a destination."""
        group_id = self.group_id(destination)
        described = self.kafka.admin.describe_consumer_groups([group_id], request_timeout=20)[group_id].result(20)
        return len(described.members)

    def letters(self) -> list[Letter]:
        """Return the dead-letter topic as it is now."""
        own = {**self.kafka.client_properties, "bootstrap.servers": self.kafka.bootstrap_servers}
        consumer = Consumer({**QUIET, **own, "group.id": random_name()})
        whole = TopicPartition(self.letter_topic, 0, 0)
        try:
            _, end = consumer.get_watermark_offsets(whole, timeout=20)
            consumer.assign([whole])
            letters: list[Letter] = []
            until(lambda: _read(consumer, letters) >= end, "the dead-letter topic is read", WAIT_S)
            return letters
        finally:
            consumer.close()

    def until(self, condition: Callable[[], Any], what: str, timeout_s: float = WAIT_S) -> Any:  # noqa: ANN401 - whatever the condition gives
        """Return the first true value of `condition`.

        Fails with the state of everything when none came in time, and at once when a process has ended unasked.
        """

        def watched() -> Any:  # noqa: ANN401 - as above
            assert not any(process.has_failed for process in self.processes), f"a process has ended before: {what}"
            return condition()

        try:
            return until(watched, what, timeout_s, 0.05)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.state()}") from error

    def state(self) -> str:
        """Return where everything stands, for the message of a failed wait."""
        logs = [f"-- {process.process.poll()}\n{process.log()[-3000:]}" for process in self.processes]
        committed: dict[str, object] = {}
        for name in self.vendor_names:
            try:
                committed[name] = self.committed(name)
            except BrokerError as error:
                committed[name] = error.safe
        return "\n".join([f"{self.record_count} records, committed {committed}", str(self.vendors.counts()), *logs])


def _read(consumer: Consumer, letters: list[Letter]) -> int:
    """Add the letters that have come; return how many there are now."""
    for message in consumer.consume(500, 0.2):
        assert message.error() is None, message.error()
        headers: Any = message.headers() or ()
        prefix = "segment-bridge-"
        said = {name.removeprefix(prefix): value.decode() for name, value in headers if name.startswith(prefix)}
        letters.append(Letter(message.key(), message.value(), said))
    return len(letters)


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `over` laid over it, section by section; a reference to a secret is replaced whole."""
    result = {**base, **over}
    for name in base.keys() & over.keys():
        is_secret = isinstance(base[name], Mapping) and "env" in base[name]
        if isinstance(base[name], Mapping) and isinstance(over[name], Mapping) and not is_secret:
            result[name] = merged(base[name], over[name])
    return result
