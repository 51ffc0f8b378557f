"""Where two JSON values differ, and how such a place is called. Pure, and linear in the size of the values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple

from processor.config.problems import Path, path_text
from processor.mapping.values import ABSENT, Json
from processor.pipeline.cases.comparison import is_same

Kind = Literal["added", "removed", "changed"]

MAX_STEPS: Final = 32
"""Longest path of a place; what lies deeper is called by its beginning, so that depth does not multiply the work."""
MAX_PATTERN_CHARS: Final = 200
"""Length at which the text of a place is cut: keys of an event may be as long as the event."""


class FieldChange(NamedTuple):
    """One place at which two values differ; `ABSENT` stands for the side on which nothing is."""

    path: Path
    old: Json
    new: Json

    @property
    def kind(self) -> Kind:
        """Return what has happened there."""
        if self.old is ABSENT:
            return "added"
        return "removed" if self.new is ABSENT else "changed"


def field_changes(old: Json, new: Json) -> Iterator[FieldChange]:
    """Yield the places at which two values differ, in no particular order.

    An object or list that is there on one side only is one place. Lists are compared item by item. Paths end after
    `MAX_STEPS`. The explicit stack makes depth harmless.
    """
    waiting: list[FieldChange] = [FieldChange((), old, new)]
    while waiting:
        one = waiting.pop()
        if type(one.old) is dict and type(one.new) is dict:
            keys = dict.fromkeys([*one.old, *one.new])
            waiting.extend(_part(one, key, one.old.get(key, ABSENT), one.new.get(key, ABSENT)) for key in keys)
        elif type(one.old) is list and type(one.new) is list:
            count = max(len(one.old), len(one.new))
            waiting.extend(_part(one, index, _item(one.old, index), _item(one.new, index)) for index in range(count))
        elif not is_same(one.old, one.new):
            yield one


def _part(one: FieldChange, step: str | int, old: Json, new: Json) -> FieldChange:
    return FieldChange((*one.path, step) if len(one.path) < MAX_STEPS else one.path, old, new)


def _item(items: list[Any], index: int) -> Json:
    return items[index] if index < len(items) else ABSENT


def pattern(path: Path) -> str:
    """Return a place with every position of a list as `[]`: `metadata.items[].price`; the whole is `(all of it)`."""
    text = ""
    for part in path:
        step = "[]" if isinstance(part, int) else path_text((part,))
        text += f".{step}" if text and not step.startswith("[") else step
    return cut(text, MAX_PATTERN_CHARS) or "(all of it)"


def cut(text: str, char_count: int) -> str:
    """Return a text with a mark in the place of what is too much of it."""
    return text if len(text) <= char_count else f"{text[:char_count]}…"
