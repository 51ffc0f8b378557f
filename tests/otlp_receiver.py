"""A small OTLP receiver on loopback: it takes metrics and spans over HTTP and decodes the protobuf."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

PROTOBUF = "application/x-protobuf"
MESSAGES: dict[str, Any] = {"/v1/metrics": ExportMetricsServiceRequest, "/v1/traces": ExportTraceServiceRequest}


class Receiver:
    """What was sent, decoded, oldest first; `status` is what the next requests are answered with."""

    def __init__(self) -> None:
        """Nothing came so far."""
        self.pushes: list[Any] = []
        self.paths: list[str] = []
        self.headers: list[Message] = []
        self.status = 200
        self.url = ""

    @property
    def environ(self) -> Mapping[str, str]:
        """Return the variables with which an exporter sends its spans here."""
        return {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": self.url}

    def take(self, path: str, headers: Message, body: bytes) -> int:
        """Keep one request; return the status of its answer."""
        assert headers["Content-Type"] == PROTOBUF
        self.paths.append(path)
        self.headers.append(headers)
        self.pushes.append(MESSAGES[path].FromString(body))
        return self.status

    def metrics(self) -> dict[str, Any]:
        """Return the metrics of the latest push by name."""
        (resource,) = self.pushes[-1].resource_metrics
        (scope,) = resource.scope_metrics
        return {metric.name: metric for metric in scope.metrics}

    def resource(self) -> dict[str, Any]:
        """Return the attributes of the resource of the latest push of metrics."""
        (resource,) = self.pushes[-1].resource_metrics
        return plain(resource.resource.attributes)

    @property
    def resources(self) -> list[ResourceSpans]:
        """Return all spans, each group below the resource that they come from."""
        return [resource for push in self.pushes for resource in push.resource_spans]

    @property
    def spans(self) -> list[Span]:
        """Return all spans in the order in which they came."""
        return [span for resource in self.resources for scope in resource.scope_spans for span in scope.spans]


def plain(attributes: Any) -> dict[str, Any]:  # noqa: ANN401 - a container of the protobuf library
    """Return attributes of a resource, a point or a span as plain values by name."""
    return {each.key: _value(each.value) for each in attributes}


def _value(value: Any) -> Any:  # noqa: ANN401 - a message of the protobuf library
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, kind)


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Run a receiver on a free port inside the block."""
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        """Takes what exporters send."""

        def do_POST(self) -> None:
            """Take one request; one that is none of an exporter's is answered by a broken connection."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(found.take(self.path, self.headers, body))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
