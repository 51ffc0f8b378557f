"""What OpenTelemetry's standard variables ask for, read alike for metrics and spans; its libraries are not needed.

Source: OpenTelemetry's specification of environment variables, read 2026-11-29: an empty variable is one that is not
set, and `OTEL_SDK_DISABLED` is true only where it says `true`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, TypeAlias
from urllib.parse import unquote

from processor.errors import ConfigError

Signal: TypeAlias = Literal["METRICS", "TRACES"]

OTLP: Final = "otlp"
_PROTOCOL: Final = "http/protobuf"
"""The only protocol of OTLP that is spoken."""
_KNOWN_EXPORTERS: Final[Mapping[Signal, tuple[str, ...]]] = {
    "METRICS": (OTLP, "prometheus", "none"),
    "TRACES": (OTLP, "none"),
}
"""Prometheus may always pull, so its name asks for nothing; neither does `none`."""
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\x20-\x7e]+")


def is_disabled(environ: Mapping[str, str]) -> bool:
    """Return whether all of OpenTelemetry is switched off."""
    return environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def exporters(signal: Signal, environ: Mapping[str, str]) -> set[str]:
    """Return the names of the exporters that are asked for; none where the variable is not set."""
    return {name.strip().lower() for name in environ.get(f"OTEL_{signal}_EXPORTER", "").split(",")} - {""}


def doubts(signal: Signal, environ: Mapping[str, str]) -> list[str]:
    """Return which exporters are asked for that nobody here knows, a sentence each; none while all is switched off."""
    if is_disabled(environ):
        return []
    known = _KNOWN_EXPORTERS[signal]
    unknown = sorted(exporters(signal, environ) - {*known})
    return [f"OTEL_{signal}_EXPORTER: {name} is not known here, only {', '.join(known)}" for name in unknown]


def refusal(signal: Signal, environ: Mapping[str, str]) -> str | None:
    """Return why nothing can be sent as the variables ask, None where it can.

    An endpoint of another protocol would understand nothing, so it is not sent to.
    """
    named = _own_or_common(signal, "PROTOCOL", environ)
    if named is None or named[1] == _PROTOCOL:
        return None
    return f"{named[0]}: protocol '{named[1]}' is not spoken; allowed: {_PROTOCOL}"


def headers(signal: Signal, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of requests: those of the standard variable, and in their place those that a file has.

    `OTEL_EXPORTER_OTLP_HEADERS_FILE`, or that of one signal, is this program's own: a key that is mounted as a file
    need not be a variable, which more people can read. The SDK's own reader leaves out and logs what it does not
    understand, which is the key where somebody writes `Authorization: KEY`; here nothing is sent then.

    Raises:
        ConfigError: The file cannot be read, or one of the two holds something else. The text names it, and nothing of
            what it holds.
    """
    found: dict[str, str] = {}
    variable = _own_or_common(signal, "HEADERS", environ)
    if variable is not None:
        found |= _headers(variable[1], variable[0])
    file = _own_or_common(signal, "HEADERS_FILE", environ)
    if file is not None:
        found |= _headers(_text(*file), f"{file[0]}: {file[1]}")
    return found


def _text(variable: str, path: str) -> str:
    """Return what a file says that a variable names."""
    try:
        if not Path(path).is_file() and Path(path).exists():  # who reads a pipe may wait for ever
            raise ConfigError(f"{variable}: {path} is no file")
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{variable}: {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{variable}: {path} is no UTF-8") from error


def _headers(text: str, place: str) -> dict[str, str]:
    found = dict(_header(part) for part in text.strip().rstrip(",").split(","))
    if "" in found:
        raise ConfigError(f"{place} is not written as name=value, percent-encoded, with commas between")
    return found


def _header(text: str) -> tuple[str, str]:
    """Return name and value of a header; no name where the text is none, or may not be sent as one."""
    name, _, value = (unquote(part).strip() for part in text.partition("="))
    return (name.lower(), value) if _NAME.fullmatch(name) and _VALUE.fullmatch(value) else ("", "")


def _own_or_common(signal: Signal, what: str, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the variable that is in force, that of the signal before that of both, and its value; None without."""
    names = (f"OTEL_EXPORTER_OTLP_{signal}_{what}", f"OTEL_EXPORTER_OTLP_{what}")
    return next(((name, environ[name]) for name in names if environ.get(name)), None)
