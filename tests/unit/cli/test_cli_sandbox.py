"""`segment-bridge sandbox`: the stand-ins as a person starts them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from processor.cli.sandbox import _chosen, _read
from processor.config.document import parse_document
from processor.config.validation import validate
from processor.errors import ConfigError
from processor.sandbox.faults import Latency, Status
from processor.sandbox.settings import SandboxLimits, SandboxSettings
from tests.markdown_pages import ROOT, blocks, page_text

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts the command with these arguments, and ends it with the test."""
    started: list[subprocess.Popen[str]] = []

    def starting(*arguments: str | Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "processor", "sandbox", *map(str, arguments)]
        running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(running)
        return running

    yield starting
    for running in started:
        running.kill()
        running.communicate()


def _url(running: subprocess.Popen[str]) -> str:
    """Return the address that the command prints."""
    assert running.stdout is not None
    return running.stdout.readline().split()[2].rstrip(",")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_it_says_where_it_listens_and_ends_by_signal(start: Start, number: signal.Signals, code: int) -> None:
    """The address is printed, the faults asked for are in force, SIGTERM is a clean end and Ctrl-C an interruption."""
    running = start("--port", "0", "--fault", "status:status=503,vendor=moveo")
    with urllib.request.urlopen(f"{_url(running)}/_sandbox/faults", timeout=10) as answer:
        fault: dict[str, Any]
        (fault,) = json.load(answer)["faults"]
    assert (fault["kind"], fault["status"], fault["vendor"]) == ("status", 503, "moveo")
    running.send_signal(number)
    assert running.wait(timeout=20) == code


def test_a_fault_that_it_does_not_know_is_refused(start: Start) -> None:
    """A misspelled fault is an error, not fair weather."""
    running = start("--port", "0", "--fault", "statsu:status=503")
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 2
    assert "statsu" in errors


def test_the_settings_of_a_file_are_in_force(start: Start, tmp_path: Path) -> None:
    """A key and a limit of the file are the ones that count."""
    file = tmp_path / "sandbox.yaml"
    file.write_text("keys: {moveo_api_keys: [own-key]}\nlimits: {moveo_request_bytes: 40}\n")
    url = _url(start("--port", "0", "--settings", file))
    request = urllib.request.Request(
        f"{url}/api/analytic/external/segment-destination",
        data=b'{"events":[' + b" " * 40 + b"]}",
        headers={"Authorization": "own-key", "Content-Type": "application/json"},
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    assert refused.value.code == 413
    refused.value.close()


def test_a_setting_that_it_does_not_know_is_refused_with_its_place(start: Start, tmp_path: Path) -> None:
    """File, line and the nearest name are told, and nothing is served."""
    file = tmp_path / "sandbox.yaml"
    file.write_text("limits:\n  moveo_event_cuont: 2\n")
    running = start("--port", "0", "--settings", file)
    output, errors = running.communicate(timeout=60)
    assert (running.returncode, output) == (2, "")
    assert f"{file}:2" in errors
    assert "moveo_event_count" in errors


def test_faults_of_a_file_are_told_apart_by_their_kind(tmp_path: Path) -> None:
    """A kind that there is not, and one that is not named, are told in the words of the file."""
    file = tmp_path / "sandbox.yaml"
    file.write_text("faults:\n  - {kind: latancy, ms: 1}\n  - {ms: 1}\n")
    with pytest.raises(ConfigError) as refused:
        _read(file)
    kinds = "'latency', 'status', 'throttle', 'drop', 'slow_body', 'refuse'"
    assert str(refused.value).splitlines() == [
        f"{file}:2:5: faults[0]: found a mapping; allowed: 'kind' as one of {kinds}",
        f"{file}:3:5: faults[1]: found a mapping; allowed: 'kind', which says what it is",
    ]


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """Defaults in place of the settings that were meant would be a surprise."""
    with pytest.raises(ConfigError, match="cannot be read"):
        _read(tmp_path / "none.yaml")


def test_options_come_before_the_file(tmp_path: Path) -> None:
    """Record and seed of the command line win, its faults are added, and the rest of the file stays."""
    file = tmp_path / "sandbox.yaml"
    file.write_text("record: a.ndjson\nseed: 3\nlimits: {moveo_event_count: 2}\nfaults: [{kind: status}]\n")
    limits = SandboxLimits(moveo_event_count=2)
    of_file = SandboxSettings(record=Path("a.ndjson"), seed=3, limits=limits, faults=(Status(),))
    own = SandboxSettings(record=Path("b.ndjson"), seed=0, limits=limits, faults=(Status(), Latency(ms=5)))
    assert _chosen(_read(file), [], None, None) == of_file
    assert _chosen(_read(file), ["latency:ms=5"], Path("b.ndjson"), 0) == own
    assert _chosen(_read(None), [], None, None) == SandboxSettings()


def test_the_file_of_the_page_is_right() -> None:
    """What the documentation offers to copy is taken."""
    (example,) = [block.text for block in blocks(page_text("docs/sandbox.md")) if block.info == "yaml"]
    assert validate(SandboxSettings, parse_document(example, "sandbox.yaml")) != SandboxSettings()
