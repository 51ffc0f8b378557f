"""Look after look: rates by the look before, ages by the records, and a command that shows them."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaError

from processor.cli import lag as command
from processor.cli.main import main
from processor.errors import BrokerError
from processor.lag import reading as module
from processor.lag.figures import FLOWING, HELD, STALLED, Row
from processor.lag.groups import Group
from processor.lag.page import PageReport
from processor.lag.reading import DestinationLag, Lag, LagReading
from processor.settings import load_without_secrets
from processor.source.clients import Clients
from processor.source.deadline import Deadline
from tests.fake_kafka import FakeKafka, error_message, record_message
from tests.fake_topics import FakeTopicReader, Step
from tests.group_clients import GroupClients, member

P0 = ("events", 0)
FILE = """\
kafka: {bootstrap_servers: 'x:1', topics: [events, gone]}
destinations: {one: {type: moesif, start: latest, settings: {application_id: {env: NO_KEY}}}}
"""


class World:
    """A topic, a group with an owner, and readers by script."""

    def __init__(self, folder: Path, *script: Step, file: str = FILE) -> None:
        """Begin with ten records of which four are committed."""
        self.kafka = FakeKafka()
        self.kafka.add("events", 10)
        self.kafka.committed = {P0: (4, "id-1")}
        self.reader = FakeTopicReader(self.kafka, *script)
        path = folder / "bridge.yaml"
        path.write_text(file)
        self.settings = load_without_secrets(path)

    def reading(self, page: str | None = None, clock: Callable[[], float] = time.monotonic) -> LagReading:
        """Return what looks at it."""
        members: Mapping[str, Any] = {"segment-bridge.one": [member("bridge", P0)]}
        return LagReading(
            self.settings,
            ["one"],
            page=page,
            make_clients=lambda _kafka, _group: cast("Clients", GroupClients(self.kafka, members)),
            make_consumer=lambda: cast("Consumer", self.reader),
            clock=clock,
        )


def test_rates_are_those_between_two_looks(tmp_path: Path) -> None:
    """The first look has none; what a glance has seen counts as one."""
    world = World(tmp_path, record_message("events", 0, 4), record_message("events", 0, 6))
    times: Iterator[float] = iter([100.0, 102.0])
    with closing(world.reading(clock=lambda: next(times))) as reading:
        reading.glance(Deadline.after(5, lambda: 0.0))
        world.kafka.committed = {P0: (6, "id-1")}
        world.kafka.add("events", 20)
        found = reading.look(Deadline.after(5, lambda: 0.0))
    (row,) = found.destinations["one"].rows
    assert (found.elapsed_s, row.rate_in, row.rate_out, row.lag) == (2.0, 5.0, 1.0, 14)
    assert row.owner is not None
    assert (row.owner.client_id, list(found.missing)) == ("bridge", ["gone"])
    assert found.destinations["one"].last_delivery_ms is None


@pytest.mark.parametrize(("interval_ms", "expected"), [(2_000, STALLED), (30_000, FLOWING)])
def test_the_wait_for_a_batch_is_the_destination_s(tmp_path: Path, interval_ms: int, expected: str) -> None:
    """By its settings: a record of twenty seconds is late for one, and waits for its batch at another."""
    file = FILE.replace("NO_KEY}}", f"NO_KEY}}, flush_interval_ms: {interval_ms}}}")
    twenty_s_ago = time.time_ns() // 1_000_000 - 20_000
    world = World(tmp_path, record_message("events", 0, 4, timestamp_ms=twenty_s_ago), file=file)
    times: Iterator[float] = iter([100.0, 102.0])
    with closing(world.reading(clock=lambda: next(times))) as reading:
        reading.glance(Deadline.after(5, lambda: 0.0))
        found = reading.look(Deadline.after(5, lambda: 0.0))
    assert expected == found.destinations["one"].whole.state


def test_who_may_not_read_sees_how_many_there_are(tmp_path: Path) -> None:
    """Their age is not known, and why is told."""
    world = World(tmp_path, error_message(KafkaError.TOPIC_AUTHORIZATION_FAILED, "events"))
    with closing(world.reading()) as reading:
        found = reading.look(Deadline.after(5))
    assert (found.destinations["one"].whole.lag, found.destinations["one"].whole.time_lag_s) == (6, None)
    (text,) = found.untold
    assert text.startswith("how old unfinished records are: cannot read topic events")


def test_the_page_is_asked_for_the_last_delivery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And for what keeps its process from delivering, with the topics and groups of the file."""
    asked: list[tuple[str, list[str], list[str]]] = []

    def told(url: str, topics: Mapping[str, Any], groups: Mapping[str, str]) -> dict[str, PageReport]:
        asked.append((url, list(topics), list(groups)))
        return {"one": PageReport(7, {P0: "http_401"})}

    monkeypatch.setattr(module, "page_reports", told)
    with closing(World(tmp_path, record_message("events", 0, 4)).reading("http://page")) as reading:
        one = reading.look(Deadline.after(5)).destinations["one"]
    assert (one.last_delivery_ms, one.whole.state, one.whole.reason) == (7, HELD, "http_401")
    assert asked == [("http://page", ["events", "gone"], ["one"])]


