"""The metrics in the Prometheus text format, through OpenTelemetry's exporter for it."""

from __future__ import annotations

import time
from collections.abc import Callable

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricsData
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, generate_latest

from processor.operations.metrics.producer import pulled
from processor.operations.status import ReadAll

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def wall_ms() -> int:
    """Return the wall clock in epoch milliseconds."""
    return time.time_ns() // 1_000_000


class _Reader(PrometheusMetricReader):
    """OpenTelemetry's reader, to which metrics are given instead of instruments that it would ask."""

    def give(self, metrics: MetricsData) -> None:
        """Render these next."""
        self._receive_metrics(metrics)


class Exporter:
    """Renders the reports of all destinations as Prometheus text. Own registry, so that several can live in a test."""

    def __init__(self, read_all: ReadAll, now_ms: Callable[[], int] = wall_ms) -> None:
        """Render what `read_all` gives at each call."""
        self._read_all = read_all
        self._now_ms = now_ms
        self._registry = CollectorRegistry()
        self._reader = _Reader(disable_target_info=True, registry=self._registry, scope_info_enabled=False)
        # Without instruments it adds nothing; a reader that belongs to no provider would complain at each render.
        self._provider = MeterProvider(metric_readers=[self._reader], resource=Resource({}), shutdown_on_exit=False)

    def render(self) -> bytes:
        """Return all metrics in the Prometheus text format."""
        self._reader.give(pulled(self._read_all(), self._now_ms()))
        return generate_latest(self._registry)

    def close(self) -> None:
        """Release the provider; nothing is rendered afterwards."""
        self._provider.shutdown()
