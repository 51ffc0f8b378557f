"""Scalars that would be read as something else than what stands in the file.

Pydantic takes true for one, `"5"` for five and `no` for false. A file means what it says: YAML knows two booleans, and
text in quotes is text. So this also agrees with the JSON Schema that editors check against.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import NoneType
from typing import Any, Final

from pydantic import BaseModel

from processor.config.nodes import Node
from processor.config.problems import Path, Problem
from processor.config.shape import alternatives, inside
from processor.config.wording import found_text

_BOOLEAN: Final = "true or false"
_WHOLE: Final = "a whole number"
_NUMBER: Final = "a number"


def misread_scalars(model: type[BaseModel], root: Node) -> Iterator[Problem]:
    """Yield the places where only numbers or booleans are taken and another kind of scalar stands."""
    waiting: list[tuple[Node, Path, list[Any]]] = [(root, (), [model])]
    while waiting:
        node, path, expected = waiting.pop()
        for step, child in node.children.items():
            within = inside(expected, step, node.value)
            if within:
                waiting.append((child, (*path, step), within))
        allowed = _other_kind(node.value, alternatives(expected, node.value))
        if allowed is not None:
            yield Problem(*node.mark, path, found_text(node.value, path, is_text_shown=True), allowed)


def _other_kind(value: object, expected: list[Any]) -> str | None:
    """Return which kind of scalar is taken instead of this one, None where pydantic may decide."""
    kinds = {_kind(taken) for taken in expected if taken is not NoneType}
    if kinds == {_BOOLEAN}:
        return _BOOLEAN if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    if not kinds or not kinds <= {_WHOLE, _NUMBER}:
        return None
    if isinstance(value, bool):
        return _NUMBER
    if isinstance(value, str):
        return _NUMBER if _NUMBER in kinds else _WHOLE
    return None


def _kind(taken: object) -> str:
    """Return what a type takes as a person calls it, empty text for anything but numbers and booleans."""
    if taken is bool:
        return _BOOLEAN
    if taken is int:
        return _WHOLE
    return _NUMBER if taken is float else ""
