"""What a dead letter is, and how it looks as a Kafka message.

The original key, value and headers are kept as they are; what is said about them stands in headers that begin with
`segment-bridge-`, described by `schemas/dead-letter-headers.schema.json`. A header of the original that begins so, as
when a letter was sent again and failed again, gets `original-` in front, and one that begins with that gets another.
So ours are never mistaken for theirs, and `original_headers` gives back exactly what the record had.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from processor.model import Headers, Record

PREFIX: Final = "segment-bridge-"
MAX_TEXT_BYTES: Final = 1024
"""Longest message and longest excerpt of an answer, in bytes."""

_ESCAPE: Final = "original-"
_OURS_OR_ESCAPED: Final = re.compile(rf"(?:{_ESCAPE})*{PREFIX}")
_ESCAPED: Final = re.compile(rf"(?:{_ESCAPE})+{PREFIX}")

Mask = Callable[[str], str]
"""Returns a text with every secret in it made unreadable."""


class DeadLetter(Struct, frozen=True, gc=False, kw_only=True):
    """A record that cannot be delivered, and why.

    `message` is safe to log. `status` and `answer` are the vendor's, where it answered; `answer` may be the whole body,
    unmasked, until the letter is `sealed`. `attempt_count` is zero where the record was refused before anything was
    sent. `time_ms` is when it was given up. `original_bytes` is None where `record` is the original; else the size of
    its value, of which `record` holds no more than the destination's privacy leaves: no key, no headers, and as value
    the event after it, or nothing.
    """

    record: Record
    reason: str
    destination: str
    version: str
    mapping_hash: str
    time_ms: int
    message: str = ""
    subscription: str = ""
    status: int | None = None
    answer: bytes = b""
    attempt_count: int = 0
    original_bytes: int | None = None


class Form(Enum):
    """How much of the original a message carries: the next one is tried when the topic finds this one too large."""

    WHOLE = "whole"
    WITHOUT_VALUE = "without_value"
    BARE = "bare"
    """Neither value nor key nor headers of the original: its coordinates and the reason alone."""

    @property
    def smaller(self) -> Form | None:
        """Return the next smaller form, None when there is none."""
        return {Form.WHOLE: Form.WITHOUT_VALUE, Form.WITHOUT_VALUE: Form.BARE}.get(self)


class Message(Struct, frozen=True, gc=False):
    """What is handed to the Kafka client."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, str | bytes | None]]


def sealed(letter: DeadLetter, mask: Mask) -> DeadLetter:
    """Return the letter with no more of the answer than is written, and nothing secret in it."""
    return replace(letter, answer=excerpt(letter.answer, mask).encode()) if letter.answer else letter


def message_of(letter: DeadLetter, form: Form) -> Message:
    """Return a sealed letter as a Kafka message in this form."""
    record = letter.record
    ours = [(PREFIX + name, text.encode("utf-8", "replace")) for name, text in _said(letter, form)]
    if form is Form.BARE:
        return Message(None, None, [*ours])
    kept = [(_escaped(name), value) for name, value in record.headers]
    return Message(record.key, record.value if form is Form.WHOLE else None, [*kept, *ours])


def original_headers(headers: Iterable[tuple[str, bytes | None]]) -> Headers:
    """Return the headers that the record of a dead letter had, as it had them."""
    return tuple(
        (name.removeprefix(_ESCAPE) if _ESCAPED.match(name) else name, value)
        for name, value in headers
        if not name.startswith(PREFIX)
    )


def letter_headers(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    """Return what a dead letter says about its record, by header name: the object that the schema describes."""
    return {name: (value or b"").decode() for name, value in headers if name.startswith(PREFIX)}


def excerpt(answer: bytes, mask: Mask) -> str:
    """Return the beginning of an answer with its secrets masked.

    Masked first and cut then: the other way round, half a secret at the cut would pass.
    """
    return _cut(mask(answer.decode("utf-8", "replace")))


def _escaped(name: str) -> str:
    return _ESCAPE + name if _OURS_OR_ESCAPED.match(name) else name


def _said(letter: DeadLetter, form: Form) -> list[tuple[str, str]]:
    record = letter.record
    said = [
        ("reason", letter.reason),
        ("message", _cut(letter.message)),
        ("destination", letter.destination),
        ("source-topic", record.topic),
        ("source-partition", str(record.partition)),
        ("source-offset", str(record.offset)),
        ("source-timestamp-ms", str(record.timestamp_ms)),
        ("event-index", str(record.event_index)),
        ("attempt-count", str(letter.attempt_count)),
        ("version", letter.version),
        ("mapping-hash", letter.mapping_hash),
        ("time-ms", str(letter.time_ms)),
    ]
    return said + _said_if_known(letter) + _said_of_omissions(letter, form)


def _said_if_known(letter: DeadLetter) -> list[tuple[str, str]]:
    said = []
    if letter.subscription:
        said.append(("subscription", letter.subscription))
    if letter.status is not None:
        said.append(("status", str(letter.status)))
    if letter.answer:
        said.append(("answer", letter.answer.decode()))
    return said


def _said_of_omissions(letter: DeadLetter, form: Form) -> list[tuple[str, str]]:
    value = letter.record.value
    is_private = letter.original_bytes is not None
    omitted = [("privacy-applied", "true")] if is_private else []
    if form is not Form.WHOLE or (is_private and value is None):
        size_bytes = len(value or b"") if letter.original_bytes is None else letter.original_bytes
        omitted += [("value-omitted", "true"), ("value-bytes", str(size_bytes))]
    if form is Form.BARE or is_private:
        omitted += [("key-omitted", "true"), ("headers-omitted", "true")]
    return omitted


def _cut(text: str) -> str:
    encoded = text.encode("utf-8", "replace")
    return encoded[:MAX_TEXT_BYTES].decode("utf-8", "ignore")
