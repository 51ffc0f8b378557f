"""Spans of requests, as a receiver of OTLP decodes them."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from processor.delivery.batches import Batch
from processor.delivery.watching import Sending
from processor.destinations.target import WRITTEN
from processor.model import Answer, Decision, Headers, Verdict
from processor.operations import tracing_spans
from processor.operations.logs import JsonFormatter
from processor.operations.otlp import resource
from processor.operations.settings import TracingSettings
from processor.operations.tracing_spans import Spans, address_attributes, producer_context
from tests.http_peer import Exchange, Request, peer
from tests.otlp_receiver import Receiver, plain, receiver
from tests.parcels import Maker

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED: Headers = (("traceparent", f"00-{TRACE}-{SPAN}-01".encode()), ("tracestate", b"vendor=1"))
UNSAMPLED: Headers = (("traceparent", f"00-{TRACE}-{SPAN}-00".encode()),)
DONE = Verdict(Decision.DELIVERED)
URL = "https://user:hunter2@api.example.test/v1/actions?token=hunter2&empty="


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no variable of the machine decide anything."""
    for name in ("OTEL_TRACES_SAMPLER", "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_EXPORTER_OTLP_HEADERS"):
        monkeypatch.delenv(name, raising=False)


def batch(*headers: Headers) -> Batch:
    """Return a batch with a payload for each record with these headers, tried once."""
    maker = Maker()
    parcels = [maker.parcel("u", entry=maker.entry(headers=each)) for each in headers]
    for parcel in parcels:
        parcel.attempt_count = 1
    return Batch("actions", parcels)


async def spans_of(
    *requests: tuple[Sending, Answer, Verdict | None],
    monkeypatch: pytest.MonkeyPatch,
    settings: TracingSettings | None = None,
    environ: Mapping[str, str] | None = None,
) -> Receiver:
    """Return what a receiver has when these requests are over and everything was sent."""
    with receiver() as received:
        for name, value in {**received.environ, **(environ or {})}.items():
            monkeypatch.setenv(name, value)
        spans = Spans(TracingSettings() if settings is None else settings, "moesif-prod", lambda text: text)
        for sending, answer, verdict in requests:
            with spans.watch(sending) as watched:
                watched.answered(answer, verdict)
        await spans.aclose()
        return received


async def one_span(
    sending: Sending,
    answer: Answer,
    verdict: Verdict | None = DONE,
    **more: Any,  # noqa: ANN401 - as `spans_of` has it
) -> tuple[Span, dict[str, Any]]:
    """Return the span of one request and its attributes."""
    (span,) = (await spans_of((sending, answer, verdict), **more)).spans
    return span, plain(span.attributes)


async def test_a_request_is_a_client_span_by_the_conventions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Method, status, address without secrets, server, number of payloads, the records, and what it means to us."""
    sending = Sending("POST", URL, "actions", batch((), ()))
    span, attributes = await one_span(sending, Answer(201), monkeypatch=monkeypatch)
    assert (span.name, span.kind, span.status.code) == ("POST actions", Span.SPAN_KIND_CLIENT, Status.STATUS_CODE_UNSET)
    assert attributes == {
        "http.request.method": "POST",
        "http.response.status_code": 201,
        "url.full": "https://REDACTED:REDACTED@api.example.test/v1/actions?token=REDACTED&empty=REDACTED",
        "server.address": "api.example.test",
        "server.port": 443,
        "messaging.batch.message_count": 2,
        "segment_bridge.destination": "moesif-prod",
        "segment_bridge.endpoint": "actions",
        "segment_bridge.records": ["events[0]@0", "events[0]@1"],
        "segment_bridge.verdict": "delivered",
    }
    assert "hunter2" not in str(span)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(503), {"http.response.status_code": 503, "error.type": "503"}),
        (Answer(None, error="timeout"), {"error.type": "timeout"}),
    ],
    ids=["status", "no answer"],
)
async def test_a_failure_has_its_type(
    answer: Answer, expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status or the reason why no answer came is `error.type`; the attempts before are counted."""
    holder = batch(())
    holder.parcels[0].attempt_count = 3
    verdict = Verdict(Decision.RETRY, "http_503")
    span, attributes = await one_span(Sending("POST", URL, "actions", holder), answer, verdict, monkeypatch=monkeypatch)
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert attributes.items() >= expected.items()
    assert attributes["http.request.resend_count"] == 2
    assert (attributes["segment_bridge.verdict"], attributes["segment_bridge.reason"]) == ("retry", "http_503")


