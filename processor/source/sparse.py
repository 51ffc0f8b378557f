"""Decoding only what is needed of an event.

A payload is often a copy of a few members of its event, objects and all. Nobody looks into those objects, so making
Python objects of them and JSON of these again is two thirds of what such an event costs. Here a member that is only
handed on stays the bytes that it is, and one that nobody needs is passed over.

This reader is never the last word: what it does not know for certain to be sound it leaves to the one that reads
everything, which accepts or refuses the record as if it had been asked first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict

import msgspec

from processor.model import Event, Needs

_BACKSLASH = ord("\\")
_UNICODE_ESCAPE = b"\\u"


def sparse_decoder(needs: Needs, max_bytes: int) -> Callable[[bytes], Event | None]:
    """Return a function from a record's bytes to an event with the members of `needs` alone, or None.

    None says that the record has to be read as a whole: it has more than `max_bytes`, is no JSON object, perhaps a
    batch body, not sound JSON in UTF-8, or spells a character by its number, which may be half of one. Of a member that
    is handed on everything is checked but the range of its numbers: `1e999` is JSON, and stays what it is.
    It is always None where a needed member's name is not ASCII: `msgspec` would pass such a member over, and take one
    without a name for it.
    """
    members = {**dict.fromkeys(needs.handed_on, msgspec.Raw), **dict.fromkeys(needs.read, Any), "batch": Any}
    if not all(map(str.isascii, members)):
        return lambda _data: None
    # The function of the class syntax, because the members are known only now.
    decode = msgspec.json.Decoder(TypedDict("_Members", members, total=False)).decode  # type: ignore[operator]

    def event(data: bytes) -> Event | None:
        if len(data) > max_bytes or (_BACKSLASH in data and _UNICODE_ESCAPE in data):
            return None
        try:
            if not data.isascii():
                data.decode()  # members that are passed over or handed on are not looked at as text
            found: Event = decode(data)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return None
        return None if "batch" in found else found

    return event
