"""Dead letters where privacy covers them: what is left of a record, and that nothing else is."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any, cast

import pytest

from processor.destinations.plan import Plan
from processor.destinations.privacy import Privacy
from processor.destinations.privacy_settings import PrivacySettings
from processor.model import Needs, Record, Rejected
from processor.pipeline.letters import Letters
from processor.pipeline.ports import PipelineSettings
from processor.pipeline.redaction import redacted
from processor.source.decode import DecodedRun, Decoder, SchemaNeeded
from processor.source.decode_settings import DecodeSettings
from tests.fake_stages import FakeLetters, FakePlan
from tests.simulation import LoopClock
from tests.virtual_time import virtual

PRIVACY = Privacy(PrivacySettings(drop=("$.context.ip",), dead_letters=True))
EVENT = {"type": "track", "context": {"ip": "203.0.113.9", "page": {}}}
LEFT = {"type": "track", "context": {"page": {}}}


def _record(value: Any) -> Record:  # noqa: ANN401 - bytes as they are, None, or any JSON value
    """Return a record with key and headers."""
    data = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
    return Record("events", 1, 5, 99, b"ada@example.com", data, (("ip", b"203.0.113.9"),), event_index=2)


def _left(value: Any, event_path: str | None = None) -> Any:  # noqa: ANN401 - as above; any JSON value
    """Return the value that is left of a record's, GONE where none is; key and headers always go."""
    record = redacted(_record(value), Decoder(DecodeSettings(), event_path), PRIVACY)
    assert (record.key, record.headers) == (None, ())
    assert (record.topic, record.partition, record.offset, record.timestamp_ms, record.event_index) == (
        ("events", 1, 5, 99, 2)
    )
    return None if record.value is None else json.loads(record.value)


@pytest.mark.parametrize(
    ("value", "left"),
    [
        (EVENT, LEFT),
        ({"type": " Track", "context": {"ip": 1}}, {"type": " Track", "context": {}}),
        ({"type": "delete", "userId": "u"}, {"type": "delete", "userId": "u"}),
        ([EVENT], LEFT),
        ([EVENT, {"type": "page"}], [LEFT, {"type": "page"}]),
        ({"batch": [{"type": "page"}, {"type": "page"}], "context": {"ip": 1}}, [{"type": "page", "context": {}}] * 2),
        ({"type": "track", "half": "\ud800"}, {"type": "track", "half": "\ud800"}),
        (b'{"type": "track", "n": 1e999}', {"type": "track", "n": float("inf")}),
    ],
)
def test_events_are_kept_without_what_is_private(value: Any, left: Any) -> None:  # noqa: ANN401 - any JSON value
    """One event as it is, a batch body as the list of its events."""
    assert _left(value) == left


@pytest.mark.parametrize(
    "value",
    [
        None,
        b'{"type": "track", "context": {"ip": "203.0.113.9"}',
        b"\xff",
        b'"203.0.113.9"',
        b"[]",
        b'["203.0.113.9"]',
        {"ip": "203.0.113.9"},
        {"type": "", "ip": "203.0.113.9"},
        {"type": "login", "ip": "203.0.113.9"},
        {"payload": EVENT},
        {"batch": [EVENT, "203.0.113.9"]},
        {"batch": []},
        b'{"type": "track", "context": ' + b"[" * sys.getrecursionlimit() + b"]" * sys.getrecursionlimit() + b"}",
    ],
)
def test_what_is_no_event_is_left_out(value: Any) -> None:  # noqa: ANN401 - bytes or any JSON value
    """Paths say nothing of what is not a Segment call, so nothing of it is shown."""
    assert _left(value) is None


def test_a_wrapper_is_left_out() -> None:
    """Of a wrapped event the event alone is kept."""
    assert _left({"payload": {"event": EVENT}, "secret": 1}, "payload.event") == LEFT


class _Odd:
    """A decoder that gives what it is told."""

    def __init__(self, answer: Any) -> None:  # noqa: ANN401 - any JSON value, or an exception
        """Keep the answer."""
        self.answer = answer

    def decode(self, record: Record) -> list[tuple[Record, Any]]:
        """Return it."""
        if isinstance(self.answer, Exception):
            raise self.answer
        return [(record, self.answer)]

    def decode_run(self, records: Sequence[Record], needs: Needs | None) -> DecodedRun:
        """Return it for each record."""
        del needs
        return DecodedRun([self.decode(record) for record in records])

    async def fetch(self, schema_id: int) -> None:
        """Load nothing."""


@pytest.mark.parametrize(
    "answer", [SchemaNeeded(7), {"type": "track", "n": float("nan")}], ids=["schema_forgotten", "not_a_number"]
)
def test_what_cannot_be_decoded_again_or_written_is_left_out(answer: Any) -> None:  # noqa: ANN401 - as above
    """A schema that is not known any more, or a number that JSON has no word for, costs the value, not the letter."""
    assert redacted(_record(EVENT), _Odd(answer), PRIVACY).value is None


@virtual
async def test_letters_are_redacted_only_when_asked() -> None:
    """Without privacy a letter has the record itself; with it the event, its true size, and the same coordinates."""
    record = _record(EVENT)
    for privacy in (None, PRIVACY):
        sink = FakeLetters()
        plan = FakePlan()
        plan.letter_privacy = privacy
        letters = Letters(PipelineSettings("d", "1", 1.0), Decoder(DecodeSettings()), sink, LoopClock())
        letters.send(record, cast("Plan", plan), Rejected("no_identity"), None, 0, lambda: None)
        await asyncio.sleep(0)
        (letter,) = sink.letters
        if privacy is None:
            assert (letter.record, letter.original_bytes) == (record, None)
        else:
            assert json.loads(letter.record.value or b"") == LEFT
            assert letter.original_bytes == len(record.value or b"")
