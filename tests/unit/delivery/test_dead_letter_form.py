"""How a dead letter looks as a Kafka message."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from processor.delivery.dead_letter_form import (
    DeadLetter,
    Form,
    excerpt,
    letter_headers,
    message_of,
    original_headers,
    sealed,
)
from processor.model import Record

SCHEMA = json.loads((Path(__file__).parents[3] / "schemas" / "dead-letter-headers.schema.json").read_text())
RECORD = Record("events", 3, 42, 1_700_000_000_123, b"user-1", b'{"type":"track"}', (("trace", b"t"), ("none", None)))
LETTER = DeadLetter(
    record=RECORD,
    reason="http_400",
    message="the vendor refused it",
    destination="moesif-prod",
    subscription="track",
    status=400,
    answer=b'{"error":"key sk-1 says no"}',
    attempt_count=2,
    version="1.0.0",
    mapping_hash="0123456789ab",
    time_ms=1_700_000_001_000,
)
SAID = {
    "segment-bridge-reason": "http_400",
    "segment-bridge-message": "the vendor refused it",
    "segment-bridge-destination": "moesif-prod",
    "segment-bridge-subscription": "track",
    "segment-bridge-status": "400",
    "segment-bridge-answer": '{"error":"key *** says no"}',
    "segment-bridge-source-topic": "events",
    "segment-bridge-source-partition": "3",
    "segment-bridge-source-offset": "42",
    "segment-bridge-source-timestamp-ms": "1700000000123",
    "segment-bridge-event-index": "0",
    "segment-bridge-attempt-count": "2",
    "segment-bridge-version": "1.0.0",
    "segment-bridge-mapping-hash": "0123456789ab",
    "segment-bridge-time-ms": "1700000001000",
}
BEFORE_ANY_REQUEST = DeadLetter(
    record=Record("events", 0, 0, -1),
    reason="null_value",
    destination="d",
    version="1",
    mapping_hash="0123456789ab",
    time_ms=0,
)
PRIVATE = DeadLetter(
    record=Record("events", 3, 42, 1_700_000_000_123, value=b'{"type":"track"}'),
    reason="no_identity",
    destination="d",
    version="1",
    mapping_hash="0123456789ab",
    time_ms=0,
    original_bytes=90,
)
WITHHELD = msgspec.structs.replace(PRIVATE, record=msgspec.structs.replace(PRIVATE.record, value=None))
HIDDEN = {
    "segment-bridge-privacy-applied": "true",
    "segment-bridge-key-omitted": "true",
    "segment-bridge-headers-omitted": "true",
}
OMITTED = {"segment-bridge-value-omitted": "true", "segment-bridge-value-bytes": "90"}


def _mask(text: str) -> str:
    return text.replace("sk-1", "***")


def _headers(letter: DeadLetter, form: Form = Form.WHOLE) -> dict[str, str]:
    return letter_headers(_pairs(message_of(sealed(letter, _mask), form).headers))


def _pairs(headers: list[tuple[str, str | bytes | None]]) -> list[tuple[str, bytes | None]]:
    """Return headers as a consumer gives them."""
    return [(name, value.encode() if isinstance(value, str) else value) for name, value in headers]


def test_the_original_is_kept_and_all_is_said() -> None:
    """Key, value and headers are the record's own, and everything that is known stands in ours, secrets masked."""
    message = message_of(sealed(LETTER, _mask), Form.WHOLE)
    assert (message.key, message.value) == (b"user-1", b'{"type":"track"}')
    assert message.headers[:2] == [("trace", b"t"), ("none", None)]
    assert letter_headers(_pairs(message.headers)) == SAID


def test_what_is_not_known_is_not_said() -> None:
    """A record refused before any request has no status, answer or subscription; a null value stays null."""
    message = message_of(sealed(BEFORE_ANY_REQUEST, _mask), Form.WHOLE)
    assert (message.key, message.value) == (None, None)
    absent = {f"segment-bridge-{name}" for name in ("status", "answer", "subscription")}
    assert set(letter_headers(_pairs(message.headers))) == set(SAID) - absent


def test_a_letter_without_its_value_says_so() -> None:
    """The value is left out, its size stands instead, and key and headers stay."""
    message = message_of(sealed(LETTER, _mask), Form.WITHOUT_VALUE)
    omitted = {"segment-bridge-value-omitted": "true", "segment-bridge-value-bytes": "16"}
    assert (message.key, message.value) == (b"user-1", None)
    assert original_headers(_pairs(message.headers)) == RECORD.headers
    assert _headers(LETTER, Form.WITHOUT_VALUE) == SAID | omitted