async def test_a_request_that_is_given_up_has_a_span_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its partition went while it was on its way: nobody waits for the answer."""
    with receiver() as received:
        for name, value in received.environ.items():
            monkeypatch.setenv(name, value)
        spans = Spans(TracingSettings(), "one", str)
        with pytest.raises(asyncio.CancelledError), spans.watch(Sending("POST", URL, "actions", batch(()))):
            raise asyncio.CancelledError
        await spans.aclose()
    (span,) = received.spans
    assert plain(span.attributes)["error.type"] == "cancelled"


async def test_a_span_is_linked_to_a_few_sampled_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """Links lead to the producers' spans, say where the record stands, and are no more than the setting allows."""
    holder = batch((), UNSAMPLED, *[SAMPLED] * 5)
    span, attributes = await one_span(
        Sending("POST", URL, "actions", holder),
        Answer(200),
        monkeypatch=monkeypatch,
        settings=TracingSettings(max_links=2),
    )
    assert [(link.trace_id.hex(), link.span_id.hex()) for link in span.links] == [(TRACE, SPAN)] * 2
    assert [plain(link.attributes)["messaging.kafka.offset"] for link in span.links] == [2, 3]
    assert plain(span.links[0].attributes) == {
        "messaging.system": "kafka",
        "messaging.destination.name": "events",
        "messaging.destination.partition.id": "0",
        "messaging.kafka.offset": 2,
        "w3c.tracestate": "vendor=1",
    }
    assert len(attributes["segment_bridge.records"]) == 2
    assert not span.parent_span_id


