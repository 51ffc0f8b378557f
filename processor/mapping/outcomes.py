"""What a value of a mapping can come to, told from the mapping alone: no event is needed.

For most values that is anything. But a literal comes to itself, a path into a text to nothing, a template to a text
whatever the event is. What is said here holds for every event; where nothing can be said, `Some.ANYTHING` is.
Linear in the mapping: an `@if` adds the outcomes of its branches, and what holds others keeps one outcome for each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final, TypeAlias

from processor.mapping.compiler import directive_name
from processor.mapping.javascript import is_falsy
from processor.mapping.paths import Keys, parse_dollar_path, step
from processor.mapping.templates import placeholders
from processor.mapping.values import ABSENT, CONTAINERS, Json


class Some(Enum):
    """A value of which only this is known."""

    ANYTHING = "anything"
    """Also nothing at all."""
    TEXT = "a text"
    """Perhaps an empty one."""
    OBJECT = "an object"
    EVENT = "the event"
    """An object whose `type` is a text; of its other members nothing is known."""


Outcome: TypeAlias = Any
"""A JSON value, `ABSENT` or a `Some`; objects and lists may hold a `Some` instead of a member."""

Outcomes: TypeAlias = tuple[Outcome, ...]

_ANYTHING: Final = (Some.ANYTHING,)
_TEXT: Final = (Some.TEXT,)
_OBJECT: Final = (Some.OBJECT,)
_NOTHING: Final = (ABSENT,)
_BRACES: Final = (2, 3)


def outcomes(value: Json, root: Outcome = Some.EVENT) -> Outcomes:
    """Return what a value can come to, one of these for each event; `root` is what its paths read.

    Raises:
        RecursionError: the value is nested more deeply than the stack holds.
    """
    if isinstance(value, dict):
        name = directive_name(value)
        if name is None:
            return (_members(value, root),)
        rule = _RULES.get(name)
        return _ANYTHING if rule is None else rule(value[name], root)
    if isinstance(value, list):
        items = []
        for item in value:
            one = _one(outcomes(item, root))
            items.append(None if one is ABSENT else one)
        return (items,)
    return (value,)


def _members(value: dict[str, Json], root: Outcome) -> dict[str, Outcome]:
    """Return an object of outcomes, absent members left out."""
    members = {}
    for key, member in value.items():
        one = _one(outcomes(member, root))
        if one is not ABSENT:
            members[key] = one
    return members


def _one(found: Outcomes) -> Outcome:
    """Return the only outcome, or what is known of all of them together."""
    first = found[0]
    if all(outcome is first for outcome in found):
        return first
    return Some.TEXT if all(outcome is Some.TEXT or isinstance(outcome, str) for outcome in found) else Some.ANYTHING


def _walked(root: Outcome, keys: Keys) -> Outcome:
    """Return what a path leads to."""
    node, holder = root, None
    for key in keys:
        if node is Some.TEXT and holder is not Some.EVENT:
            return Some.ANYTHING  # of an empty text, which a type is not, a path gives the text itself
        holder, node = node, _step(node, key) if isinstance(node, Some) else step(node, key)
    return node


def _step(node: Some, key: str) -> Outcome:
    """Return what stands at a key of something of which little is known: of a type its length and letters."""
    match node:
        case Some.EVENT if key == "type":
            return Some.TEXT
        case Some.TEXT if key != "length" and not key.isdecimal():
            return ABSENT
    return Some.ANYTHING


def _path(options: Json, root: Outcome) -> Outcomes:
    return (_walked(root, parse_dollar_path(options)),) if isinstance(options, str) else _ANYTHING


def _template(options: Json, _root: Outcome) -> Outcomes:
    if isinstance(options, str) and not any(True for braces in _BRACES for _ in placeholders(options, braces)):
        return (options,)
    return _TEXT


def _liquid(options: Json, _root: Outcome) -> Outcomes:
    return (options,) if isinstance(options, str) and "{" not in options else _TEXT


def _if(options: Json, root: Outcome) -> Outcomes:
    """Return the outcomes of the branches that can be taken; a false literal under `else` is no branch."""
    if not isinstance(options, dict):
        return _ANYTHING
    then = outcomes(options["then"], root) if "then" in options else _NOTHING
    other = options.get("else", ABSENT)
    otherwise = _NOTHING if other is ABSENT or is_falsy(other) else outcomes(other, root)
    test = "exists" if "exists" in options else "blank"
    is_met = {_is_met(test, found) for found in outcomes(options.get(test), root)}
    if is_met == {True}:
        return then
    return otherwise if is_met == {False} else then + otherwise


def _is_met(test: str, found: Outcome) -> bool | None:
    """Return whether a condition holds, None where that is the event's matter."""
    if found is None or found is ABSENT:
        return False
    if test == "exists":
        return None if found is Some.ANYTHING else True
    return None if isinstance(found, Some) or type(found) in CONTAINERS else bool(found)


