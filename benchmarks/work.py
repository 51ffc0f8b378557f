"""The standard work: a topic of Segment track events, a vendor that takes 50 ms, and a program in between.

The program that is measured has one core to itself; Kafka and the vendor share the other. CPU is what the kernel
accounts to the program between its first and its last delivery, so start-up does not count.
"""

from __future__ import annotations

import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.kafka_harness import Kafka, KafkaCluster, random_name  # noqa: E402 - the path is set above

TICKS = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
CORES = sorted(os.sched_getaffinity(0))
OURS, THEIRS = {CORES[0]}, set(CORES[1:]) or {CORES[0]}
KEY = "example-key"
LATENCY_MS = 50
MAIN_ENDPOINTS = {"moveo": "events", "moesif": "actions", "moengage": "bulk"}

_VENDOR = """
import sys
from benchmarks.work import KEY
from processor.sandbox.faults import Latency
from processor.sandbox.settings import SandboxKeys, SandboxSettings
from processor.sandbox.standins import serve
serve("127.0.0.1", 0, SandboxSettings(
    keys=SandboxKeys(moveo_api_keys=(KEY,), moesif_application_ids=(KEY,), moengage_api_keys=(KEY,)),
    checks="light", keep_count=0, faults=(Latency(ms=float(sys.argv[1])),)),
    on_ready=lambda url: print(url, flush=True))
"""


@dataclass(frozen=True)
class Figures:
    """What one program needed for the work."""

    program: str
    event_count: int
    wall_s: float
    cpu_s: float
    memory_bytes: int

    @property
    def events_per_second(self) -> float:
        """Return the deliveries a second of wall time, on one core."""
        return self.event_count / self.wall_s

    @property
    def events_per_core_second(self) -> float:
        """Return the deliveries a second of CPU time."""
        return self.event_count / self.cpu_s

    @property
    def cpu_us(self) -> float:
        """Return the microseconds of CPU an event costs."""
        return self.cpu_s / self.event_count * 1e6


def standard_event(index: int, user: str, random_: random.Random) -> bytes:
    """Return a track event of about 930 bytes, as a browser sends it."""
    event = {
        "anonymousId": f"anon-{user}-{random_.getrandbits(64):016x}",
        "context": {
            "ip": "203.0.113.9",
            "groupId": f"org-{index % 97}",
            "library": {"name": "analytics.js", "version": "next-1.70.0"},
            "locale": "en-GB",
            "page": {
                "path": "/plans",
                "referrer": "https://search.example/",
                "search": "?utm_source=news",
                "title": "Plans and pricing",
                "url": "https://app.cinema.example/plans?utm_source=news",
            },
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) DemoBrowser/126.0",
            "timezone": "Europe/Berlin",
        },
        "event": "Plan Compared",
        "integrations": {},
        "messageId": f"ajs-next-{1_773_575_970_250 + index}-{random_.getrandbits(32):08x}",
        "originalTimestamp": "2026-11-20T11:59:29.000Z",
        "properties": {"left": "basic", "right": "pro", "steps": index % 9, "price": 14.5, "trial": True, "seats": 3},
        "receivedAt": "2026-11-20T11:59:31.400Z",
        "sentAt": "2026-11-20T11:59:31.000Z",
        "timestamp": "2026-11-20T11:59:30.250Z",
        "type": "track",
        "userId": user,
        "version": 2,
    }
    return json.dumps(event, separators=(",", ":")).encode()


def produce(kafka: Kafka, event_count: int, *, partitions: int = 12, users: int = 5_000, hot_share: float = 0.0) -> str:
    """Return a topic that holds the events; `hot_share` of them are of one user."""
    topic: str = kafka.create_topic(random_name("bench"), partitions=partitions)
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "linger.ms": 50, "compression.type": "lz4"})
    random_ = random.Random(1)  # noqa: S311 - made-up data
    for index in range(event_count):
        user = "u-hot" if random_.random() < hot_share else f"u-{random_.randrange(users)}"
        producer.produce(topic, key=user, value=standard_event(index, user, random_))
        if len(producer) > 50_000:
            producer.poll(0.1)
    if producer.flush(120):
        raise RuntimeError("events were not produced")
    return topic


@contextmanager
def kafka() -> Iterator[Kafka]:
    """Run one real broker, and whoever asks for it, on the cores that are not measured."""
    cluster = KafkaCluster()
    os.sched_setaffinity(0, THEIRS)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        os.sched_setaffinity(0, CORES)


