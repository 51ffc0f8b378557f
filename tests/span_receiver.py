"""A small OTLP receiver on loopback: it takes what exporters send over HTTP and decodes the protobuf."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

from tests.http_peer import Exchange, Peer, Request, peer

PROTOBUF = "application/x-protobuf"


class Receiver:
    """What has come in so far."""

    def __init__(self, http: Peer) -> None:
        """Read the requests of this peer."""
        self._http = http

    @property
    def environ(self) -> Mapping[str, str]:
        """Return the variables with which an exporter sends here."""
        return {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self._http.port}"}

    @property
    def resources(self) -> list[ResourceSpans]:
        """Return all spans, each group below the resource that they come from."""
        found: list[ResourceSpans] = []
        for request in self._http.requests:
            assert request.line.startswith("POST /v1/traces ")
            assert request.headers["content-type"] == PROTOBUF
            found += ExportTraceServiceRequest.FromString(request.body).resource_spans
        return found

    @property
    def spans(self) -> list[Span]:
        """Return all spans in the order in which they came."""
        return [span for resource in self.resources for scope in resource.scope_spans for span in scope.spans]


def plain(attributes: Any) -> dict[str, Any]:  # noqa: ANN401 - a container of the protobuf library
    """Return attributes as plain values by name."""
    return {each.key: _value(each.value) for each in attributes}


def _value(value: Any) -> Any:  # noqa: ANN401 - a message of the protobuf library
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, kind)


async def _accept(exchange: Exchange, _request: Request) -> None:
    await exchange.answer(200, ExportTraceServiceResponse().SerializeToString(), content_type=PROTOBUF)


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """Run a receiver on a free port inside the block."""
    async with peer(_accept) as http:
        yield Receiver(http)
