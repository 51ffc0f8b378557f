"""`segment-bridge trace` against real bridge processes and a real Kafka: alone and supervised."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from processor.sandbox.faults import Status
from tests.bridge_process import ROOT, BridgeProcess, Deployment
from tests.kafka_harness import Kafka

pytestmark = pytest.mark.kafka


class Trace:
    """A running `segment-bridge trace --json`."""

    def __init__(self, bridge: Deployment, page: BridgeProcess, *arguments: str) -> None:
        """Start it and wait until every destination looks out for what is asked about."""
        url = page.page_url()
        assert url is not None
        command = [sys.executable, "-m", "processor", "trace", "--json", "--url", url, *arguments]
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._file = bridge.folder / f"trace-{len(list(bridge.folder.glob('trace-*')))}.jsonl"
        with self._file.open("wb") as output:
            self.process = subprocess.Popen(command, env=environ, stdout=output, stderr=subprocess.PIPE, text=True)

    @property
    def steps(self) -> list[dict[str, Any]]:
        """Return what it has printed so far."""
        text = self._file.read_text(encoding="utf-8")
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    @property
    def watching(self) -> set[str]:
        """Return the destinations that look out for what is asked about."""
        return {step["destination"] for step in self.steps if step["step"] == "watching"}

    def of(self, destination: str) -> list[str]:
        """Return the steps at one destination, in order."""
        return [step["step"] for step in self.steps if step.get("destination") == destination]

    def ended(self) -> tuple[int, str]:
        """Return the exit code and what it says on standard error."""
        said = self.process.communicate(timeout=60)[1]
        return self.process.returncode, said


@contextmanager
def tracing(bridge: Deployment, page: BridgeProcess, *arguments: str) -> Iterator[Trace]:
    """Run a trace inside the block; it begins once each destination of the file looks out."""
    trace = Trace(bridge, page, *arguments)
    try:
        wanted = set(bridge.vendor_names) & set(arguments) or set(bridge.vendor_names)
        bridge.until(lambda: trace.watching >= wanted, f"{wanted} look out")
        yield trace
    finally:
        trace.process.kill()
        trace.process.communicate()


def running(bridge: Deployment) -> BridgeProcess:
    """Return a started bridge all of whose destinations run."""
    process = bridge.run()
    names = bridge.vendor_names
    bridge.until(lambda: all(process.state(name)[0] == "running" for name in names), f"{names} run")
    return process


def test_an_event_is_followed_through_a_bridge_that_stands_alone(kafka: Kafka, tmp_path: Path) -> None:
    """From the topic to the committed offset, with what came of another event not told; the trace ends with 0."""
    with Deployment(kafka, tmp_path) as bridge:
        bridge.create_letter_topic()
        process = running(bridge)
        with tracing(bridge, process, "--message-id", "traced-1", "--timeout", "60") as trace:
            bridge.produce(5)
            event = {"type": "track", "event": "A", "userId": "u", "messageId": "traced-1", "properties": {}}
            bridge.produce_values([json.dumps(event).encode()])
            assert trace.ended() == (0, "")
        steps = trace.of("moveo")
        assert steps[0] == "watching"
        order = ["read", "decoded", "gates", "subscription", "sent", "answered", "delivered", "done", "committed"]
        assert [step for step in steps if step in order] == order
        told = {step["step"]: step for step in trace.steps}
        place = (told["read"]["partition"], told["read"]["offset"])
        assert bridge.committed()[place[0]] > place[1]
        assert told["answered"]["status"] == 200
        assert trace.steps[-1]["reason"] == "finished"
        assert process.stop() == 0


def test_every_process_of_a_supervisor_is_asked(kafka: Kafka, tmp_path: Path) -> None:
    """One question reaches all destinations; one that retries is told with its failures while the others are done."""
    vendors = ("moveo", "moesif")
    with Deployment(kafka, tmp_path, vendors=vendors) as bridge:
        bridge.create_letter_topic()
        process = running(bridge)
        bridge.vendors.set_faults(Status(status=503, vendor="moesif"))
        with tracing(bridge, process, "--user", "traced-user", "--timeout", "600") as user:
            with tracing(bridge, process, "moveo", "--message-id", "traced-1", "--timeout", "60") as one:
                event = {"type": "track", "event": "A", "userId": "traced-user", "messageId": "traced-1"}
                bridge.produce_values([json.dumps(event).encode()])
                assert one.ended() == (0, "")
            assert {step["destination"] for step in one.steps[:-1]} == {"moveo"}
            bridge.until(lambda: "committed" in user.of("moveo"), "moveo is done")
            bridge.until(lambda: "retry" in user.of("moesif"), "moesif tries again")
            assert "committed" not in user.of("moesif")
            bridge.vendors.set_faults()
            bridge.until(lambda: "committed" in user.of("moesif"), "moesif is done")
            assert user.process.poll() is None
        assert process.stop() == 0


def test_an_event_that_does_not_come_is_told(kafka: Kafka, tmp_path: Path) -> None:
    """After its time a trace ends with 1 and says where nothing was seen."""
    with Deployment(kafka, tmp_path) as bridge:
        bridge.create_letter_topic()
        process = running(bridge)
        with tracing(bridge, process, "--message-id", "never", "--timeout", "3") as trace:
            code, said = trace.ended()
        assert code == 1
        assert "not seen within the time (moveo)" in said
        assert trace.steps[-1] == {"step": "ended", "reason": "time_is_up", "unseen": ["moveo"]}
        assert process.stop() == 0


def test_a_bridge_that_stops_ends_its_traces(kafka: Kafka, tmp_path: Path) -> None:
    """Somebody who looks on is told, and holds up nothing."""
    with Deployment(kafka, tmp_path, vendors=("moveo", "moesif")) as bridge:
        bridge.create_letter_topic()
        process = running(bridge)
        with tracing(bridge, process, "--message-id", "never", "--timeout", "600") as trace:
            assert process.stop() == 0
            code, _ = trace.ended()
            assert code == 1
            assert trace.steps[-1]["step"] in {"ended", "process_ended"}