@contextmanager
def vendor(latency_ms: float = LATENCY_MS) -> Iterator[str]:
    """Run the stand-ins in a process of their own; gives their address."""
    command = [sys.executable, "-c", _VENDOR, str(latency_ms)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        preexec_fn=lambda: os.sched_setaffinity(0, THEIRS),  # noqa: PLW1509 - no thread is alive that could hold a lock
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().decode().strip()
    finally:
        process.terminate()
        process.wait(10)


def accepted(url: str) -> int:
    """Return how many items the vendor has accepted."""
    with urllib.request.urlopen(f"{url}/_sandbox/counts", timeout=30) as answer:  # noqa: S310 - loopback
        counts: dict[str, Any] = json.load(answer)
    return sum(count for path, count in counts["items"].items() if path.endswith("/accepted"))


def measure(program: str, command: Sequence[str], environ: Mapping[str, str], url: str, event_count: int) -> Figures:
    """Run a program until the vendor has accepted every event; return what it needed."""
    before = accepted(url)
    process = subprocess.Popen(
        command,
        env={**os.environ, **environ},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, OURS),  # noqa: PLW1509 - as above
    )
    try:
        first = _await(process, url, before + 1)
        started_s, started_cpu_s = time.monotonic(), cpu_s(process.pid)
        memory = 0
        while (now := accepted(url)) < before + event_count:
            memory = max(memory, memory_bytes(process.pid))
            if process.poll() is not None:
                raise RuntimeError(f"{program} ended after {now - before} events")
            time.sleep(0.05)
        figures = Figures(
            program,
            event_count - (first - before),
            time.monotonic() - started_s,
            cpu_s(process.pid) - started_cpu_s,
            memory,
        )
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
    return figures


def _await(process: subprocess.Popen[bytes], url: str, count: int) -> int:
    """Return how many items were accepted once there are at least `count`."""
    deadline = time.monotonic() + 60
    while (now := accepted(url)) < count:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the program delivered nothing")
        time.sleep(0.02)
    return now


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process and its threads so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_bytes(pid: int) -> int:
    """Return the resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * PAGE_BYTES


def peak_memory_bytes(command: Sequence[str], watch_s: float, is_done: Callable[[], bool] = lambda: True) -> int:
    """Run the bridge for so long and until that holds; return the most resident memory that it had."""
    process = subprocess.Popen(
        command,
        env={**os.environ, "BENCH_KEY": KEY},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    peak, until_s = 0, time.monotonic() + watch_s
    try:
        while time.monotonic() < until_s or not is_done():
            if process.poll() is not None:
                raise RuntimeError(f"the bridge ended with {process.returncode}")
            peak = max(peak, memory_bytes(process.pid))
            time.sleep(0.1)
    finally:
        process.terminate()
        process.wait(60)
    return peak


def bridge_config(kafka_: Kafka, topic: str, url: str, folder: Path, vendor_name: str = "moesif") -> Path:
    """Write the configuration of the bridge for the standard work at one vendor; return its path."""
    config = {
        "kafka": {
            "bootstrap_servers": kafka_.bootstrap_servers,
            "topics": [topic],
            "group_prefix": random_name("bench"),
            "control_topic": random_name("bench-control"),
        },
        "dead_letters": {"topic": f"{topic}.dead"},
        "operations": {"page": {"enabled": False}},
        "destinations": {
            vendor_name: {
                "type": vendor_name,
                "start": "earliest",
                "settings": _settings(vendor_name, url),
                "delivery": {"max_in_flight": 32, "endpoints": {MAIN_ENDPOINTS[vendor_name]: {"max_batch_count": 100}}},
            }
        },
    }
    path = folder / "segment-bridge.yaml"
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


def _settings(vendor_name: str, url: str) -> dict[str, Any]:
    """Return the settings of a vendor's destination that sends to the stand-in."""
    key = {"env": "BENCH_KEY"}
    match vendor_name:
        case "moveo":
            address = f"{url}/api/analytic/external/segment-destination"
            return {"api_key": key, "endpoint": address, "flush_interval_ms": 1_000}
        case "moesif":
            return {"application_id": key, "base_url": url}
    fast: dict[str, int | None] = {
        "users_per_minute": 100_000_000,
        "events_per_minute": 100_000_000,
        "requests_per_second": 100_000_000,
        "fair_use_share": None,
    }
    return {"api_id": "WKSPACE7EXAMPLE", "api_key": key, "region": "DC_03", "base_url": url, **fast}


def bridge_command(config: Path, vendor_name: str = "moesif") -> list[str]:
    """Return the command line of the bridge."""
    return [sys.executable, "-m", "processor", "run", "--config", str(config), "--destination", vendor_name]


def medians(runs: Sequence[Figures]) -> str:
    """Return one line for several runs of one program."""
    rate = statistics.median(run.events_per_second for run in runs)
    cpu = statistics.median(run.cpu_us for run in runs)
    per_core = statistics.median(run.events_per_core_second for run in runs)
    memory = max(run.memory_bytes for run in runs) / 1e6
    return f"| {runs[0].program} | {rate:,.0f} | {per_core:,.0f} | {cpu:.1f} | {memory:.0f} |"
