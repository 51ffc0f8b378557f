"""When requests become spans, and that nothing is loaded where they do not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from processor.delivery.batches import Batch
from processor.delivery.watching import Sending, unwatched
from processor.model import Answer
from processor.operations.settings import TracingSettings
from processor.operations.tracing_switch import is_on, tracing
from tests.otlp_receiver import receiver

NOT_TOLD = "requests are not told to a tracing system"


@pytest.mark.parametrize(
    ("environ", "enabled", "expected"),
    [
        ({}, False, False),
        ({}, True, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, False, True),
        ({"OTEL_TRACES_EXPORTER": " OTLP "}, False, True),
        ({"OTEL_TRACES_EXPORTER": "none"}, True, False),
        ({"OTEL_TRACES_EXPORTER": ""}, True, True),
        ({"OTEL_TRACES_EXPORTER": "console,otlp"}, False, True),
        ({"OTEL_TRACES_EXPORTER": "console"}, True, False),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"}, True, False),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "1"}, False, True),
    ],
)
def test_the_standard_variables_come_before_the_setting(
    environ: dict[str, str],
    enabled: bool,  # noqa: FBT001 - a column of the table
    expected: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """Off by default; on by either; the variable wins, and the SDK's own switch over both."""
    assert expected == is_on(TracingSettings(enabled=enabled), environ)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": ""}, []),
        ({"OTEL_TRACES_EXPORTER": "console", "OTEL_SDK_DISABLED": "true"}, []),
        (
            {"OTEL_TRACES_EXPORTER": "console"},
            ["OTEL_TRACES_EXPORTER: console is not known here, only otlp, none"],
        ),
        (
            {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            [f"{NOT_TOLD}: OTEL_EXPORTER_OTLP_PROTOCOL: protocol 'grpc' is not spoken; allowed: http/protobuf"],
        ),
        (
            {
                "OTEL_TRACES_EXPORTER": "otlp",
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            },
            [f"{NOT_TOLD}: OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: protocol 'grpc' is not spoken; allowed: http/protobuf"],
        ),
        (
            {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_HEADERS_FILE": "/no/file"},
            [f"{NOT_TOLD}: OTEL_EXPORTER_OTLP_HEADERS_FILE: /no/file cannot be read: No such file or directory"],
        ),
    ],
)
async def test_what_is_asked_for_and_not_done_is_told(
    environ: dict[str, str], expected: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """A variable that means something elsewhere and nothing here is no silent surprise, and stops no delivery."""
    async with tracing(TracingSettings(), "one", str, environ) as watch:
        assert watch is unwatched
    assert caplog.messages == expected


async def test_a_receiver_gets_its_key_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, also where a variable that everybody can read names another."""
    (tmp_path / "headers").write_text("authorization=Bearer%20key")
    with receiver() as received:
        environ = {**received.environ, "OTEL_EXPORTER_OTLP_HEADERS": "authorization=variable"}
        environ["OTEL_EXPORTER_OTLP_TRACES_HEADERS_FILE"] = str(tmp_path / "headers")
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        async with tracing(TracingSettings(), "one", str, environ) as watch:
            with watch(Sending("POST", "http://127.0.0.1", "actions", Batch("actions", []))) as watched:
                watched.answered(Answer(200), None)
    assert [headers.get_all("authorization") for headers in received.headers] == [["Bearer key"]]


async def test_nobody_looks_at_requests_while_tracing_is_off() -> None:
    """The dispatcher keeps what it has by itself."""
    async with tracing(TracingSettings(), "one", str, {}) as watch:
        assert watch is unwatched


LOADED = """
import asyncio, sys
from processor import app
from processor.operations.page import serve
from processor.operations.settings import TracingSettings
from processor.operations.tracing_switch import tracing

async def main():
    async with tracing(TracingSettings(enabled=sys.argv[1] == "on"), "one", str, {}):
        pass

asyncio.run(main())
print(*sorted(sys.modules))
"""


@pytest.mark.parametrize("switch", ["on", "off"])
def test_off_nothing_is_loaded(switch: str) -> None:
    """Neither spans nor their exporter, nor the libraries below it, cost a process anything that does not want them."""
    command = [sys.executable, "-c", LOADED, switch]
    done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=60)
    modules = set(done.stdout.split())
    wanted = {"processor.operations.tracing_spans", "opentelemetry.exporter.otlp.proto.http", "google.protobuf"}
    assert (wanted if switch == "on" else set()) == wanted & modules