@pytest.mark.parametrize(
    ("headers", "sampler", "expected"),
    [
        ([UNSAMPLED, ()], None, 0),
        ([UNSAMPLED, SAMPLED], None, 1),
        ([()], None, 1),
        ([SAMPLED], "parentbased_always_off", 1),
        ([()], "parentbased_always_off", 0),
        ([UNSAMPLED], "always_on", 1),
        ([SAMPLED], "always_off", 0),
    ],
)
async def test_producers_decide_what_is_sampled(
    headers: list[Headers], sampler: str | None, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Like a parent of the span, where the sampler asks parents; without any context the sampler decides."""
    environ = {} if sampler is None else {"OTEL_TRACES_SAMPLER": sampler}
    request = (Sending("POST", URL, "actions", batch(*headers)), Answer(200), DONE)
    received = await spans_of(request, monkeypatch=monkeypatch, environ=environ)
    assert expected == len(received.spans)


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("traceparent", None),),
        (("traceparent", b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01"),),
        (("traceparent", b"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),),
        (("traceparent", "00-ä".encode()),),
        (("tracestate", b"a=1"),),
        (*SAMPLED, *SAMPLED),
    ],
    ids=["none", "null", "zero", "version", "no ascii", "state alone", "twice"],
)
def test_what_is_no_context_is_none(headers: Headers) -> None:
    """Headers of anybody's making are ignored where they are not valid."""
    assert producer_context(headers) is None


def test_names_of_headers_are_read_in_any_case() -> None:
    """Producers in other languages write them as HTTP headers; a state may come in parts."""
    headers = (("TraceParent", SAMPLED[0][1]), ("Tracestate", b"a=1"), ("Tracestate", b"b=2"))
    context = producer_context(headers)
    assert context is not None
    assert (f"{context.trace_id:032x}", context.trace_flags.sampled) == (TRACE, True)
    assert context.trace_state.to_header() == "a=1,b=2"


async def test_the_service_has_a_name_unless_the_variables_give_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name and version are the program's own; `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` come first."""
    request = (Sending("POST", URL, "actions", batch(())), Answer(200), DONE)
    first = await spans_of(request, monkeypatch=monkeypatch)
    environ = {"OTEL_SERVICE_NAME": "bridge-eu", "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test"}
    second = await spans_of(request, monkeypatch=monkeypatch, environ=environ)
    own, given = (plain(received.resources[0].resource.attributes) for received in (first, second))
    assert own["service.instance.id"] == given["service.instance.id"] == resource().attributes["service.instance.id"]
    assert own["service.name"] == "segment-bridge"
    assert {"service.version", "service.instance.id", "telemetry.sdk.name"} <= own.keys()
    assert given.items() >= {"service.name": "bridge-eu", "deployment.environment.name": "test"}.items()


async def test_a_topic_is_a_producer_span(monkeypatch: pytest.MonkeyPatch) -> None:
    """A destination that is a topic has what the conventions require and no HTTP; that it was written is no error."""
    holder = batch(())
    holder.parcels[0].attempt_count = 3
    sending = Sending("POST", "kafka://cluster/copies", "messages", holder)
    span, attributes = await one_span(sending, Answer(None, error=WRITTEN, sent=False), monkeypatch=monkeypatch)
    assert (span.name, span.kind) == ("send messages", Span.SPAN_KIND_PRODUCER)
    assert attributes == {
        "messaging.system": "kafka",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": "copies",
        "messaging.batch.message_count": 1,
        "segment_bridge.destination": "moesif-prod",
        "segment_bridge.endpoint": "messages",
        "segment_bridge.records": ["events[0]@0"],
        "segment_bridge.verdict": "delivered",
    }


def test_what_a_mask_leaves_of_an_address_is_shown_as_it_is() -> None:
    """An address that is a secret as a whole tells no server."""
    assert address_attributes("**********") == {"url.full": "**********"}
    assert address_attributes("http://[broken") == {"url.full": "http://[broken"}


async def test_a_receiver_that_is_gone_is_two_lines(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One when spans cannot be sent, one when they are again; what the library says of each try is for `debug`."""
    statuses = [400, 400, 200]

    async def script(exchange: Exchange, _request: Request) -> None:
        await exchange.answer(statuses.pop(0))

    caplog.set_level(logging.INFO)
    async with peer(script) as http:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{http.port}")
        spans = Spans(TracingSettings(), "one", str)
        for _ in range(3):
            with spans.watch(Sending("POST", URL, "actions", batch(()))) as watched:
                watched.answered(Answer(200), DONE)
            await asyncio.to_thread(spans._provider.force_flush, 5_000)
        await spans.aclose()
    assert [(record.levelname, record.message) for record in caplog.records if "opentelemetry" in record.name] == []
    assert [record.message for record in caplog.records if record.name.endswith("otlp")] == [
        "spans cannot be sent, and are dropped after a few tries: Failed to export spans batch code: 400, reason: X",
        "spans are sent again",
    ]


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What a logger writes as JSON lines."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter("one"))
    logger = logging.getLogger("traced")
    logger.addHandler(handler)
    yield stream
    logger.removeHandler(handler)


async def test_log_lines_inside_a_request_carry_its_ids(monkeypatch: pytest.MonkeyPatch, lines: io.StringIO) -> None:
    """Two requests at once each have their own; a line outside has none, nor has one of a span that is not kept."""
    with receiver() as received:
        for name, value in received.environ.items():
            monkeypatch.setenv(name, value)
        spans = Spans(TracingSettings(), "one", str)

        async def request(*headers: Headers) -> None:
            with spans.watch(Sending("POST", URL, "actions", batch(*headers))) as watched:
                await asyncio.sleep(0)
                logging.getLogger("traced").warning("inside")
                watched.answered(Answer(200), DONE)
                logging.getLogger("traced").warning("after the answer")

        await asyncio.gather(request(()), request(()), request(UNSAMPLED))
        logging.getLogger("traced").warning("outside")
        await spans.aclose()
    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert {(span.trace_id.hex(), span.span_id.hex()) for span in received.spans} == {
        (line["trace_id"], line["span_id"]) for line in told if "trace_id" in line
    }
    assert [line["message"] for line in told if "trace_id" not in line] == ["inside", "after the answer", "outside"]


async def test_a_collector_that_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process has a few seconds to end, whatever the library waits for."""
    goes_on = threading.Event()
    with receiver() as received:
        for name, value in received.environ.items():
            monkeypatch.setenv(name, value)
        spans = Spans(TracingSettings(), "one", str)
        monkeypatch.setattr(tracing_spans, "SHUTDOWN_S", 0.05)
        monkeypatch.setattr(spans._provider, "force_flush", lambda _: goes_on.wait())
        try:
            await spans.aclose()
            assert not goes_on.is_set()
        finally:
            goes_on.set()
