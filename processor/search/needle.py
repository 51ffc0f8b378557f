"""Events of one `messageId`: whether a record may hold one, by its bytes alone, and whether an event is one.

Most records are told apart by a search in their bytes, which costs a thousandth of decoding them.
"""

from __future__ import annotations

import base64
import uuid
from contextlib import suppress
from typing import Any, Final

from processor.destinations.text import id_text

_UNICODE_ESCAPE: Final = b"\\u"
"""May spell any character of a text in JSON; in JSON within JSON it stands there as well."""
_BACKSLASH: Final = b"\\"
_ESCAPED_ANYHOW: Final = frozenset('"\\/\b\f\n\r\t')
"""Characters that JSON may or must write by a backslash of their own."""


class Needle:
    """What is looked for."""

    def __init__(self, message_id: str) -> None:
        """Look for events of this id."""
        self.message_id = message_id
        self._spellings = tuple(dict.fromkeys(_spellings(message_id)))
        is_plain = not any(char in _ESCAPED_ANYHOW or char < " " for char in message_id)
        self._escape = _UNICODE_ESCAPE if is_plain else _BACKSLASH
        self._is_number = id_text(_number(message_id)) == message_id

    def is_in(self, value: bytes) -> bool:
        """Return whether the id stands in these bytes as it is written most."""
        return any(spelling in value for spelling in self._spellings)

    def may_be_in(self, value: bytes, *, is_json: bool) -> bool:
        """Return whether an event of the id may be in a value; never false where one is.

        In Avro a number has no digits, so nothing can be told there of an id that is one. In JSON an integer id is
        looked for by its digits: written with an exponent it is not found.
        """
        return self.is_in(value) or self._escape in value or (self._is_number and not is_json)

    def is_of(self, event: Any) -> bool:  # noqa: ANN401 - any JSON value
        """Return whether an event has the id, a number as vendors get to see it."""
        return isinstance(event, dict) and id_text(event.get("messageId")) == self.message_id


def _spellings(message_id: str) -> list[bytes]:
    """Return the bytes that an id may be kept as: its text, or what Avro's types give that text for."""
    found = [message_id.encode("utf-8", "surrogatepass")]
    with suppress(ValueError):
        found.append(uuid.UUID(message_id).bytes)
    with suppress(ValueError):  # binascii's own error is one
        found.append(base64.b64decode(message_id, validate=True))
    return [spelling for spelling in found if spelling]


def _number(text: str) -> int | float | None:
    """Return the number that a text is, None where it is none."""
    try:
        return int(text) if text.lstrip("-").isdigit() else float(text)
    except ValueError:
        return None
