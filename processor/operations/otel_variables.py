"""What OpenTelemetry's standard variables ask for, read alike for metrics and spans; its libraries are not needed.

Source: OpenTelemetry's specification of environment variables, read 2026-11-29: an empty variable is one that is not
set, and `OTEL_SDK_DISABLED` is true only where it says `true`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

Signal: TypeAlias = Literal["METRICS", "TRACES"]

OTLP: Final = "otlp"
PROTOCOL: Final = "http/protobuf"
"""The only protocol of OTLP that is spoken."""


def is_disabled(environ: Mapping[str, str]) -> bool:
    """Return whether all of OpenTelemetry is switched off."""
    return environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def exporters(signal: Signal, environ: Mapping[str, str]) -> set[str]:
    """Return the names of the exporters that are asked for; none where the variable is not set."""
    return {name.strip().lower() for name in environ.get(f"OTEL_{signal}_EXPORTER", "").split(",")} - {""}


def other_protocol(signal: Signal, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the variable that asks for another protocol, and that protocol; None where none does."""
    names = (f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    name, protocol = next(((name, environ[name]) for name in names if environ.get(name)), ("", PROTOCOL))
    return None if protocol == PROTOCOL else (name, protocol)
