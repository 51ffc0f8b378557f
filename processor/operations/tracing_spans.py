"""Requests as OpenTelemetry spans, sent by OTLP over HTTP. Imported only where tracing is on.

One client span for each attempt, in the names of the semantic conventions for HTTP and messaging. A batch has many
records, so a span has no parent: it is linked to the producers' spans of a few of its records, as the conventions have
it for batches. Producers decide what is sampled: see `FollowLinks`.

Source: OpenTelemetry semantic conventions (HTTP client spans, messaging spans), W3C Trace Context; read 2026-11-29.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler, SamplingResult
from opentelemetry.trace import (
    Link,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceState,
    format_span_id,
    format_trace_id,
    get_current_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes, AttributeValue

from processor import __version__
from processor.delivery.watching import Sending, Watched
from processor.destinations.addresses import port_of
from processor.destinations.target import WRITTEN
from processor.model import Answer, Headers, Record, Verdict
from processor.operations.logs import SpanIds, current_span
from processor.operations.otlp import Delivery, resource
from processor.operations.settings import TracingSettings

_LIBRARY_LOG: Final = "opentelemetry.exporter.otlp.proto.http.trace_exporter"

SHUTDOWN_S: Final = 5.0
"""How long the spans that wait may take to be sent at the end."""
REDACTED: Final = "REDACTED"
_FIRST_ERROR: Final = 400
_TOPIC_SCHEME: Final = "kafka:"
"""What addresses of a destination that is a topic begin with."""
_PROPAGATOR: Final = TraceContextTextMapPropagator()
_CONTEXT_HEADERS: Final = frozenset({"traceparent", "tracestate"})


class FollowLinks(Sampler):
    """Lets producers decide, where the configured sampler would let a parent decide.

    With links, the span is sampled exactly if one of the linked spans is; without, the sampler decides.
    """

    def __init__(self, sampler: Sampler) -> None:
        """Ask this sampler about spans without links."""
        self._sampler = sampler

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Return whether a span is recorded and sent."""
        sampler = self._sampler
        if links:
            sampler = ALWAYS_ON if any(link.context.trace_flags.sampled for link in links) else ALWAYS_OFF
        return sampler.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        """Return what it is called."""
        return f"FollowLinks({self._sampler.get_description()})"


