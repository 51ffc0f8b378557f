"""Whether requests become spans: by the standard variables or a setting. The SDK is imported only where they are."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from processor.delivery.watching import Watch, unwatched
from processor.operations.settings import TracingSettings

log = logging.getLogger(__name__)

_EXPORTER: Final = "OTEL_TRACES_EXPORTER"
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_OTLP: Final = "otlp"
_PROTOCOL: Final = "http/protobuf"


def is_on(settings: TracingSettings, environ: Mapping[str, str]) -> bool:
    """Return whether requests become spans; `OTEL_TRACES_EXPORTER` comes before the setting.

    Source: OpenTelemetry's specification of environment variables, read 2026-11-29: an empty variable is one that is
    not set, and `OTEL_SDK_DISABLED` is true only where it says `true`.
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    named = {name.strip().lower() for name in environ.get(_EXPORTER, "").split(",")} - {""}
    return _OTLP in named if named else settings.enabled


def doubts(environ: Mapping[str, str]) -> list[str]:
    """Return what the standard variables ask for that is not done here."""
    named = {name.strip().lower() for name in environ.get(_EXPORTER, "").split(",")}
    found = [f"{_EXPORTER}: {name} is not known here, only otlp and none" for name in named - {"", _OTLP, "none"}]
    protocol = next((environ[name] for name in _PROTOCOLS if environ.get(name)), _PROTOCOL)
    if protocol != _PROTOCOL:
        found.append(f"{_PROTOCOLS[1]}: spans are sent by {_PROTOCOL}, not by {protocol}")
    return sorted(found)


@asynccontextmanager
async def tracing(
    settings: TracingSettings, destination: str, mask: Callable[[str], str], environ: Mapping[str, str] = os.environ
) -> AsyncIterator[Watch]:
    """Give what a dispatcher tells its requests to while the block runs: spans where they are wanted, else nobody.

    `mask` takes keys out of a text. Spans that wait at the end of the block are sent, within a few seconds.
    """
    if not is_on(settings, environ):
        yield unwatched
        return
    from processor.operations.tracing_spans import Spans  # noqa: PLC0415 - costs memory and a second at the start

    for doubt in doubts(environ):
        log.warning("%s", doubt)
    spans = Spans(settings, destination, mask)
    log.info("requests are told to a tracing system by OTLP", extra={"endpoint": spans.endpoint})
    try:
        yield spans.watch
    finally:
        await spans.aclose()
