"""Metrics pushed by OTLP to a collector on loopback, as OpenTelemetry's variables say."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from opentelemetry.sdk.trace.export import SpanExporter

from processor import __version__
from processor.operations import exposure
from processor.operations.metrics import CATALOGUE
from processor.operations.metrics.push import interval_s, pushing
from processor.operations.settings import PageSettings
from processor.operations.showing import is_push_wanted, showing
from processor.operations.status import StatusReport
from processor.operations.tracing_spans import ToldExporter
from tests.full_report import full_report
from tests.http_peer import eventually
from tests.otlp_receiver import Receiver, plain, receiver

NO_PAGE = PageSettings(enabled=False)
_FIELDS = {"counter": "sum", "gauge": "gauge", "histogram": "histogram"}


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """Run a collector, and point the variables at it."""
    with receiver() as found:
        monkeypatch.setenv("OTEL_METRICS_EXPORTER", "otlp")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "20")
        yield found


def reports() -> Mapping[str, StatusReport]:
    """Return two destinations at work."""
    return {"a": full_report(), "b": full_report()}


async def test_every_metric_of_the_catalogue_is_pushed(collector: Receiver) -> None:
    """Names, units, types and attributes by the conventions; counts are cumulative since the process's start."""
    async with showing(NO_PAGE, reports, supervised=False):
        await eventually(lambda: len(collector.pushes) >= 2)
    assert set(collector.paths) == {"/v1/metrics"}
    found = collector.metrics()
    assert found.keys() == {metric.otel_name or metric.name for metric in CATALOGUE}
    for metric in CATALOGUE:
        one = found[metric.otel_name or metric.name]
        assert (one.unit, one.description, one.WhichOneof("data")) == (
            metric.unit,
            metric.description,
            _FIELDS[metric.kind],
        )
        data = getattr(one, _FIELDS[metric.kind])
        assert {plain(point.attributes)["destination"] for point in data.data_points} == {"a", "b"}
        if metric.kind != "gauge":
            assert data.aggregation_temporality == 2
            assert {point.start_time_unix_nano for point in data.data_points} == {1_795_999_000 * 10**9}
    assert found["segment_bridge_records_total"].sum.is_monotonic


async def test_a_histogram_arrives_with_its_buckets(collector: Receiver) -> None:
    """Bounds, counts, sum; the smallest and the largest value are not there, as nobody knows them."""
    async with showing(NO_PAGE, reports, supervised=False):
        await eventually(lambda: bool(collector.pushes))
    first, *_ = collector.metrics()["segment_bridge_event_age_seconds"].histogram.data_points
    assert (first.count, first.sum, sum(first.bucket_counts)) == (6, 710.0, 6)
    assert list(first.explicit_bounds)[:3] == [1.0, 5.0, 15.0]
    assert list(first.bucket_counts)[:3] == [0, 5, 0]
    assert len(first.bucket_counts) == len(first.explicit_bounds) + 1
    assert not first.HasField("min")
    assert not first.HasField("max")


async def test_conventional_attributes_have_their_types_and_none_is_empty(collector: Receiver) -> None:
    """A status is a number, a refusal an error by its status, and an attribute that does not apply is left out."""
    report = full_report()
    durations = report["tally"]["request_durations"]["events"]
    durations["503"] = durations["200"]
    async with showing(NO_PAGE, lambda: {"a": report}, supervised=False):
        await eventually(lambda: bool(collector.pushes))
    points = collector.metrics()["http.client.request.duration"].histogram.data_points
    common = {
        "destination": "a",
        "endpoint": "events",
        "http.request.method": "POST",
        "server.address": "api.vendor.example",
        "server.port": 443,
    }
    assert [plain(point.attributes) for point in points] == [
        {**common, "http.response.status_code": 200},
        {**common, "error.type": "timeout"},
        {**common, "http.response.status_code": 503, "error.type": "503"},
    ]
    (consumed,) = collector.metrics()["messaging.client.consumed.messages"].sum.data_points
    assert plain(consumed.attributes) == {
        "destination": "a",
        "messaging.system": "kafka",
        "messaging.operation.name": "poll",
        "messaging.destination.name": "t",
        "messaging.consumer.group.name": "bridge.a",
    }


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, {"service.name": "segment-bridge", "service.version": __version__}),
        ({"OTEL_SERVICE_NAME": "cdp"}, {"service.name": "cdp", "service.version": __version__}),
        (
            {"OTEL_RESOURCE_ATTRIBUTES": "service.name=named,k8s.pod.name=p-1,service.instance.id=p-1"},
            {"service.name": "named", "k8s.pod.name": "p-1", "service.instance.id": "p-1"},
        ),
    ],
)
async def test_the_resource_is_called_as_the_environment_says(
    collector: Receiver, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], expected: dict[str, str]
) -> None:
    """Our own names stand only where the environment has none; every process is an instance of its own."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    async with showing(NO_PAGE, reports, supervised=False):
        await eventually(lambda: bool(collector.pushes))
    found = collector.resource()
    assert expected.items() <= found.items()
    assert found["service.instance.id"]


async def test_the_end_is_pushed_as_well(collector: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was counted since the last interval is not lost when a process stops in order."""
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "3600000")
    async with showing(NO_PAGE, reports, supervised=False):
        pass
    assert len(collector.pushes) == 1