def test_a_bare_letter_has_nothing_of_the_original() -> None:
    """What remains is what we say, with the coordinates of the original."""
    message = message_of(sealed(LETTER, _mask), Form.BARE)
    assert (message.key, message.value, original_headers(_pairs(message.headers))) == (None, None, ())
    assert _headers(LETTER, Form.BARE) == SAID | {
        "segment-bridge-value-omitted": "true",
        "segment-bridge-value-bytes": "16",
        "segment-bridge-key-omitted": "true",
        "segment-bridge-headers-omitted": "true",
    }


@pytest.mark.parametrize(
    ("letter", "form", "said"),
    [
        (PRIVATE, Form.WHOLE, HIDDEN),
        (PRIVATE, Form.WITHOUT_VALUE, HIDDEN | OMITTED),
        (PRIVATE, Form.BARE, HIDDEN | OMITTED),
        (WITHHELD, Form.WHOLE, HIDDEN | OMITTED),
    ],
)
def test_a_private_letter_says_what_is_not_the_records(letter: DeadLetter, form: Form, said: dict[str, str]) -> None:
    """Key and headers are marked as left out in every form, and so is a value that is withheld, with its true size."""
    headers = _headers(letter, form)
    assert {name: text for name, text in headers.items() if "omitted" in name or name in HIDDEN | OMITTED} == said
    message = message_of(sealed(letter, _mask), form)
    assert (message.key, message.value) == (None, letter.record.value if form is Form.WHOLE else None)


def test_forms_get_smaller_until_there_is_none() -> None:
    """Each form has a next smaller one, the last has none."""
    assert [form.smaller for form in Form] == [Form.WITHOUT_VALUE, Form.BARE, None]


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize(
    "letter", [LETTER, BEFORE_ANY_REQUEST, PRIVATE, WITHHELD], ids=["answered", "not_sent", "private", "withheld"]
)
def test_headers_are_as_the_schema_says(letter: DeadLetter, form: Form) -> None:
    """Every letter in every form satisfies the published schema."""
    assert list(_problems(_headers(letter, form))) == []


@pytest.mark.parametrize(
    "change",
    [
        {"segment-bridge-status": "none"},
        {"segment-bridge-surprise": "x"},
        {"segment-bridge-value-omitted": "true"},
        {"segment-bridge-key-omitted": "true", "segment-bridge-headers-omitted": "true"},
        {"segment-bridge-source-offset": ""},
    ],
)
def test_the_schema_refuses_other_headers(change: dict[str, str]) -> None:
    """The schema says something: other headers do not satisfy it."""
    assert list(_problems(SAID | change)) != []
    assert list(_problems({name: text for name, text in SAID.items() if name not in change} | change)) != []


def _problems(headers: dict[str, Any]) -> list[str]:
    return [problem.message for problem in Draft202012Validator(SCHEMA).iter_errors(headers)]


def test_every_documented_header_is_produced() -> None:
    """The schema names no header that no letter ever has."""
    produced = {
        name for letter in (LETTER, BEFORE_ANY_REQUEST, PRIVATE) for form in Form for name in _headers(letter, form)
    }
    assert produced == set(SCHEMA["properties"])


@given(
    st.lists(
        st.tuples(
            st.tuples(
                st.sampled_from(["", "original-", "original-original-"]),
                st.sampled_from(["", "segment-bridge-"]),
                st.text(),
            ).map("".join),
            st.none() | st.binary(),
        )
    )
)
def test_the_original_headers_come_back(headers: list[tuple[str, bytes | None]]) -> None:
    """Whatever the record's headers are called, also like ours, they come back in order and none passes for ours."""
    letter = msgspec.structs.replace(LETTER, record=msgspec.structs.replace(RECORD, headers=tuple(headers)))
    message = message_of(sealed(letter, _mask), Form.WHOLE)
    assert original_headers(_pairs(message.headers)) == tuple(headers)
    assert letter_headers(_pairs(message.headers)) == SAID


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"a" * 2000, "a" * 1024),
        ("ä".encode() * 600, "ä" * 512),
        (b"a" + "ä".encode() * 600, "a" + "ä" * 511),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"a" * 1022 + b"sk-1", "a" * 1022 + "**"),
        (b"sk-1" * 1000, ("***" * 1000)[:1024]),
    ],
)
def test_an_excerpt_is_masked_before_it_is_cut(answer: bytes, expected: str) -> None:
    """A kibibyte of text at most, no half character, and no half secret at the cut."""
    assert excerpt(answer, _mask) == expected


def test_a_long_message_is_cut() -> None:
    """Our own words are bounded as well, so that a letter without its value always fits."""
    letter = msgspec.structs.replace(LETTER, message="\ud800" + "m" * 5000)
    assert _headers(letter)["segment-bridge-message"] == "?" + "m" * 1023
