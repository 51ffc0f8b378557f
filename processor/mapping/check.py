"""The structural check of a mapping: every problem at once, at load.

It finds what Segment's own check finds, so that a mapping that runs there loads here: lists are not looked into, and
neither are members that have no rule. On top come three things that JSON over the wire cannot be but YAML can: keys
that are no text, values that JSON does not know, nesting or size without end (an alias that holds itself).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any, Final

from processor.mapping.directives import DIRECTIVES
from processor.mapping.directives.base import Problem
from processor.mapping.root import unfolded
from processor.mapping.values import Json, kind

METADATA: Final = "_metadata"
"""What Segment's editor keeps beside a directive; it has no effect."""

MAX_DEPTH: Final = 256
"""Levels of a mapping. Resolving takes up to two frames of Python's stack a level, which a thousand must hold."""
TOO_DEEP: Final = Problem("/", "is nested too deeply for the stack")
"""The caller stands so deep in the stack that what is left of it does not hold the mapping."""

MAX_VALUES: Final = 1_000_000
"""Values of a mapping, counted where they are used: a short YAML file can unfold to more than any memory holds."""


def validate(mapping: Json) -> list[Problem]:
    """Return the problems that keep the mapping from being used, none when it can be."""
    return unfit(mapping) or malformed(mapping)


def unfit(mapping: Json) -> list[Problem]:
    """Return why the mapping is no JSON value that can be worked with, none when it is one."""
    return list(_unfit(mapping))


def malformed(mapping: Json) -> list[Problem]:
    """Return what Segment's own check has against a mapping that is fit to be looked at."""
    whole = unfolded(mapping)
    if isinstance(whole, Problem):
        return [whole]
    try:
        return list(_Checks().value(whole, ""))
    except RecursionError:
        return [TOO_DEEP]


class _Checks:
    """Walks objects and directives; what a directive holds is the directive's own matter."""

    def value(self, value: Json, path: str) -> Iterator[Problem]:
        """Yield the problems of a mapping value: a directive, or an object whose members are mapping values."""
        if not isinstance(value, dict):
            return
        if any(key.startswith("@") for key in value):
            yield from self._directive(value, path)
            return
        for key, member in value.items():
            yield from self.value(member, f"{path}/{key}")

    def text(self, value: Json, path: str) -> Iterator[Problem]:
        """Yield the problems of a value that must be a text or a directive."""
        if isinstance(value, dict) and any(key.startswith("@") for key in value):
            yield from self._directive(value, path)
        elif not isinstance(value, str):
            yield Problem(path, f"should be a text or a directive but it is {kind(value)}")

    def _directive(self, value: dict[str, Any], path: str) -> Iterator[Problem]:
        """Yield the problems of an object with a directive's key."""
        names = [key for key in value if key.startswith("@")]
        others = [key for key in value if not key.startswith("@") and key != METADATA]
        if len(names) > 1 or others:
            yield Problem(path or "/", f"should hold {names[0]} alone but it also holds {(names[1:] + others)[0]!r}")
            return
        directive = DIRECTIVES.get(names[0])
        if directive is None:
            yield Problem(path or "/", unknown(names[0]))
            return
        yield from directive.check(value[directive.name], f"{path}/{directive.name}", self)


def unknown(name: str) -> str:
    """Return what is wrong with a directive's name, with the nearest one that works."""
    near = difflib.get_close_matches(name, DIRECTIVES, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"holds an unknown directive {name!r}; allowed: {', '.join(sorted(DIRECTIVES))}{hint}"


def _unfit(mapping: Json) -> Iterator[Problem]:
    """Yield where the mapping is not JSON, and the first place where it has no end."""
    waiting: list[tuple[Any, str, int]] = [(mapping, "", 0)]
    count = 0
    while waiting:
        value, path, depth = waiting.pop()
        count += 1
        if depth > MAX_DEPTH or count > MAX_VALUES:
            yield Problem("/", f"is nested deeper than {MAX_DEPTH} levels or has more than {MAX_VALUES} values")
            return
        if isinstance(value, dict):
            yield from (Problem(path or "/", f"has a key that is {kind(k)}") for k in value if not isinstance(k, str))
            waiting.extend((child, f"{path}/{key}", depth + 1) for key, child in value.items())
        elif isinstance(value, list):
            waiting.extend((child, f"{path}/{index}", depth + 1) for index, child in enumerate(value))
        elif value is not None and not isinstance(value, (str, int, float)):
            yield Problem(path or "/", f"is {kind(value)}, which JSON does not know")
