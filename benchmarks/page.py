"""How fast the page answers while its process delivers as fast as it can: `python -m benchmarks.page [--events N]`.

The bridge has one core to itself and every event of the standard work before it. A client on the other core asks for
each route in turn, each time by a new connection, as probes and scrapes do. The same work without anybody asking tells
what the questions cost.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.work import (
    KEY,
    OURS,
    ROOT,
    THEIRS,
    accepted,
    bridge_command,
    bridge_config,
    cpu_s,
    kafka,
    produce,
    vendor,
)
from tests.kafka_listeners import free_ports

ROUTES = ("/", "/status", "/metrics", "/readyz", "/livez")
PAUSE_S = 0.02
"""Between two questions: many times what browsers, probes and scrapes ask for together."""
MAX_P95_MS = 50.0


def main() -> int:
    """Measure and print; return 1 when a route is slower than the bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=400_000, help="events on the topic")
    events = parser.parse_args().events
    with kafka() as broker, vendor() as url, tempfile.TemporaryDirectory() as folder:
        topic = produce(broker, events)
        port = free_ports(1)[0]
        waits: dict[str, list[float]] = {route: [] for route in ROUTES}
        rates = {}
        for is_asked in (False, True):
            config = _with_page(bridge_config(broker, topic, url, Path(folder)), port)
            with _running(config, url) as (process, before):
                rates[is_asked] = _flow(process, url, before, events, port, waits if is_asked else {})
    print("| route | answers | p50 ms | p95 ms | longest ms |")
    print("|---|---|---|---|---|")
    for route, taken in waits.items():
        print(f"| `{route}` | {len(taken)} | {_part(taken, 50):.1f} | {_part(taken, 95):.1f} | {max(taken):.1f} |")
    (rate, cpu_us), (asked_rate, asked_cpu_us) = rates[False], rates[True]
    print(f"\n{rate:,.0f} events a second and {cpu_us:.1f} us of CPU an event while nobody asks, ", end="")
    print(f"{asked_rate:,.0f} and {asked_cpu_us:.1f} us while somebody asks {1 / PAUSE_S:.0f} times a second at most.")
    return int(any(_part(taken, 95) > MAX_P95_MS for taken in waits.values()))


def _part(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def _with_page(config: Path, port: int) -> Path:
    """Have the bridge serve its page on this port."""
    content = json.loads(config.read_text(encoding="utf-8"))
    content["operations"] = {"page": {"port": port}}
    config.write_text(json.dumps(content), encoding="utf-8")
    return config


@contextmanager
def _running(config: Path, url: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run the bridge on its own core inside the block; gives its process and what the vendor had before."""
    before = accepted(url)
    process = subprocess.Popen(
        bridge_command(config),
        env={**os.environ, "BENCH_KEY": KEY},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, OURS),  # noqa: PLW1509 - no thread is alive that could hold a lock
    )
    try:
        yield process, before
    finally:
        process.terminate()
        process.wait(60)


def _flow(
    process: subprocess.Popen[bytes], url: str, before: int, events: int, port: int, waits: dict[str, list[float]]
) -> tuple[float, float]:
    """Return events a second and microseconds of CPU an event between the first tenth and the last.

    Meanwhile the routes are asked in turn; only answers from within that time count.
    """
    os.sched_setaffinity(0, THEIRS)
    first, last = before + events // 10, before + events - events // 10
    _await(process, url, first)
    began, began_s, began_cpu_s = accepted(url), time.monotonic(), cpu_s(process.pid)
    while (now := accepted(url)) < last:
        for route, taken in waits.items():
            taken.append(_asked_ms(port, route))
            time.sleep(PAUSE_S)
        if not waits:
            time.sleep(5 * PAUSE_S)
        if process.poll() is not None:
            raise RuntimeError("the bridge ended")
    seconds, cpu = time.monotonic() - began_s, cpu_s(process.pid) - began_cpu_s
    return (now - began) / seconds, cpu / (now - began) * 1e6


def _await(process: subprocess.Popen[bytes], url: str, count: int) -> None:
    """Return when the vendor has accepted so much."""
    deadline_s = time.monotonic() + 120
    while accepted(url) < count:
        if process.poll() is not None or time.monotonic() > deadline_s:
            raise RuntimeError("the bridge delivered too little")
        time.sleep(PAUSE_S)


def _asked_ms(port: int, route: str) -> float:
    """Return the milliseconds from connecting to the last byte of an answer."""
    began_s = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", route)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{route} answers {answer.status}")
    finally:
        connection.close()
    return (time.perf_counter() - began_s) * 1000


if __name__ == "__main__":
    sys.exit(main())
