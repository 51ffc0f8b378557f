"""How far destinations are with a copy, what they make of it, and the command that tells it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from confluent_kafka import Consumer, Message

from processor.cli import where as command
from processor.cli.main import main
from processor.delivery.dead_letter_form import DeadLetter, Form, message_of
from processor.lag.figures import OFFSETS_LOST
from processor.model import Record
from processor.search.report import as_json, text_lines
from processor.search.scan import Found
from processor.search.whereabouts import (
    BEFORE_START,
    NOT_READ,
    NOT_YET,
    PASSED,
    Copy,
    Whereabouts,
    outcome_text,
    whereabouts,
)
from processor.settings import Settings, load_without_secrets
from processor.source.clients import Clients
from processor.source.orders import GIVEN, ORDER, Order, Wanted, encode_key
from tests.fake_kafka import FakeKafka
from tests.fake_topics import FakeTopicReader
from tests.group_clients import GroupClients

EVENT = {"type": "track", "event": "E", "userId": "u", "messageId": "m-1"}
LETTERS = "segment-bridge.dead-letters"
GROUP = "segment-bridge.one"


def settings(folder: Path, start: str = "latest", **own: str) -> Settings:
    """Return the settings of one destination."""
    file = folder / "bridge.yaml"
    more = "".join(f", {key}: {value}" for key, value in own.items())
    vendor = "type: moesif, settings: {application_id: {env: NO_KEY}}"
    file.write_text(
        "kafka: {bootstrap_servers: 'x:1', topics: [events]}\n"
        f"destinations: {{one: {{{vendor}, start: {start}{more}}}}}\n"
    )
    return load_without_secrets(file)


class World:
    """A topic with one copy of the event at offset 4, and perhaps a dead-letter topic."""

    def __init__(self, value: bytes = json.dumps(EVENT).encode()) -> None:
        """Begin without dead letters and without offsets."""
        self.kafka = FakeKafka()
        self.kafka.add("events", 5)
        self.clients = GroupClients(self.kafka, {})
        self._reads("events", 4, value)

    def _reads(self, topic: str, offset: int, value: bytes | None, headers: Any = None) -> None:  # noqa: ANN401 - the client's own
        message = Message(
            topic=topic, partition=0, offset=offset, key=b"k", value=value, timestamp=(1, 7_000), headers=headers
        )
        self.clients.topic_readers.append(cast("Consumer", FakeTopicReader(self.kafka, message)))

    def add_letter(self) -> None:
        """Put the dead letter of the copy in the topic for them."""
        self.kafka.add(LETTERS, 1)
        letter = DeadLetter(
            record=Record("events", 0, 4, 7_000, b"k", b"x"),
            reason="http_400",
            message="refused",
            destination="one",
            version="1",
            mapping_hash="h",
            time_ms=9_000,
            status=400,
        )
        message = message_of(letter, Form.BARE)
        headers = [(name, text if isinstance(text, bytes) else str(text).encode()) for name, text in message.headers]
        self._reads(LETTERS, 0, None, headers)

    def found(self, own: Settings, message_id: str = "m-1", since: str = "earliest") -> Whereabouts:
        """Return where the event is."""
        counts: list[int] = []

        def counted(records: Iterable[Record], most: int) -> Iterable[Record]:
            counts.append(most)
            return records

        def make(_kafka: object, _group: str) -> Clients:
            return cast("Clients", self.clients)

        found = whereabouts(own, message_id, since, (), counted, make_clients=make)
        assert counts[0] == 5
        return found


def test_a_copy_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    """For people and for programs; nothing of the event is in either."""
    world = World()
    world.kafka.committed = {("events", 0): (5, "id-1")}
    world.add_letter()
    found = world.found(settings(tmp_path))
    assert as_json(found) == {
        "message_id": "m-1",
        "since": "earliest",
        "found": True,
        "copies": [
            {
                "topic": "events",
                "partition": 0,
                "offset": 4,
                "timestamp_ms": 7_000,
                "event_index": None,
                "undecodable": None,
                "destinations": {
                    "one": {
                        "progress": "passed",
                        "committed": 5,
                        "records_before_it": None,
                        "paused_by": None,
                        "start_ms": None,
                        "sends": ["sendAction"],
                        "skipped": None,
                        "rejected": None,
                    }
                },
            }
        ],
        "dead_letters": [
            {
                "destination": "one",
                "reason": "http_400",
                "message": "refused",
                "status": 400,
                "subscription": None,
                "time_ms": 9_000,
                "topic": LETTERS,
                "partition": 0,
                "offset": 0,
                "source": {"topic": "events", "partition": 0, "offset": 4},
                "is_of_batch_body": False,
            }
        ],
        "has_dead_letter_topic": True,
        "untold": [],
    }
    refusal = "http_400 (status 400): refused"
    assert list(text_lines(found, LETTERS)) == [
        "events[0] at offset 4, written 1970-01-01T00:00:07.000Z",
        "  one: passed (committed 5); by the mapping of now: sends sendAction",
        f"dead letter of one at {LETTERS}[0] offset 0, 1970-01-01T00:00:09.000Z, for events[0] offset 4: {refusal}",
    ]


@pytest.mark.parametrize(
    ("committed", "start", "founded", "progress", "ahead"),
    [
        (5, "latest", 0, PASSED, None),
        (4, "latest", 0, NOT_YET, 0),
        (1, "latest", 0, NOT_YET, 3),
        (None, "latest", 0, BEFORE_START, None),
        (None, "earliest", 0, NOT_YET, 4),
        (None, "earliest", 1, OFFSETS_LOST, None),
    ],
)
def test_how_far_a_destination_is(
    committed: int | None, start: str, founded: int, progress: str, ahead: int | None, tmp_path: Path
) -> None:
    """By its offset, or by where it would begin."""
    world = World()
    if committed is not None:
        world.kafka.committed = {("events", 0): (committed, "id-1")}
    if founded:
        world.kafka.add_founding("events", group=GROUP)
    (copy,) = world.found(settings(tmp_path, start)).copies
    (fate,) = copy.fates
    assert (progress, committed, ahead) == (fate.progress, fate.committed, fate.ahead_count)


@pytest.mark.parametrize(
    ("start", "at_ms", "begun_ms"),
    [
        ("latest", 7_001, 7_001),
        ("latest", 7_000, None),
        ("earliest", 9_000, None),
        ("1970-01-01T00:00:08Z", 6_000, 8_000),
        ("1970-01-01T00:00:06Z", 9_000, None),
    ],
)
def test_what_was_written_before_the_start_was_perhaps_never_read(
    start: str, at_ms: int, begun_ms: int | None, tmp_path: Path
) -> None:
    """Nobody is told that an event was delivered that the destination perhaps never read: it began behind it."""
    world = World()
    world.kafka.committed = {("events", 0): (5, "id-1")}
    world.kafka.add_founding("events", group=GROUP, start=start, at_ms=at_ms)
    found = world.found(settings(tmp_path))
    line = list(text_lines(found, LETTERS))[1]
    assert (begun_ms is not None) == ("passed (committed 5), but written before 1970-01-01T00:00:0" in line)
    assert begun_ms == as_json(found)["copies"][0]["destinations"]["one"]["start_ms"]


def test_who_keeps_it_waiting_is_told(tmp_path: Path) -> None:
    """A copy that is not done waits for the operator who has paused the destination, and says so."""
    world = World()
    world.kafka.committed = {("events", 0): (4, "id-1")}
    world.kafka.add_founding("events", group=GROUP)
    order = Order("o1", Wanted.PAUSED, "ann", 1_000, "vendor migrates")
    world.kafka.control.append((encode_key(GROUP, ORDER, GIVEN), msgspec.json.encode(order)))
    found = world.found(settings(tmp_path))
    line = list(text_lines(found, LETTERS))[1]
    assert "not yet (committed 4, 0 records before it), paused by ann (vendor migrates);" in line
    assert as_json(found)["copies"][0]["destinations"]["one"]["paused_by"] == "ann (vendor migrates)"


@pytest.mark.parametrize(
    ("value", "own", "committed", "expected"),
    [
        (EVENT, {}, 5, "sends sendAction"),
        (EVENT, {}, 4, "dead letter, event_too_old"),
        ({**EVENT, "type": "group"}, {}, 5, "dead letter, missing_group_id"),
        (EVENT, {"subscriptions": "[]"}, 5, "skipped, no_subscription"),
        (b'{"messageId":"m-1"', {}, 5, "dead letter, invalid_json"),
    ],
)
def test_what_a_destination_makes_of_it(
    value: Any,  # noqa: ANN401 - any JSON value
    own: dict[str, str],
    committed: int,
    expected: str,
    tmp_path: Path,
) -> None:
    """By the file as it is; what is behind was young when it was sent, and what is to come is as old as it is."""
    world = World(value if isinstance(value, bytes) else json.dumps(value).encode())
    world.kafka.committed = {("events", 0): (committed, "id-1")}
    (copy,) = world.found(settings(tmp_path, **own)).copies
    assert [expected] == [outcome_text(fate) for fate in copy.fates]


def test_what_is_nowhere(tmp_path: Path) -> None:
    """Is said with how far back was looked."""
    found = World().found(settings(tmp_path), "m-2")
    assert (found.is_found, found.has_letter_topic) == (False, False)
    assert list(text_lines(found, LETTERS)) == [
        "m-2: not found since earliest, neither as an event nor as a dead letter"
    ]


def test_a_topic_of_nobody_is_not_read(tmp_path: Path) -> None:
    """By no destination of the file."""
    own, world = settings(tmp_path), World()
    world.kafka.add("other", 5)
    world.clients.topic_readers.clear()
    world._reads("other", 4, json.dumps(EVENT).encode())
    clients = cast("Clients", world.clients)
    found = whereabouts(own, "m-1", "earliest", ["other"], lambda records, _: records, make_clients=lambda *_: clients)
    assert [fate.progress for copy in found.copies for fate in copy.fates] == [NOT_READ]
    assert list(text_lines(found, LETTERS))[-1] == f"{LETTERS}: none of them can be: it does not exist"


def answer(*events: object) -> Whereabouts:
    """Return an answer with copies of these events."""
    copies = [Copy(Found(Record("events", 0, 4, -1), (), one, "" if one else "invalid_json"), []) for one in events]
    return Whereabouts("m-1", "then", copies, [], True, ["a right is missing"])  # noqa: FBT003 - a tuple's field


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int | str | None]:
    """Return what runs the command with an answer, and gives its exit code."""
    settings(tmp_path)

    def run(found: Whereabouts, *arguments: str) -> int | str | None:
        monkeypatch.setattr(command, "_found", lambda *_: found)
        with pytest.raises(SystemExit) as ended:
            main(["where", "--message-id", "m-1", "--config", str(tmp_path / "bridge.yaml"), *arguments])
        return ended.value.code

    return run


def test_the_command(typed: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    """Text, JSON, or the event alone, for `explain`."""
    assert typed(answer(EVENT)) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[0] == "events[0] at offset 4, written at an unknown time"
    assert "--event" in printed.out.splitlines()[-1]
    assert printed.err == "warning: a right is missing\n"
    assert typed(answer(EVENT), "--json") == 0
    assert json.loads(capsys.readouterr().out)["found"] is True
    assert typed(answer(None, EVENT, EVENT), "--event") == 0
    assert json.loads(capsys.readouterr().out) == EVENT
    assert typed(answer(None), "--event") == 1
    assert capsys.readouterr().out == ""
    assert typed(answer()) == 1


@pytest.mark.parametrize(("since", "seconds"), [("2h", 7_200), ("1d", 86_400)])
def test_how_far_back_is_counted_from_now(since: str, seconds: int) -> None:
    """In whole seconds, with a zone."""
    begun = command._begin(since)
    assert begun.endswith("Z")
    assert abs(datetime.fromisoformat(begun).timestamp() - (time.time() - seconds)) < 5
    assert command._begin("9999999w") == "earliest"
    assert command._begin("earliest") == "earliest"
    assert command._begin("2026-01-31T08:00:00Z") == "2026-01-31T08:00:00Z"
