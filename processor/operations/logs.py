"""The log: readable on a terminal, JSON lines elsewhere, and safe to show to anybody.

A line is one change of state. Modules log with the standard library and name values in `extra`:

    logger.warning("destination held", extra={"reason": "http_401"})

Nothing of an event may stand in a message; as a second fence, exceptions are written without their texts unless these
are known to be safe. librdkafka's log comes in through loggers named so (given to the Kafka clients as `logger=`).
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, NamedTuple, TextIO, TypeAlias

from processor.errors import ConfigError, ProcessorError
from processor.operations.repeats import Repeats
from processor.operations.restarts import EXIT_CONFIGURATION
from processor.operations.settings import LogSettings

CLIENT_LOGGER: Final = "librdkafka"
"""Last part of the names of loggers that are given to Kafka clients."""

BY_TEXT: Final[Mapping[str, object]] = {"repeats_by_text": True}
"""`extra` of a line whose values make it another message: the answer to what a person has just done."""

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", *BY_TEXT}
_CONNECTION_FACILITIES: Final = frozenset({"FAIL", "ERROR", "OIDC"})
"""Those in which librdkafka says that a connection has failed, that all have, and that no token came for one."""
_COLOURS: Final[Mapping[int, str]] = {logging.WARNING: "33", logging.ERROR: "31", logging.CRITICAL: "31;1"}


class SpanIds(NamedTuple):
    """Which span a line belongs to, in the hexadecimal form of W3C's trace context."""

    trace_id: str
    span_id: str


current_span: ContextVar[SpanIds | None] = ContextVar("segment_bridge_span", default=None)
"""The span of the request that the running task makes; set where tracing is on."""

ExceptionTriple: TypeAlias = "tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]"


