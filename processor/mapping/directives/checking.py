"""Structural checks that several directives share: an object with certain members, and what a member may be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from processor.mapping.directives.base import Checks, Problem
from processor.mapping.javascript import utf16_length
from processor.mapping.values import Json, kind

Check: TypeAlias = Callable[[Any, str, Checks], Iterator[Problem]]
"""Yields the problems of one value at a path."""


def members(
    value: Json, path: str, checks: Checks, *, required: Mapping[str, Check], optional: Mapping[str, Check]
) -> Iterator[Problem]:
    """Yield the problems of an object whose members have rules; members without one are not looked at."""
    if not isinstance(value, dict):
        yield Problem(path, f"should be an object but it is {kind(value)}")
        return
    reserved = [key for key in value if key.startswith("@")]
    if reserved:
        known = ", ".join((*required, *optional))
        yield Problem(path, f"should hold its own members ({known}), not the directive {reserved[0]}")
        return
    for name, check in (*required.items(), *optional.items()):
        if name in value:
            yield from check(value[name], f"{path}/{name}", checks)
        elif name in required:
            yield Problem(path, f"should hold {name!r} but it does not")


def anything(value: Json, path: str, checks: Checks) -> Iterator[Problem]:
    """Yield the problems of any mapping value."""
    yield from checks.value(value, path)


def text(value: Json, path: str, checks: Checks) -> Iterator[Problem]:
    """Yield the problems of a text, or of a directive that gives one."""
    yield from checks.text(value, path)


def structure(value: Json, path: str, checks: Checks) -> Iterator[Problem]:
    """Yield the problems of an object, or of a directive that gives one."""
    if isinstance(value, dict):
        yield from checks.value(value, path)
    else:
        yield Problem(path, f"should be an object or a directive but it is {kind(value)}")


def plain_text(value: Json, path: str, _checks: Checks) -> Iterator[Problem]:
    """Yield the problem of a value that is no text; a directive is none."""
    if not isinstance(value, str):
        yield Problem(path, f"should be a text but it is {kind(value)}")


def boolean(value: Json, path: str, _checks: Checks) -> Iterator[Problem]:
    """Yield the problem of a value that is neither true nor false."""
    if not isinstance(value, bool):
        yield Problem(path, f"should be true or false but it is {kind(value)}")


def short_text(shortest: int, longest: int) -> Check:
    """Return the check of a text whose length, in JavaScript's UTF-16 units, has bounds."""

    def check(value: Json, path: str, checks: Checks) -> Iterator[Problem]:
        """Yield the problem of a value that is no text of such a length."""
        yield from plain_text(value, path, checks)
        if isinstance(value, str) and not shortest <= utf16_length(value) <= longest:
            yield Problem(path, f"should have {shortest} to {longest} characters")

    return check


def one_of(*words: str) -> Check:
    """Return the check of a text that is one of these words in any case; only lower case has an effect at run time."""

    def check(value: Json, path: str, checks: Checks) -> Iterator[Problem]:
        """Yield the problem of a value that is none of the words."""
        yield from plain_text(value, path, checks)
        if isinstance(value, str) and value.lower() not in words:
            yield Problem(path, f"should be one of {', '.join(words)}")

    return check


def items(check_item: Check) -> Check:
    """Return the check of a list by its items."""

    def check(value: Json, path: str, checks: Checks) -> Iterator[Problem]:
        """Yield the problems of a value that should be a list."""
        if not isinstance(value, list):
            yield Problem(path, f"should be a list but it is {kind(value)}")
            return
        for index, item in enumerate(value):
            yield from check_item(item, f"{path}/{index}", checks)

    return check
