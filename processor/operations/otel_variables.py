"""What OpenTelemetry's standard variables ask for, read alike for metrics and spans; its libraries are not needed.

Source: OpenTelemetry's specification of environment variables, read 2026-11-29: an empty variable is one that is not
set, and `OTEL_SDK_DISABLED` is true only where it says `true`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, TypeAlias

Signal: TypeAlias = Literal["METRICS", "TRACES"]

OTLP: Final = "otlp"
PROTOCOL: Final = "http/protobuf"
"""The only protocol of OTLP that is spoken."""
KNOWN_EXPORTERS: Final[Mapping[Signal, tuple[str, ...]]] = {
    "METRICS": (OTLP, "prometheus", "none"),
    "TRACES": (OTLP, "none"),
}
"""Prometheus may always pull, so its name asks for nothing; neither does `none`."""


def is_disabled(environ: Mapping[str, str]) -> bool:
    """Return whether all of OpenTelemetry is switched off."""
    return environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def exporters(signal: Signal, environ: Mapping[str, str]) -> set[str]:
    """Return the names of the exporters that are asked for; none where the variable is not set."""
    return {name.strip().lower() for name in environ.get(f"OTEL_{signal}_EXPORTER", "").split(",")} - {""}


def doubts(signal: Signal, environ: Mapping[str, str]) -> list[str]:
    """Return which exporters are asked for that nobody here knows, a sentence each."""
    known = KNOWN_EXPORTERS[signal]
    unknown = sorted(exporters(signal, environ) - {*known})
    return [f"OTEL_{signal}_EXPORTER: {name} is not known here, only {', '.join(known)}" for name in unknown]


def refusal(signal: Signal, environ: Mapping[str, str]) -> str:
    """Return why nothing can be sent as the variables ask; empty where it can.

    An endpoint of another protocol would understand nothing, so it is not sent to.
    """
    name, protocol = _own_or_common(signal, "PROTOCOL", environ)
    return "" if protocol in {"", PROTOCOL} else f"{name}: protocol '{protocol}' is not spoken; allowed: {PROTOCOL}"


def headers_text(signal: Signal, environ: Mapping[str, str]) -> str | None:
    """Return what the file with headers of requests says, written as `OTEL_EXPORTER_OTLP_HEADERS` is; None without one.

    `OTEL_EXPORTER_OTLP_HEADERS_FILE`, or that of one signal, is this program's own: a key that is mounted as a file
    need not be a variable, which more people can read. It comes before the standard variables.

    Raises:
        OSError: The file cannot be read.
        UnicodeDecodeError: It is no text.
    """
    _, path = _own_or_common(signal, "HEADERS_FILE", environ)
    return Path(path).read_text(encoding="utf-8").strip() if path else None


def _own_or_common(signal: Signal, what: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the variable that is in force, that of the signal before that of both, and its value; empty without."""
    names = (f"OTEL_EXPORTER_OTLP_{signal}_{what}", f"OTEL_EXPORTER_OTLP_{what}")
    return next(((name, environ[name]) for name in names if environ.get(name)), ("", ""))