class FakeReading:
    """Gives looks by script."""

    def __init__(self, *looks: Lag | BaseException) -> None:
        """Give these in order."""
        self.looks = list(looks)
        self.glances = 0
        self.is_closed = False

    def glance(self, deadline: Deadline) -> None:
        """Count it."""
        assert not deadline.is_over
        self.glances += 1

    def look(self, deadline: Deadline) -> Lag:
        """Return or raise what is next."""
        assert not deadline.is_over
        found = self.looks.pop(0)
        if isinstance(found, Lag):
            return found
        raise found

    def close(self) -> None:
        """Count it."""
        self.is_closed = True


def look(lag: int = 3, missing: tuple[str, ...] = ()) -> Lag:
    """Return a look at one partition."""
    row = Row(topic="events", partition=0, lag=lag, time_lag_s=5.0)
    return Lag(0, 2.0, {"one": DestinationLag(Group("g"), row, [row], None)}, missing, ["a right is missing"])


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int | str | None]:
    """Return what runs the command with looks by script, and gives its exit code."""
    file = tmp_path / "bridge.yaml"
    file.write_text(FILE)

    def run(reading: FakeReading, *arguments: str) -> int | str | None:
        monkeypatch.setattr(command, "_reading", lambda *_: reading)
        with pytest.raises(SystemExit) as ended:
            main(["lag", "--config", str(file), *arguments])
        return ended.value.code

    return run


OLD = "one: the oldest unfinished record is older than 4 s, or not known: events[0]\n"
Typed = Callable[..., "int | str | None"]


def test_the_command_shows_a_table(typed: Typed, capsys: pytest.CaptureFixture[str]) -> None:
    """After two looks; what could not be told is on stderr."""
    reading = FakeReading(look(missing=("gone",)))
    assert typed(reading, "--interval", "0.01") == 0
    printed = capsys.readouterr()
    assert (reading.glances, reading.is_closed, len(printed.out.splitlines())) == (1, True, 4)
    assert printed.err == "warning: topic gone does not exist\nwarning: a right is missing\n"


@pytest.mark.parametrize(
    ("found", "arguments", "code", "says"),
    [
        (look(), ("--max-lag", "3", "--max-age", "5s"), 0, ""),
        (look(), ("--max-lag", "2"), 1, "one: lag 3 is above 2\n"),
        (
            look(),
            ("--max-age", "4s"),
            1,
            "one: the oldest unfinished record is older than 4 s, or not known: events[0]\n",
        ),
        (look(missing=("gone",)), ("--max-lag", "3"), 1, "not known of topics that do not exist: gone\n"),
        (look(missing=("gone",)), (), 0, ""),
    ],
)
def test_bounds_decide_the_exit_code(
    found: Lag,
    arguments: tuple[str, ...],
    code: int,
    says: str,
    typed: Typed,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With JSON on stdout all the same; one look is enough for them."""
    reading = FakeReading(found)
    assert typed(reading, "--json", "--interval", "0", *arguments) == code
    printed = capsys.readouterr()
    assert (json.loads(printed.out)["destinations"]["one"]["lag"], printed.err, reading.glances) == (3, says, 0)


def test_watching_goes_on_when_kafka_is_away(typed: Typed, capsys: pytest.CaptureFixture[str]) -> None:
    """Until Ctrl-C, or an error that no waiting mends; a bound beside it is refused."""
    away = BrokerError("no answer", code="_TRANSPORT", fatal=False)
    reading = FakeReading(look(1), away, look(2), KeyboardInterrupt())
    assert typed(reading, "--watch", "--json", "--interval", "0") == 130
    printed = capsys.readouterr()
    lags = [json.loads(line)["destinations"]["one"]["lag"] for line in printed.out.splitlines()]
    assert (lags, printed.err, reading.is_closed) == ([1, 2], "Kafka: no answer\n", True)
    assert typed(FakeReading(BrokerError("no right", code="X", fatal=True)), "--watch") == 1
    assert capsys.readouterr().err == "Kafka: no right\n"
    assert typed(FakeReading(), "--watch", "--max-lag", "1") == 2


def test_a_terminal_is_drawn_anew(
    typed: Typed, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its upper left corner."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert typed(FakeReading(look(), KeyboardInterrupt()), "--watch", "--interval", "0") == 130
    assert capsys.readouterr().out.startswith("\x1b[H\x1b[Jat 1970-01-01T00:00:00Z\n")
