"""Pushes the metrics by OTLP, as OpenTelemetry's environment variables say.

Supervised processes push nothing: their supervisor has the reports of all of them.
"""

from __future__ import annotations

import asyncio
import logging
import os
import queue
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from opentelemetry.sdk.environment_variables import OTEL_METRIC_EXPORT_INTERVAL
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult
from opentelemetry.sdk.resources import Resource

from processor.errors import ConfigError
from processor.operations.metrics.exporter import wall_ms
from processor.operations.metrics.producer import Reports, pushed
from processor.operations.otel_variables import headers, refusal
from processor.operations.otlp import Delivery, resource
from processor.operations.status import ReadAll

log = logging.getLogger(__name__)

_LIBRARY_LOG: Final = "opentelemetry.exporter.otlp.proto.http.metric_exporter"
DEFAULT_INTERVAL_MS: Final = 60_000.0
CLOSE_S: Final = 3.0
"""What the last push may take: a collector that does not answer must not keep the process."""


@asynccontextmanager
async def pushing(read_all: ReadAll, environ: Mapping[str, str] = os.environ) -> AsyncIterator[None]:
    """Push what `read_all` gives at the interval while the block runs, and once at its end.

    What cannot be pushed is logged and nothing else: deliveries do not depend on it. `environ` holds this program's own
    variables; the SDK reads those of the process.
    """
    refused = refusal("METRICS", environ)
    if refused is not None:
        log.error("metrics are not pushed: %s", refused)
        yield
        return
    try:
        exporter = _exporter(environ)
    except ConfigError as error:
        log.error("metrics are not pushed: %s", error)  # noqa: TRY400 - the text says it all
        yield
        return
    except Exception:  # whatever the SDK finds wrong with its variables
        log.exception("metrics are not pushed")
        yield
        return
    pusher = _Pusher(exporter, resource())
    pusher.start()
    task = asyncio.create_task(_push(pusher, read_all, interval_s(environ)), name="metrics push")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        pusher.give(read_all())
        pusher.finish()
        await asyncio.to_thread(pusher.join, CLOSE_S)


async def _push(pusher: _Pusher, read_all: ReadAll, pause_s: float) -> None:
    """Hand reports over again and again; what is still being pushed by then is not added to."""
    while True:
        await asyncio.sleep(pause_s)
        if not pusher.is_busy:
            pusher.give(read_all())


def interval_s(environ: Mapping[str, str]) -> float:
    """Return the pause between two pushes; what is no positive number counts as not set."""
    text = environ.get(OTEL_METRIC_EXPORT_INTERVAL, "")
    try:
        interval_ms = float(text) if text else DEFAULT_INTERVAL_MS
    except ValueError:
        interval_ms = 0.0
    if not 0 < interval_ms < float("inf"):
        log.warning("%s is no number of milliseconds; using %.0f", OTEL_METRIC_EXPORT_INTERVAL, DEFAULT_INTERVAL_MS)
        interval_ms = DEFAULT_INTERVAL_MS
    return interval_ms / 1000


def _exporter(environ: Mapping[str, str]) -> MetricExporter:
    """Return the exporter, which reads its other variables itself, such as the endpoint."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415 - 20 MB

    return OTLPMetricExporter(headers=headers("METRICS", environ))


class _Pusher(threading.Thread):
    """Encodes and sends, away from the event loop. A daemon: a collector that hangs cannot keep the process."""

    def __init__(self, exporter: MetricExporter, resource: Resource) -> None:
        """Wait for the first reports."""
        super().__init__(name="metrics-push", daemon=True)
        self._exporter = exporter
        self._delivery = Delivery(_LIBRARY_LOG, "metrics cannot be pushed", "metrics are pushed again")
        self._resource = resource
        self._reports: queue.SimpleQueue[Reports | None] = queue.SimpleQueue()
        self._given_count = 0
        self._done_count = 0

    @property
    def is_busy(self) -> bool:
        """Return whether something that was given is not pushed yet."""
        return self._given_count > self._done_count

    def give(self, reports: Reports) -> None:
        """Have these pushed."""
        self._given_count += 1
        self._reports.put(reports)

    def finish(self) -> None:
        """End once everything that was given is pushed."""
        self._reports.put(None)

    def run(self) -> None:
        """Push until told to finish."""
        while (reports := self._reports.get()) is not None:
            try:
                result = self._exporter.export(pushed(reports, wall_ms(), self._resource))
                self._delivery.note(is_taken=result is MetricExportResult.SUCCESS)
            except Exception:  # the exporter tells its own failures by its result; this is a bug, and no reason to stop
                log.exception("metrics could not be pushed")
            self._done_count += 1
        self._exporter.shutdown()
        self._delivery.close()
