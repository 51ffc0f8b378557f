"""Writes values as JSON the way JavaScript does.

Source: ECMAScript 2024, JSON.stringify: keys that are integers come first and ascending, NaN and the infinities are
null, half a letter is escaped.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Final

from processor.mapping.javascript import js_number, to_double, utf16_joined
from processor.mapping.liquid.budget import Budget, refuse
from processor.mapping.liquid.values import Drop, Value
from processor.mapping.values import ABSENT

MAX_INDENT: Final = 10
"""Characters of an indent."""

MAX_LEVELS: Final = 200
"""Levels of lists and objects in a value that is written."""

_HALVES: Final = re.compile("[\ud800-\udfff]")
_INDEX: Final = re.compile("0|[1-9][0-9]{0,9}")
_LAST_INDEX: Final = 2**32 - 2


def written(value: Value, indent: str, budget: Budget) -> Value:
    """Return a value in JSON, `ABSENT` for what is absent.

    Raises:
        MappingError: it has more than `MAX_LEVELS` levels, or the budget does not hold it.
    """
    if value is ABSENT:
        return ABSENT
    writer = _Writer(indent, budget)
    writer.write(value, "\n" if indent else "", 0)
    return "".join(writer.pieces)


class _Writer:
    """Collects the pieces of a text in JSON."""

    def __init__(self, indent: str, budget: Budget) -> None:
        """Write with this indent for each level."""
        self.pieces: list[str] = []
        self._indent = indent
        self._colon = ": " if indent else ":"
        self._budget = budget

    def write(self, value: Value, line: str, level: int) -> None:
        """Write a value; `line` is what begins a line on its level."""
        if isinstance(value, (dict, list, Drop)):
            self._write_group(value, line, level)
            return
        text = _scalar(value)
        self._budget.spend(len(text))
        self.pieces.append(text)

    def _write_group(self, value: Value, line: str, level: int) -> None:
        """Write a list or an object, member by member; a literal drop is an object without any."""
        if level >= MAX_LEVELS:
            raise refuse(f"writes a value nested deeper than {MAX_LEVELS} levels as JSON")
        start, end = "[]" if isinstance(value, list) else "{}"
        members = [] if isinstance(value, Drop) else list(self._members(value))
        self._budget.spend_items(len(members) + 1)
        inner = line + self._indent
        separator = start + inner
        for key, member in members:
            self._budget.spend(len(separator) + len(key))
            self.pieces.append(separator + key)
            self.write(member, inner, level + 1)
            separator = "," + inner
        self.pieces.append(line + end if members else start + end)

    def _members(self, value: Value) -> Iterable[tuple[str, Value]]:
        """Return the members with their keys as they are written, in JavaScript's order."""
        self._budget.spend_items(len(value))
        if isinstance(value, list):
            return (("", item) for item in value)
        return ((_text(key) + self._colon, value[key]) for key in sorted(value, key=_order))


def _order(key: str) -> int:
    """Return where a key stands: integers by their value, all others behind them as they came."""
    number = int(key) if _INDEX.fullmatch(key) else _LAST_INDEX + 1
    return min(number, _LAST_INDEX + 1)


def _scalar(value: Value) -> str:
    """Return the text of a value that holds no others; an absent item is null."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return js_number(value) if math.isfinite(to_double(value)) else "null"
    return "null"


def _text(text: str) -> str:
    """Return a text in quotes."""
    spelled = json.dumps(utf16_joined(text), ensure_ascii=False)
    return _HALVES.sub(lambda half: f"\\u{ord(half.group()):04x}", spelled)
