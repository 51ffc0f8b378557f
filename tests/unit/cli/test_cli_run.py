"""`run` as a process, with a Kafka that nobody answers at: it starts, shows itself, and stops when told."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.kafka_harness import until

ROOT = Path(__file__).parents[3]
FILE = "bridge.yaml"
ENVIRON = {**os.environ, "APPLICATION_ID": "a-made-up-key"}


def command(folder: Path) -> list[str]:
    """Return the command line of `run` with the file in `folder`."""
    return [sys.executable, "-m", "processor", "run", "--config", str(folder / FILE)]


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def content(port: int, names: tuple[str, ...]) -> dict[str, Any]:
    """Return a configuration with destinations of these names and nobody to talk to."""
    nobody = f"127.0.0.1:{free_port()}"
    settings = {"application_id": {"env": "APPLICATION_ID"}, "base_url": f"http://{nobody}"}
    destination = {"type": "moesif", "start": "latest", "settings": settings, "delivery": {"drain_ms": 500}}
    return {
        "kafka": {"bootstrap_servers": nobody, "topics": ["t"]},
        "destinations": {name: {**destination, "subscriptions": "default"} for name in names},
        "operations": {"page": {"port": port}},
    }


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[str], int]]]:
    """A function that starts `run` and gives the process and the port of its page."""
    started: list[subprocess.Popen[str]] = []

    def begin(
        *names: str, environ: Mapping[str, str] = ENVIRON, level: str = "info"
    ) -> tuple[subprocess.Popen[str], int]:
        port = free_port()
        made = content(port, names)
        made["operations"]["logs"] = {"level": level}
        (tmp_path / FILE).write_text(json.dumps(made), encoding="utf-8")
        started.append(subprocess.Popen(command(tmp_path), cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True))
        return started[-1], port

    yield begin
    for running in started:
        running.kill()
        running.communicate()


def statuses(port: int) -> dict[str, Any]:
    """Return what the page says of the destinations, nothing while nothing listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)["destinations"]
            return found
    except OSError:
        return {}


@pytest.mark.parametrize("names", [("one",), ("one", "two")], ids=["in this process", "supervised"])
def test_run_waits_for_kafka_and_stops_when_told(
    names: tuple[str, ...], start: Callable[..., tuple[subprocess.Popen[str], int]]
) -> None:
    """An unreachable Kafka is waited for and shown as not ready; SIGTERM is a clean end; the log is JSON lines."""
    running, port = start(*names)
    until(lambda: all(statuses(port).get(name, {}).get("tally") for name in names), "all report")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5)
    with refused.value as answer:
        assert answer.code == 503
        assert set(json.load(answer)["failing"]) == set(names)
    running.send_signal(signal.SIGTERM)
    log = running.communicate(timeout=60)[1]
    assert running.returncode == 0, log
    assert {line["level"] for line in map(json.loads, log.splitlines())} >= {"info"}
    assert "a-made-up-key" not in log


def test_an_unreachable_kafka_is_one_line(start: Callable[..., tuple[subprocess.Popen[str], int]]) -> None:
    """However many clients try to connect however often: one line says so, and names the cause."""
    running, _ = start("one", level="debug")
    assert running.stderr is not None
    lines: list[dict[str, str]] = []
    while sum(line["message"].startswith("FAIL") for line in lines) < 7:  # two clients at least, several times each
        lines.append(json.loads(running.stderr.readline()))
    running.send_signal(signal.SIGTERM)
    lines += map(json.loads, running.communicate(timeout=60)[1].splitlines())
    troubles = [line["message"] for line in lines if line["level"] not in {"debug", "info"}]
    assert len(troubles) == 1, troubles
    assert "cannot be used: " in troubles[0]
    assert "Connection refused" in troubles[0]
    assert troubles[0].endswith("no event is read before they are known")


def test_a_missing_secret_is_a_line_of_json(start: Callable[..., tuple[subprocess.Popen[str], int]]) -> None:
    """Nothing that a supervised process says stands as plain text among lines that programs read; it exits with 2."""
    running, _ = start(
        "one", "two", environ={name: value for name, value in ENVIRON.items() if name != "APPLICATION_ID"}
    )
    log = running.communicate(timeout=60)[1]
    assert running.returncode == 2
    lines = [json.loads(line) for line in log.splitlines()]
    assert {("one", "error"), ("two", "error")} == {
        (line["destination"], line["level"]) for line in lines if "APPLICATION_ID" in line["message"]
    }


def test_a_missing_secret_is_plain_text_where_lines_are(tmp_path: Path) -> None:
    """Who asked for text reads the error as every command says it."""
    made = content(0, ("one",))
    made["operations"]["logs"] = {"format": "text"}
    (tmp_path / FILE).write_text(json.dumps(made), encoding="utf-8")
    environ = {name: value for name, value in ENVIRON.items() if name != "APPLICATION_ID"}
    done = subprocess.run(
        command(tmp_path), cwd=ROOT, env=environ, capture_output=True, check=False, timeout=60, text=True
    )
    assert done.returncode == 2
    assert "APPLICATION_ID" in done.stderr
    assert " error " not in done.stderr


@pytest.mark.parametrize("names", [("one",), ("one", "two")], ids=["alone", "supervised"])
def test_a_taken_port_is_a_failure(
    names: tuple[str, ...], start: Callable[..., tuple[subprocess.Popen[str], int]], tmp_path: Path
) -> None:
    """A bridge that cannot be looked at does not run: exit code 1, with the reason, which is no bug's."""
    running, port = start(*names)
    until(lambda: statuses(port), "the page is served")
    second = subprocess.run(
        command(tmp_path), cwd=ROOT, env=ENVIRON, capture_output=True, check=False, timeout=60, text=True
    )
    assert second.returncode == 1
    assert "the page cannot be served" in second.stderr
    assert "address already in use" in second.stderr
    assert "unexpected error" not in second.stderr
    assert running.poll() is None
