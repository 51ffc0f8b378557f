"""A collector that takes metrics by OTLP over HTTP and keeps what it got."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest


class Receiver:
    """What was pushed, decoded, oldest first; `status` is what the next pushes are answered with."""

    def __init__(self) -> None:
        """Nothing came so far."""
        self.pushes: list[Any] = []
        self.paths: list[str] = []
        self.status = 200
        self.url = ""

    def take(self, path: str, body: bytes) -> int:
        """Keep one push; return the status of its answer."""
        self.paths.append(path)
        self.pushes.append(ExportMetricsServiceRequest.FromString(body))
        return self.status

    def metrics(self) -> dict[str, Any]:
        """Return the metrics of the latest push by name."""
        (resource,) = self.pushes[-1].resource_metrics
        (scope,) = resource.scope_metrics
        return {metric.name: metric for metric in scope.metrics}

    def resource(self) -> dict[str, Any]:
        """Return the attributes of the resource of the latest push."""
        (resource,) = self.pushes[-1].resource_metrics
        return attributes(resource.resource)


def attributes(owner: Any) -> dict[str, Any]:  # noqa: ANN401 - a message of the protocol
    """Return the attributes of a resource or a point."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in owner.attributes}


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Run a receiver on loopback."""
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        """Takes pushes."""

        def do_POST(self) -> None:
            """Take one."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(found.take(self.path, body))
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
