"""Copies of an event among records, and its dead letters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from processor.delivery.dead_letter_form import DeadLetter, Form, message_of
from processor.model import Record
from processor.search.letters import letters_of
from processor.search.needle import Needle
from processor.search.scan import MOST_FOUND, Found, readers, scan
from processor.settings import DestinationSettings, load_without_secrets

NEEDLE = Needle("m-1")


def destinations(folder: Path, **others: str) -> dict[str, DestinationSettings]:
    """Return destinations by name, each with more of its settings."""
    own = "type: moesif, start: latest, settings: {application_id: {env: NO_KEY}}"
    lines = "".join(f"  {name}: {{{own}{more}}}\n" for name, more in others.items())
    file = folder / "bridge.yaml"
    file.write_text(f"kafka: {{bootstrap_servers: 'x:1', topics: [t]}}\ndestinations:\n{lines}")
    return dict(load_without_secrets(file).destinations)


def event(message_id: str, **more: object) -> dict[str, Any]:
    """Return an event."""
    return {"type": "track", "event": "E", "userId": "u", "messageId": message_id, **more}


def record(offset: int, value: object) -> Record:
    """Return a record with a JSON value, or with these bytes."""
    return Record("t", 0, offset, 1_000, b"k", value if isinstance(value, bytes) else json.dumps(value).encode())


def places(found: list[Found]) -> list[tuple[int, int, tuple[str, ...]]]:
    """Return offset, position in a batch body, and who sees it."""
    return [(one.place[2], one.place[3], one.destinations) for one in found]


def test_all_copies_are_found_wherever_they_stand(tmp_path: Path) -> None:
    """Plain, in batch bodies, among others; a mention elsewhere in an event is no copy, a missing value none either."""
    how = readers(destinations(tmp_path, a="", b=""))
    batch = {"batch": [event("m-0"), event("m-1"), event("m-1")], "sentAt": "2026-01-31T08:00:00Z"}
    values = [event("m-1"), event("m-0", properties={"messageId": "m-1"}), batch, [event("m-1")], event("m-10")]
    records = [*(record(offset, value) for offset, value in enumerate(values)), Record("t", 0, 9, 0, b"k", None)]
    found = list(scan(records, NEEDLE, how))
    both = ("a", "b")
    assert places(found) == [(0, 0, both), (2, 1, both), (2, 2, both), (3, 0, both)]
    assert [one.event["messageId"] for one in found] == ["m-1"] * 4


def test_each_destination_reads_in_its_own_way(tmp_path: Path) -> None:
    """A wrapped event is one only for who unwraps it; those that read alike share a decoder."""
    how = readers(destinations(tmp_path, plain="", wrapped=", event_path: payload", too=", event_path: payload"))
    assert [reader.destinations for reader in how] == [("plain",), ("wrapped", "too")]
    records = [record(0, {"payload": json.dumps(event("m-1"))}), record(1, event("m-1"))]
    found = list(scan(records, NEEDLE, how))
    assert [(one.place[2], one.destinations, one.reason) for one in found] == [
        (0, ("wrapped", "too"), ""),
        (1, ("plain",), ""),
        (1, ("wrapped", "too"), "event_missing"),
    ]


def test_a_record_that_cannot_be_decoded_is_told_where_it_holds_the_id(tmp_path: Path) -> None:
    """That it may hold it by an escape is not enough."""
    how = readers(destinations(tmp_path, a=""))
    records = [record(0, b'{"messageId":"m-1"'), record(1, b'{"messageId":"\\u006d-1"')]
    (found,) = scan(records, NEEDLE, how)
    assert (found.place[2], found.event, found.reason) == (0, None, "invalid_json")


def test_what_is_kept_is_bounded(tmp_path: Path) -> None:
    """An id of everything fills no memory."""
    how = readers(destinations(tmp_path, a=""))
    records = (record(offset, event("m-1")) for offset in range(10 * MOST_FOUND))
    assert len(list(scan(records, NEEDLE, how))) == MOST_FOUND
    assert next(records).offset == MOST_FOUND


def letter(source: Record, form: Form = Form.WHOLE, *, number: int = 0, destination: str = "a") -> Record:
    """Return a record of the dead-letter topic."""
    said = DeadLetter(
        record=source,
        reason="http_400",
        destination=destination,
        version="1",
        mapping_hash="h",
        time_ms=7_000,
        message="refused",
        status=400,
        subscription="All",
    )
    message = message_of(said, form)
    headers = tuple((name, text.encode() if isinstance(text, str) else text) for name, text in message.headers)
    return Record("letters", 1, number, 8_000, message.key, message.value, headers)


def test_letters_are_found_by_place_and_by_event(tmp_path: Path) -> None:
    """Without a value by the place of a copy; with one also when the copy has expired; a batch body has one letter."""
    how = readers(destinations(tmp_path, a=""))
    body = record(3, {"batch": [event("m-0"), event("m-1")]})
    kept, gone = record(5, event("m-1")), record(1, event("m-1"))
    found = list(scan([body, kept], NEEDLE, how))
    records = [
        letter(kept, Form.BARE, number=0),
        letter(gone, number=1),
        letter(gone, Form.WITHOUT_VALUE, number=2),
        letter(body, Form.BARE, number=3),
        letter(Record("t", 0, 2, 0, b"k", body.value), number=4),
        letter(record(6, event("m-0")), number=5),
        letter(gone, number=6, destination="of another file"),
        Record("letters", 1, 7, 0, b"k", json.dumps(event("m-1")).encode()),
        Record("letters", 1, 8, 0, b"k", b"x", (("segment-bridge-reason", b"\xff"),)),
    ]
    letters = list(letters_of(records, NEEDLE, found, how))
    assert [(one.offset, one.is_of_batch) for one in letters] == [
        (0, False),
        (1, False),
        (3, True),
        (4, True),
        (6, False),
    ]
    assert letters[0] == letters[0]._replace(
        topic="letters",
        partition=1,
        destination="a",
        reason="http_400",
        message="refused",
        time_ms=7_000,
        source=("t", 0, 5),
        status=400,
        subscription="All",
    )


def test_letters_are_read_as_their_destination_reads(tmp_path: Path) -> None:
    """A wrapped event by its path, and what privacy has left of one as plain JSON."""
    how = readers(destinations(tmp_path, a=", event_path: payload"))
    records = [letter(record(1, {"payload": event("m-1")}), number=0), letter(record(1, event("m-1")), number=1)]
    assert [one.offset for one in letters_of(records, NEEDLE, [], how)] == [0, 1]
    odd = [("segment-bridge-source-offset", b"x"), ("segment-bridge-reason", b"r")]
    (found,) = letters_of([Record("l", 0, 0, 0, None, json.dumps(event("m-1")).encode(), tuple(odd))], NEEDLE, [], how)
    assert (found.source, found.time_ms, found.destination) == (("", None, None), None, "")