def configure(
    settings: LogSettings,
    *,
    destination: str | None = None,
    stream: TextIO | None = None,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Let every log line of this process go to `stream` (default: standard error) in the form of the settings.

    `destination` is added to each line. Earlier handlers of the root logger are replaced, so that calling it again
    changes the form and never doubles the lines.
    """
    target = sys.stderr if stream is None else stream
    handler = logging.StreamHandler(target)
    handler.setFormatter(formatter(settings, destination, is_terminal=target.isatty(), environ=environ))
    handler.addFilter(calm_client)
    handler.addFilter(RepeatFilter(Repeats(settings.repeat_count, settings.repeat_window.total_seconds())))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for name in ("asyncio", "aiohttp", "httpx", "httpcore", "opentelemetry", "urllib3"):
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))
    logging.getLogger("opentelemetry.util.re").setLevel(logging.ERROR)  # warns by repeating headers, which are keys


@contextmanager
def errors_in_log(settings: LogSettings) -> Iterator[None]:
    """Let a configuration that cannot be used be told in the log where that is JSON, and the process end with 2.

    A person reads such an error as it is; a program that reads lines of JSON would stumble over it.

    Raises:
        SystemExit: It cannot be used, and the log says so.
    """
    try:
        yield
    except ConfigError as error:
        if is_text(settings, is_terminal=sys.stderr.isatty()):
            raise
        logging.getLogger(__name__).error("%s", error)  # noqa: TRY400 - what and where are in the text
        raise SystemExit(EXIT_CONFIGURATION) from error


def is_text(settings: LogSettings, *, is_terminal: bool) -> bool:
    """Return whether lines are for people: `auto` is text on a terminal and JSON elsewhere."""
    return settings.format == "text" or (settings.format == "auto" and is_terminal)


def formatter(
    settings: LogSettings, destination: str | None, *, is_terminal: bool, environ: Mapping[str, str]
) -> logging.Formatter:
    """Return the formatter that the settings ask for."""
    if is_text(settings, is_terminal=is_terminal):
        return TextFormatter(destination, colour=is_terminal and "NO_COLOR" not in environ)
    return JsonFormatter(destination)


def is_client(record: logging.LogRecord) -> bool:
    """Return whether a record comes from librdkafka."""
    return record.name.rpartition(".")[2] == CLIENT_LOGGER


def calm_client(record: logging.LogRecord) -> bool:
    """Let librdkafka's errors be warnings: it recovers by itself, and what it cannot do it says by an error code.

    That a connection failed it says at each try of each client, and by an error code as well, of which the source, the
    dead letters and topics that are written to make one line each. So those lines are for `debug` alone.
    """
    if not is_client(record):
        return True
    if _facility(record) in _CONNECTION_FACILITIES:
        record.levelno, record.levelname = logging.DEBUG, "DEBUG"
    elif record.levelno >= logging.ERROR:
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return record.levelno >= logging.getLogger().level


def _facility(record: logging.LogRecord) -> str:
    """Return what part of librdkafka a line of its log is from."""
    return str(record.args[0]) if isinstance(record.args, tuple) and record.args else ""


class RepeatFilter(logging.Filter):
    """Lets a message through a few times a window and then only counts it; the next one says how many were left out."""

    def __init__(self, repeats: Repeats, now: Callable[[], float] = time.monotonic) -> None:
        """Use the counts of `repeats` at the monotonic time that `now` gives."""
        super().__init__()
        self._repeats = repeats
        self._now = now

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is written; adds `left_out` to it when others like it were not."""
        permit = self._repeats.admit(_repeat_key(record), self._now())
        if permit is None:
            return False
        if permit:
            record.left_out = permit
        return True


def _repeat_key(record: logging.LogRecord) -> str:
    """Return what makes two records the same message: where it comes from and its text.

    That is the text before values are put in, unless the record is one `BY_TEXT`.
    """
    text = record.getMessage() if record.__dict__.keys() >= BY_TEXT.keys() else record.msg
    facility = _facility(record) if is_client(record) else ""
    values = [getattr(record, name, "") for name in ("destination", "reason")]
    return "\0".join(str(part) for part in (record.name, record.levelno, text, facility, *values))


def safe_text(error: BaseException) -> str:
    """Return what may be logged of an exception: its class, and its text only where that is known to hold no data."""
    name = type(error).__name__
    match error:
        case ProcessorError():
            return error.safe if error.safe.startswith(name) else f"{name}: {error.safe}"
        case OSError() if error.strerror is not None:
            return f"{name}: {error.strerror}"
        case _:
            return name


def safe_traceback(error: BaseException) -> list[str]:
    """Return where an exception came from, innermost last, and what it was, without its text or any source line."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
    cause = error.__cause__ if error.__suppress_context__ or error.__cause__ else error.__context__
    earlier = [] if cause is None else [*safe_traceback(cause), "then"]
    return [*earlier, *lines, safe_text(error)]


class _SafeFormatter(logging.Formatter):
    """What both forms share: the destination, the values in `extra`, exceptions without their texts."""

    def __init__(self, destination: str | None) -> None:
        """Keep the destination that each line names."""
        super().__init__()
        self._destination = destination

    def values(self, record: logging.LogRecord) -> dict[str, Any]:
        """Return what the line says beside its message, in the order in which it was given."""
        named = {} if self._destination is None else {"destination": self._destination}
        span = current_span.get()
        inside = {} if span is None else span._asdict()
        return named | {key: value for key, value in vars(record).items() if key not in _STANDARD} | inside

    def error_lines(self, record: logging.LogRecord) -> list[str]:
        """Return the safe form of the exception that goes with the line, or nothing."""
        error = record.exc_info[1] if record.exc_info else None
        return [] if error is None else safe_traceback(error)


class JsonFormatter(_SafeFormatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "logger": record.name,
            **self.values(record),
        }
        lines = self.error_lines(record)
        return json.dumps(line | ({"exception": lines} if lines else {}), default=str, ensure_ascii=False)


class TextFormatter(_SafeFormatter):
    """One line for a person: time, level, destination, message, then the values."""

    def __init__(self, destination: str | None, *, colour: bool) -> None:
        """Colour warnings and errors only where `colour` says that the reader can see it."""
        super().__init__(destination)
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, and the lines of its exception below it."""
        values = self.values(record)
        destination = values.pop("destination", "-")
        clock = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S")
        level = self._coloured(record.levelno, f"{record.levelname.lower():<7}")
        said = " ".join(f"{key}={value}" for key, value in values.items())
        head = f"{clock} {level} {destination}  {record.getMessage()}" + (f"  {said}" if said else "")
        return "\n    ".join([head, *self.error_lines(record)])

    def _coloured(self, level: int, text: str) -> str:
        code = _COLOURS.get(level)
        return text if code is None or not self._colour else f"\x1b[{code}m{text}\x1b[0m"