async def test_a_collector_that_refuses_is_two_lines(collector: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    """One with the cause when it begins, one when it is over; pushing goes on, and no try is a line of its own."""
    collector.status = 400
    caplog.set_level(logging.INFO)
    async with showing(NO_PAGE, reports, supervised=False):
        await eventually(lambda: len(collector.pushes) >= 2)
        collector.status = 200
        await eventually(lambda: "metrics are pushed again" in caplog.messages)
    assert [(record.levelname, record.message) for record in caplog.records if "page" not in record.name] == [
        ("WARNING", "metrics cannot be pushed: Failed to export metrics batch code: 400, reason: Bad Request"),
        ("INFO", "metrics are pushed again"),
    ]


async def test_spans_that_cannot_be_sent_do_not_silence_it(
    collector: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    """While requests are told to a tracing system as well, a refusal of metrics is still logged."""
    collector.status = 400
    exporter = ToldExporter(cast("SpanExporter", None), collector.url)
    with caplog.at_level(logging.WARNING):
        async with showing(NO_PAGE, reports, supervised=False):
            await eventually(lambda: len(collector.pushes) >= 2)
    exporter._delivery.close()
    assert "400" in caplog.text


async def test_a_protocol_that_is_not_there_is_said(
    collector: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong variable is a line in the log; the rest works on."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "grpc")
    with caplog.at_level(logging.ERROR):
        async with showing(NO_PAGE, reports, supervised=False):
            pass
    (line,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert line.getMessage() == (
        "metrics are not pushed: OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: protocol 'grpc' is not spoken; "
        "allowed: http/protobuf"
    )
    assert collector.pushes == []


async def test_keys_of_a_collector_may_stand_in_a_file(
    collector: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What a Secret mounts need not be copied into a variable."""
    (tmp_path / "headers").write_text("Authorization=Bearer%20key\n")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS_FILE", str(tmp_path / "headers"))
    async with showing(NO_PAGE, reports, supervised=False):
        pass
    assert [headers["Authorization"] for headers in collector.headers] == ["Bearer key"]


@pytest.mark.parametrize("content", [None, "Authorization: Bearer hidden"])
async def test_a_file_of_keys_that_cannot_be_used_stops_nothing_but_pushing(
    content: str | None,
    collector: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nothing is sent without the key, and the log names the file and nothing of what it holds."""
    if content is not None:
        (tmp_path / "headers").write_text(content)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS_FILE", str(tmp_path / "headers"))
    async with showing(NO_PAGE, reports, supervised=False):
        pass
    (line,) = caplog.messages
    said = f"metrics are not pushed: OTEL_EXPORTER_OTLP_HEADERS_FILE: {tmp_path / 'headers'} "
    assert (line.startswith(said), "hidden" in caplog.text, collector.pushes) == (True, False, [])


async def test_an_exporter_that_nobody_knows_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A variable that means something elsewhere and nothing here is no silent surprise."""
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "console,prometheus")
    async with showing(NO_PAGE, reports, supervised=False):
        pass
    assert caplog.messages == ["OTEL_METRICS_EXPORTER: console is not known here, only otlp, prometheus, none"]


async def test_a_report_that_is_a_bug_stops_no_pushing(collector: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    """A report that cannot be read is logged, and the next one is pushed."""
    answers: Iterator[Any] = iter([{"a": {"tally": {}}}])

    def read() -> Mapping[str, StatusReport]:
        return next(answers, reports())  # the first is broken on purpose

    with caplog.at_level(logging.ERROR):
        async with pushing(read):
            await eventually(lambda: bool(collector.pushes))
    assert "metrics could not be pushed" in caplog.text


async def test_a_supervised_process_pushes_nothing(collector: Receiver) -> None:
    """Its supervisor does, for all of them: twice would be double."""
    import socket  # noqa: PLC0415 - for this one test

    ours, theirs = socket.socketpair()
    with ours:
        async with exposure.expose("a", full_report, PageSettings(), on_orphaned=lambda: None, link=theirs):
            pass
    assert collector.pushes == []


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, False),
        ({"OTEL_METRICS_EXPORTER": "prometheus"}, False),
        ({"OTEL_METRICS_EXPORTER": "none"}, False),
        ({"OTEL_METRICS_EXPORTER": "otlp"}, True),
        ({"OTEL_METRICS_EXPORTER": "prometheus, otlp"}, True),
        ({"OTEL_METRICS_EXPORTER": " OTLP "}, True),
        ({"OTEL_METRICS_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_METRICS_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "false"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, False),
    ],
)
def test_pushing_is_asked_for_by_name(environ: dict[str, str], expected: bool) -> None:  # noqa: FBT001 - a column of the table
    """Metrics are pulled unless `otlp` is among the exporters."""
    assert is_push_wanted(environ) is expected


@pytest.mark.parametrize(
    ("text", "expected"), [("", 60.0), ("15000", 15.0), ("soon", 60.0), ("0", 60.0), ("-5", 60.0), ("inf", 60.0)]
)
def test_the_interval_is_in_milliseconds(text: str, expected: float) -> None:
    """What is no positive number is the default of the specification."""
    assert interval_s({"OTEL_METRIC_EXPORT_INTERVAL": text}) == expected