class ToldExporter(SpanExporter):
    """An exporter that says once when spans cannot be sent and once when they are again."""

    def __init__(self, exporter: SpanExporter, endpoint: str) -> None:
        """Export by another one, which sends to `endpoint`."""
        self._exporter = exporter
        self._endpoint = endpoint
        self._delivery = Delivery(
            _LIBRARY_LOG, "spans cannot be sent, and are dropped after a few tries", "spans are sent again"
        )

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans; runs in a thread of the SDK's."""
        result = self._exporter.export(spans)
        self._delivery.note(is_taken=result is SpanExportResult.SUCCESS, endpoint=self._endpoint)
        return result

    def shutdown(self) -> None:
        """Close the other one."""
        self._exporter.shutdown()
        self._delivery.close()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Have the other one send what it holds."""
        return self._exporter.force_flush(timeout_millis)


class Spans:
    """The spans of one destination's requests. Belongs to its event loop; they are sent by a thread of the SDK."""

    def __init__(
        self,
        settings: TracingSettings,
        destination: str,
        mask: Callable[[str], str],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare by the standard variables; `headers` of requests come before theirs. Nothing becomes global.

        Raises:
            Exception: The variables cannot be followed; what is raised then is the SDK's choice.
        """
        self._max_links = settings.max_links
        self._destination = destination
        exporter = OTLPSpanExporter(headers=headers)
        self.endpoint = shown_url(urlsplit(exporter._endpoint))  # noqa: SLF001 - the SDK works it out and does not say
        self._provider = TracerProvider(resource=resource(), shutdown_on_exit=False)
        if isinstance(self._provider.sampler, ParentBased):
            self._provider.sampler = FollowLinks(self._provider.sampler)
        self._provider.add_span_processor(BatchSpanProcessor(ToldExporter(exporter, self.endpoint)))
        self._tracer = self._provider.get_tracer("segment-bridge", __version__)
        self._address = lru_cache(maxsize=64)(lambda url: address_attributes(mask(url)))

    @contextmanager
    def watch(self, sending: Sending) -> Iterator[Watched]:
        """Make a span of a request; log lines inside it carry its ids."""
        is_topic = sending.url.startswith(_TOPIC_SCHEME)
        span = self._tracer.start_span(
            f"{'send' if is_topic else sending.method} {sending.endpoint}",
            kind=SpanKind.PRODUCER if is_topic else SpanKind.CLIENT,
            attributes=self._attributes(sending, is_topic=is_topic),
            links=links([parcel.entry.record for parcel in sending.batch.parcels], self._max_links),
        )
        token = current_span.set(_ids(span))
        watched = _Request(span)
        try:
            yield watched
        finally:
            current_span.reset(token)
            watched.end()

    def _attributes(self, sending: Sending, *, is_topic: bool) -> dict[str, AttributeValue]:
        batch = sending.batch
        found: dict[str, AttributeValue] = {
            "segment_bridge.destination": self._destination,
            "segment_bridge.endpoint": sending.endpoint,
            **(_of_topic(sending) if is_topic else self._of_http(sending)),
        }
        if batch.parcels:
            found["messaging.batch.message_count"] = len(batch)
            some = [parcel.entry.record for parcel in batch.parcels[: self._max_links]]
            found["segment_bridge.records"] = [f"{one.topic}[{one.partition}]@{one.offset}" for one in some]
        return found

    def _of_http(self, sending: Sending) -> dict[str, AttributeValue]:
        """Return what a span says of a request by HTTP."""
        found: dict[str, AttributeValue] = {"http.request.method": sending.method, **self._address(sending.url)}
        resend_count = max((parcel.attempt_count for parcel in sending.batch.parcels), default=1) - 1
        return found | ({"http.request.resend_count": resend_count} if resend_count > 0 else {})

    async def aclose(self) -> None:
        """Send what waits, within a few seconds; a collector that hangs is left behind."""
        thread = threading.Thread(target=self._end, name="spans-end", daemon=True)
        thread.start()
        await asyncio.to_thread(thread.join, SHUTDOWN_S)

    def _end(self) -> None:
        self._provider.force_flush(int(SHUTDOWN_S * 1000))
        self._provider.shutdown()


class _Request:
    """The span of one attempt. Its time ends with the answer."""

    def __init__(self, span: Span) -> None:
        """Wait for the answer."""
        self._span = span
        self._is_ended = False

    def answered(self, answer: Answer, verdict: Verdict | None) -> None:
        """Note what came back, and what it means to the bridge."""
        span = self._span
        if answer.status is not None:
            span.set_attribute("http.response.status_code", answer.status)
        error = error_type(answer)
        if error is not None:
            span.set_attribute("error.type", error)
            span.set_status(StatusCode.ERROR)
        if verdict is not None:
            span.set_attribute("segment_bridge.verdict", verdict.decision.value)
            if verdict.reason:
                span.set_attribute("segment_bridge.reason", verdict.reason)
        self._is_ended = True
        span.end()

    def end(self) -> None:
        """End a span whose request was given up before there was an answer."""
        if not self._is_ended:
            self._span.set_attribute("error.type", "cancelled")
            self._span.set_status(StatusCode.ERROR)
            self._span.end()


def _of_topic(sending: Sending) -> dict[str, AttributeValue]:
    """Return what a span says of messages that are written to a topic."""
    return {
        "messaging.system": "kafka",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": urlsplit(sending.url).path.removeprefix("/"),
    }


def error_type(answer: Answer) -> str | None:
    """Return what a span says of an attempt that failed; None for one that did not."""
    if answer.status is None:
        return None if answer.error == WRITTEN else answer.error
    return str(answer.status) if answer.status >= _FIRST_ERROR else None


def _ids(span: Span) -> SpanIds | None:
    """Return the ids of a span that is recorded: those of another one would lead nowhere."""
    if not span.is_recording():
        return None
    context = span.get_span_context()
    return SpanIds(format_trace_id(context.trace_id), format_span_id(context.span_id))


def links(records: Sequence[Record], max_count: int) -> list[Link]:
    """Return links to the spans in which some records were produced: sampled ones, others only where none is.

    Each link says where its record stands.
    """
    sampled: list[Link] = []
    others: list[Link] = []
    for record in records:
        if len(sampled) >= max_count:
            break
        context = producer_context(record.headers)
        if context is None:
            continue
        kept = sampled if context.trace_flags.sampled else others
        if len(kept) < max_count:
            kept.append(Link(context, _place(record) | _state(context)))
    return sampled or others


def _place(record: Record) -> dict[str, AttributeValue]:
    return {
        "messaging.system": "kafka",
        "messaging.destination.name": record.topic,
        "messaging.destination.partition.id": str(record.partition),
        "messaging.kafka.offset": record.offset,
    }


def _state(context: SpanContext) -> dict[str, AttributeValue]:
    """Return the producer's `tracestate` as an attribute: the exporter leaves that of a link out."""
    return {"w3c.tracestate": context.trace_state.to_header()} if context.trace_state else {}


def producer_context(headers: Headers) -> SpanContext | None:
    """Return the span context that a record's headers carry; None where they carry none that is valid.

    Names are read in any case. Two `traceparent` make both invalid; `tracestate` may come in parts.
    """
    found: dict[str, list[str]] = {}
    for name, value in headers:
        lower = name.lower()
        if lower in _CONTEXT_HEADERS and value is not None:
            found.setdefault(lower, []).append(value.decode("ascii", "replace"))
    if len(found.get("traceparent", ())) != 1:
        return None
    carrier = {name: ",".join(values) for name, values in found.items()}
    context = get_current_span(_PROPAGATOR.extract(carrier, Context())).get_span_context()
    return context if context.is_valid else None


def address_attributes(url: str) -> dict[str, AttributeValue]:
    """Return what a span says of an address whose keys are masked already."""
    try:
        parts = urlsplit(url)
        port = port_of(parts)
    except ValueError:  # what a mask has left of it is no address
        return {"url.full": url}
    found: dict[str, AttributeValue] = {"url.full": shown_url(parts)}
    if parts.hostname:
        found["server.address"] = parts.hostname
    if port is not None:
        found["server.port"] = port
    return found


def shown_url(parts: SplitResult) -> str:
    """Return an address without credentials, and with every value of its query taken out."""
    userinfo, at, host = parts.netloc.rpartition("@")
    netloc = f"{REDACTED}:{REDACTED}@{host}" if at and userinfo else host
    names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    query = "&".join(f"{name}={REDACTED}" for name in names)
    return parts._replace(netloc=netloc, query=query, fragment="").geturl()
