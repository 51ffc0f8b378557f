"""Paths into an event, read as Segment reads them.

A path is split once, at load, into the keys to walk. Walking has JavaScript's manners: it stops at any false value
(null, 0, false, empty text) and returns it, a text has indexes and a length in UTF-16 units, a list has both as well.
What JavaScript's prototypes would add (`constructor`, `toString`) is absent here.

Source: contract of the mapping language, path grammar; golden cases of `@path`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from processor.mapping.javascript import is_falsy, utf16_length, utf16_unit
from processor.mapping.values import ABSENT, Json

Keys: TypeAlias = tuple[str, ...]
Resolve: TypeAlias = Callable[[Any], Any]
"""Gives a value for a root: the event, or whatever a surrounding directive makes the root."""

_SEPARATOR: Final = re.compile(r"""\.|\[(?=[0-9'"])|(?<=[0-9'"])\]""")
_QUOTES: Final = str.maketrans("", "", "'\"")
_MOST_INDEX_DIGITS: Final = 10


def parse_path(text: str) -> Keys:
    """Return the keys that a path walks; none means the root itself.

    Empty pieces vanish, so `a..b` is `a.b`; quotes are dropped wherever they are, so a dot inside them still splits.
    """
    return tuple(piece.translate(_QUOTES) for piece in _SEPARATOR.split(text) if piece)


def parse_dollar_path(text: str) -> Keys:
    """Return the keys of a path as `@path` takes it: the first `$.` is dropped, wherever it is."""
    return parse_path(text.replace("$.", "", 1))


def step(node: Json, key: str) -> Json:
    """Return what JavaScript reads at `key` of one value, `ABSENT` when it has no such member of its own."""
    if isinstance(node, dict):
        return node.get(key, ABSENT)
    if node is ABSENT or is_falsy(node):
        return node
    if isinstance(node, list):
        return _list_member(node, key)
    if isinstance(node, str):
        return _text_member(node, key)
    return ABSENT


def _list_member(items: list[Json], key: str) -> Json:
    """Return a list's item or its length."""
    index = list_index(key)
    if index is not None:
        return items[index] if index < len(items) else ABSENT
    return len(items) if key == "length" else ABSENT


def _text_member(text: str, key: str) -> Json:
    """Return a text's UTF-16 unit or its length."""
    index = list_index(key)
    if index is not None:
        unit = utf16_unit(text, index)
        return ABSENT if unit is None else unit
    return utf16_length(text) if key == "length" else ABSENT


def list_index(key: str) -> int | None:
    """Return the position in a list that a key names, None when it names none; JavaScript takes `1` but not `01`."""
    if not (key.isascii() and key.isdigit()) or len(key) > _MOST_INDEX_DIGITS:
        return None
    return int(key) if key == "0" or key[0] != "0" else None


def walk(root: Json, keys: Keys) -> Json:
    """Return what stands at these keys, `ABSENT` when nothing does."""
    node = root
    for key in keys:
        node = node.get(key, ABSENT) if type(node) is dict else step(node, key)
    return node


def reader(keys: Keys) -> Resolve:
    """Return a function that walks these keys; the lengths that nearly all paths have do without a loop."""
    match keys:
        case ():
            return lambda root: root
        case (key,):
            return lambda root: root.get(key, ABSENT) if type(root) is dict else step(root, key)
        case (first, second):
            return _read_two(first, second)
    return lambda root: walk(root, keys)


def _read_two(first: str, second: str) -> Resolve:
    """Return a function that walks two keys."""

    def read(root: Json) -> Json:
        node = root.get(first, ABSENT) if type(root) is dict else step(root, first)
        return node.get(second, ABSENT) if type(node) is dict else step(node, second)

    return read
