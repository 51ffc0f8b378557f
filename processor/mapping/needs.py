"""What a subscription needs of an event, as far as that can be told without one."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any, Final

from processor.mapping.paths import parse_dollar_path
from processor.mapping.subscriptions import Subscription
from processor.mapping.triggers.terms import Condition, Group, Term
from processor.mapping.values import Json
from processor.model import Needs

_PATH: Final = "@path"


def needs_of(subscription: Subscription, verbatim: Container[str]) -> Needs | None:
    """Return which members of an event a subscription looks into, and which it only hands on; None: any, perhaps.

    It is known where trigger and mapping name all they read: a mapping of literals and paths. Only a field of
    `verbatim` that is mapped to a whole member of the event hands it on.
    """
    read, handed_on = set(_read_by(subscription.trigger.term)), set[str]()
    if _is_directive(subscription.mapping):
        return None
    for name, value in subscription.mapping.items():
        paths = _paths(value)
        if paths is None:
            return None
        member = _whole_member(value) if name in verbatim else None
        if member is not None:
            handed_on.add(member)
        else:
            read.update(keys[0] for keys in paths)
    return Needs(frozenset(read), frozenset(handed_on - read))


def _read_by(term: Term) -> Iterator[str]:
    """Yield the members that a trigger looks into."""
    match term:
        case Condition():
            yield from term.keys[:1]
        case Group():
            for child in term.terms:
                yield from _read_by(child)


def _is_directive(value: dict[str, Any]) -> bool:
    """Return whether an object is, or may be, something else than its members."""
    return any(key.startswith(("@", "__")) for key in value)


def _whole_member(value: Json) -> str | None:
    """Return the member of the event that a path names, None where the value is no path to a whole one."""
    if isinstance(value, dict) and value.keys() == {_PATH}:
        keys = parse_dollar_path(value[_PATH])
        return keys[0] if len(keys) == 1 else None
    return None


def _paths(value: Json) -> list[tuple[str, ...]] | None:
    """Return the paths in a mapping value, None where it may read more than these."""
    if isinstance(value, dict) and value.keys() == {_PATH}:
        keys = parse_dollar_path(value[_PATH]) if isinstance(value[_PATH], str) else ()
        return [keys] if keys else None
    if isinstance(value, dict) and _is_directive(value):
        return None
    children: list[Any] = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    found: list[tuple[str, ...]] = []
    for child in children:
        paths = _paths(child)
        if paths is None:
            return None
        found += paths
    return found
