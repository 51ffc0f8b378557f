"""Whether requests become spans: by the standard variables or a setting. The SDK is imported only where they are."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from processor.delivery.watching import Watch, unwatched
from processor.errors import ConfigError
from processor.operations.otel_variables import OTLP, doubts, exporters, headers, is_disabled, refusal
from processor.operations.settings import TracingSettings

log = logging.getLogger(__name__)


def is_on(settings: TracingSettings, environ: Mapping[str, str]) -> bool:
    """Return whether requests become spans; `OTEL_TRACES_EXPORTER` comes before the setting."""
    if is_disabled(environ):
        return False
    named = exporters("TRACES", environ)
    return OTLP in named if named else settings.enabled


@asynccontextmanager
async def tracing(
    settings: TracingSettings, destination: str, mask: Callable[[str], str], environ: Mapping[str, str] = os.environ
) -> AsyncIterator[Watch]:
    """Give what a dispatcher tells its requests to while the block runs: spans where they are wanted, else nobody.

    `mask` takes keys out of a text. Spans that wait at the end of the block are sent, within a few seconds. Variables
    that cannot be followed are logged and nothing else: deliveries do not depend on spans. `environ` holds this
    program's own variables; the SDK reads those of the process.
    """
    for doubt in doubts("TRACES", environ):
        log.warning("%s", doubt)
    if not is_on(settings, environ):
        yield unwatched
        return
    refused = refusal("TRACES", environ)
    if refused is not None:
        log.error("requests are not told to a tracing system: %s", refused)
        yield unwatched
        return
    from processor.operations.tracing_spans import Spans  # noqa: PLC0415 - costs memory and a second at the start

    try:
        spans = Spans(settings, destination, mask, headers("TRACES", environ))
    except ConfigError as error:
        log.error("requests are not told to a tracing system: %s", error)  # noqa: TRY400 - the text says it all
        yield unwatched
        return
    except Exception:  # whatever the SDK finds wrong with its variables
        log.exception("requests are not told to a tracing system")
        yield unwatched
        return
    log.info("requests are told to a tracing system by OTLP", extra={"endpoint": spans.endpoint})
    try:
        yield spans.watch
    finally:
        await spans.aclose()
