"""Reads a field of a trigger as the keys that it walks, or says what Segment would make of it instead."""

from __future__ import annotations

import difflib
import re
from typing import Final

from processor.mapping.paths import Keys
from processor.mapping.triggers.errors import TriggerError
from processor.mapping.triggers.fields import BAGS, HEAD_FIELDS
from processor.mapping.triggers.strict_tokens import Token

_KEY: Final = re.compile(r"(?:[^.\\]|\\.)*", re.DOTALL)
_RESERVED: Final = frozenset({"and", "or", "null"})
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_SPLITTING: Final = frozenset(".[]")


def read_field(token: Token, text: str) -> Keys:
    """Return the keys that a field walks from the event.

    Raises:
        TriggerError: Segment would skip the field, or read another one.
    """
    head, dot, rest = token.text.partition(".")
    if head in HEAD_FIELDS:
        if dot:
            raise TriggerError(f"what follows {head} is ignored", position=token.position + len(head))
        return (head,)
    if head in BAGS and dot:
        return (head, *_members(rest, token.position + len(head) + 1))
    raise _unknown(token, head, text)


def _members(path: str, position: int) -> Keys:
    """Return the keys of a path inside a bag, backslashes resolved; an escaped character never ends a key."""
    keys: list[str] = []
    start = 0
    while start <= len(path):
        end = _until_point(path, start)
        keys.append(_member(path[start:end], position + start))
        start = end + 1
    return tuple(keys)


def _until_point(path: str, start: int) -> int:
    """Return where the key that starts here ends: at a point without a backslash before it, or at the end."""
    match = _KEY.match(path, start)
    return start if match is None else match.end()


def _member(spelling: str, position: int) -> str:
    """Return one key."""
    if not spelling:
        raise TriggerError("a name is missing beside a point", position=position)
    if spelling in _RESERVED:
        raise TriggerError(f"{spelling} ends a name here; write \\{spelling}", position=position)
    if spelling[0] != "\\" and not spelling[0].isalpha():
        raise TriggerError("a name starts with a letter; put a backslash before any other character", position=position)
    for escaped in _ESCAPED.finditer(spelling):
        if escaped[1] in _SPLITTING:
            message = f"{escaped[1]} splits a name even behind a backslash: such names cannot be reached"
            raise TriggerError(message, position=position + escaped.start())
    return _ESCAPED.sub(r"\1", spelling)


def _unknown(token: Token, head: str, text: str) -> TriggerError:
    """Return the error for a name that is no field; Segment would skip the whole condition."""
    after = text[token.position + len(token.text) :].lstrip(" \t\n")
    if after.startswith("("):
        message = f"Segment's triggers have no function {token.text}, only contains and match"
        return TriggerError(message, position=token.position)
    if head in BAGS:
        return TriggerError(f"{head} needs a member, as in {head}.plan", position=token.position)
    near = difflib.get_close_matches(head, [*HEAD_FIELDS, *BAGS], n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    allowed = f"{', '.join(sorted(HEAD_FIELDS))}, and what is in {', '.join(sorted(BAGS))}"
    message = f"a condition on {head!r} would be skipped; allowed: {allowed}{hint}"
    return TriggerError(message, position=token.position)