def _case(options: Json, root: Outcome) -> Outcomes:
    """Return the outcomes of the value; a text with letters becomes another, which may be a word that it was not."""
    if not isinstance(options, dict):
        return _ANYTHING
    value = options.get("value")
    if is_falsy(value):
        return _NOTHING
    return tuple(Some.TEXT if _has_case(outcome) else outcome for outcome in outcomes(value, root))


def _has_case(outcome: Outcome) -> bool:
    """Return whether an outcome is a text that another case changes."""
    return isinstance(outcome, str) and outcome.lower() != outcome.upper()


def _replace(options: Json, _root: Outcome) -> Outcomes:
    return _NOTHING if isinstance(options, dict) and is_falsy(options.get("value")) else _TEXT


def _array_path(options: Json, root: Outcome) -> Outcomes:
    """Return what is read where it is no object and no list; those are mapped."""
    if not isinstance(options, list) or not options or not isinstance(options[0], str):
        return _ANYTHING
    found = _walked(root, parse_dollar_path(options[0]))
    return _ANYTHING if type(found) in CONTAINERS or found in {Some.OBJECT, Some.EVENT} else (found,)


def _json(options: Json, root: Outcome) -> Outcomes:
    """Return a text where JSON is written, nothing where there is nothing to write; what is read can be anything."""
    if not isinstance(options, dict):
        return _ANYTHING
    if options.get("mode") != "encode":
        return _ANYTHING if options.get("mode") == "decode" else _NOTHING
    found = outcomes(options.get("value"), root)
    if all(outcome is ABSENT for outcome in found):
        return _NOTHING
    may_be_nothing = any(outcome is ABSENT or outcome is Some.ANYTHING for outcome in found)
    return (Some.TEXT, ABSENT) if may_be_nothing else _TEXT


def _transform(options: Json, root: Outcome) -> Outcomes:
    if not isinstance(options, dict):
        return _ANYTHING
    return outcomes(options.get("mapping"), _one(outcomes(options.get("apply"), root)))


def _exclude_when_null(options: Json, root: Outcome) -> Outcomes:
    """Return the outcomes of the value, null as nothing; which members an object keeps is not followed."""
    left = {type(None): ABSENT, dict: Some.OBJECT}
    return tuple(left.get(type(outcome), outcome) for outcome in outcomes(options, root))


_RULES: Final[Mapping[str, Callable[[Json, Outcome], Outcomes]]] = {
    "@literal": outcomes,
    "@path": _path,
    "@template": _template,
    "@liquid": _liquid,
    "@if": _if,
    "@case": _case,
    "@replace": _replace,
    "@arrayPath": _array_path,
    "@flatten": lambda _options, _root: _OBJECT,
    "@json": _json,
    "@merge": lambda _options, _root: _OBJECT,
    "@transform": _transform,
    "@excludeWhenNull": _exclude_when_null,
}
