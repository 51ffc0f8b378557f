"""Log lines: their form, and that nothing of an event gets into them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest
from opentelemetry.util.re import parse_env_headers

from processor.errors import BrokerError, DecodeError
from processor.operations.logs import BY_TEXT, RepeatFilter, configure, safe_text
from processor.operations.repeats import Repeats
from processor.operations.settings import LogSettings

SECRET = "jane@example.test"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Return that a person reads this."""
        return True


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    """Leave the root logger as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def json_lines(stream: io.StringIO) -> list[dict[str, object]]:
    """Return the lines written so far."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def fail_with_event_data() -> None:
    """Raise an error whose text and whose cause hold event data."""
    ages: dict[str, int] = {}
    try:
        ages[SECRET] += 1
    except KeyError as error:
        raise DecodeError("invalid_json", f"cannot read {SECRET}") from error


def test_elsewhere_than_on_a_terminal_a_line_is_json() -> None:
    """A line is one JSON object with time, level, message, destination and the values given."""
    stream = io.StringIO()
    configure(LogSettings(), destination="moesif-prod", stream=stream)
    logging.getLogger("some.module").info("circuit opened", extra={"reason": "http_503"})
    (line,) = json_lines(stream)
    assert line.pop("time")
    assert line == {
        "level": "info",
        "message": "circuit opened",
        "logger": "some.module",
        "destination": "moesif-prod",
        "reason": "http_503",
    }


def test_keys_of_collectors_are_not_repeated() -> None:
    """OpenTelemetry's SDK warns of a header that it does not understand, with the header."""
    stream = io.StringIO()
    configure(LogSettings(), stream=stream)
    parse_env_headers(f"Authorization: {SECRET}", liberal=True)
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "\x1b[33mwarning\x1b[0m moesif-prod  held  reason=http_401"),
        ({"NO_COLOR": "1"}, "warning moesif-prod  held"),
    ],
)
def test_on_a_terminal_a_line_is_text(environ: dict[str, str], expected: str) -> None:
    """A person reads level, destination, message and values, in colour unless that is unwanted."""
    stream = Terminal()
    configure(LogSettings(), destination="moesif-prod", stream=stream, environ=environ)
    logging.getLogger("m").warning("held", extra={"reason": "http_401"})
    assert expected in stream.getvalue()


@pytest.mark.parametrize(("wanted", "is_json"), [("json", True), ("text", False)])
def test_the_form_can_be_chosen(wanted: str, is_json: bool) -> None:  # noqa: FBT001 - a column of the table
    """The setting wins over what the stream is."""
    stream = Terminal() if is_json else io.StringIO()
    configure(LogSettings.model_validate({"format": wanted}), stream=stream)
    logging.getLogger("m").info("started")
    assert stream.getvalue().startswith("{") is is_json


def test_level_and_repeated_configuration() -> None:
    """Lines below the level are left out, and configuring twice doubles none."""
    stream = io.StringIO()
    configure(LogSettings(), stream=stream)
    configure(LogSettings(level="warning"), stream=stream)
    logging.getLogger("m").info("left out")
    logging.getLogger("m").warning("written")
    assert ["written"] == [line["message"] for line in json_lines(stream)]


@pytest.mark.parametrize("form", ["json", "text"])
def test_exceptions_are_written_without_their_texts(form: str) -> None:
    """The text of a foreign exception, of its cause and of a record error stay out; classes and places stay in."""
    stream = io.StringIO()
    configure(LogSettings.model_validate({"format": form}), stream=stream)
    try:
        fail_with_event_data()
    except DecodeError:
        logging.getLogger("m").exception("stopped")
    written = stream.getvalue()
    assert SECRET not in written
    for part in ("KeyError", "DecodeError: invalid_json", "in fail_with_event_data"):
        assert part in written


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (BrokerError("all brokers down", code="_ALL_BROKERS_DOWN", fatal=False), "BrokerError: _ALL_BROKERS_DOWN"),
        (FileNotFoundError(2, "No such file or directory", SECRET), "FileNotFoundError: No such file or directory"),
        (ValueError(SECRET), "ValueError"),
        (OSError(SECRET), "OSError"),
    ],
)
def test_safe_text_says_only_what_is_known_to_be_safe(error: BaseException, expected: str) -> None:
    """Own errors give their safe text, system errors the system's words, all others their class."""
    assert expected == safe_text(error)


def test_a_repeated_message_is_counted_instead_of_written() -> None:
    """Past the limit a message is only counted, while the same one about another destination is written."""
    stream = io.StringIO()
    configure(LogSettings(repeat_count=2, repeat_window=timedelta(hours=1)), stream=stream)
    for _ in range(5):
        logging.getLogger("m").warning("retrying", extra={"destination": "a"})
    logging.getLogger("m").warning("retrying", extra={"destination": "b"})
    assert ["a", "a", "b"] == [line["destination"] for line in json_lines(stream)]


def test_where_values_make_another_message_only_equal_ones_are_repeats() -> None:
    """So each fault of a file that a person mends step by step is written, and the mark itself stands in no line."""
    stream = io.StringIO()
    configure(LogSettings(repeat_count=1), stream=stream)
    for fault in ("line 1", "line 2", "line 1"):
        logging.getLogger("m").error("cannot be used: %s", fault, extra=BY_TEXT)
    lines = json_lines(stream)
    assert ["cannot be used: line 1", "cannot be used: line 2"] == [line["message"] for line in lines]
    assert {"time", "level", "message", "logger"} == lines[0].keys()


def test_what_was_left_out_is_said_later() -> None:
    """After the window the next record carries how many were left out before it."""
    times = iter([0.0, 0.0, 0.0, 60.0])
    repeats = RepeatFilter(Repeats(1, 60.0), now=lambda: next(times))
    records = [logging.makeLogRecord({"name": "m", "msg": "retrying"}) for _ in range(4)]
    assert [True, False, False, True] == [repeats.filter(record) for record in records]
    assert [None, 2] == [getattr(records[index], "left_out", None) for index in (0, 3)]


def test_the_kafka_clients_log_is_wired_in_and_calmed() -> None:
    """Errors of librdkafka become warnings, and facilities do not use up each other's repeats."""
    stream = io.StringIO()
    configure(LogSettings(repeat_count=1), stream=stream)
    for facility in ("MAXPOLL", "MAXPOLL", "COMMITFAIL"):
        logging.getLogger("processor.source.librdkafka").log(
            logging.ERROR, "%s [%s] %s", facility, "rdkafka#consumer-1", "broker is down"
        )
    lines = json_lines(stream)
    assert ["MAXPOLL [rdkafka#consumer-1] broker is down", "COMMITFAIL [rdkafka#consumer-1] broker is down"] == [
        line["message"] for line in lines
    ]
    assert {"warning"} == {line["level"] for line in lines}


@pytest.mark.parametrize(("level", "expected"), [("info", []), ("warning", []), ("debug", ["debug"] * 3)])
def test_failed_connections_of_the_kafka_client_are_for_debugging(level: str, expected: list[str]) -> None:
    """Each client says so at each try, and the bridge once: an outage is no flood of lines that say the same."""
    stream = io.StringIO()
    configure(LogSettings.model_validate({"level": level}), stream=stream)
    for facility in ("FAIL", "ERROR", "OIDC"):
        logging.getLogger("processor.source.librdkafka").log(
            logging.ERROR, "%s [%s] %s", facility, "rdkafka#consumer-1", "Connection refused"
        )
    assert expected == [line["level"] for line in json_lines(stream)]
