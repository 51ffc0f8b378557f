"""`@replace`: every occurrence of a short text by another one; the pattern is literal, never a regular expression.

Segment's rules: numbers and booleans become text first, what is no text comes to an empty one, a literal value that
JavaScript takes for false is skipped. The replacement is JavaScript's: `$$`, `$&`, `` $` `` and `$'` have a meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from processor.errors import MappingError
from processor.mapping.directives import checking
from processor.mapping.directives.base import Checks, Compiles, Constant, Directive, Place, Problem, failure
from processor.mapping.directives.limits import MAX_CHARS
from processor.mapping.javascript import is_falsy, js_text, utf16_length
from processor.mapping.paths import Resolve
from processor.mapping.substitution import Substitution
from processor.mapping.values import ABSENT, Json, kind

_LONGEST: Final = 10
_Change = Callable[[str], str]


def _check(value: Json, path: str, checks: Checks) -> Iterator[Problem]:
    """Yield the problems of `@replace`; the second pair is checked when it runs, as Segment does."""
    required = {"pattern": checking.short_text(1, _LONGEST), "value": checking.text}
    optional = {
        "replacement": checking.short_text(0, _LONGEST),
        "ignorecase": checking.boolean,
        "global": checking.boolean,
    }
    yield from checking.members(value, path, checks, required=required, optional=optional)


def _compile(value: Json, path: str, compiler: Compiles, _place: Place) -> Resolve:
    """Return a resolver that replaces."""
    if not isinstance(value, dict):
        return compiler.fail(path, f"needs an object with value and pattern, not {kind(value)}")
    if is_falsy(value.get("pattern")):
        return compiler.fail(path, "needs a pattern")
    if is_falsy(value.get("value")):
        return Constant(ABSENT)
    read = compiler.compile(value["value"], f"{path}/value", Place.OPERAND)
    change = _changes(value, path)

    def resolve(root: Json) -> str:
        found = read(root)
        if isinstance(found, (bool, int, float)):
            found = js_text(found)
        return change(found) if isinstance(found, str) else ""

    return resolve


def _changes(value: dict[str, Any], path: str) -> _Change:
    """Return the function that makes both replacements; one that gives nothing where an option is of a wrong kind."""
    ignore_case, is_global = (_or_default(value.get(name), default) for name, default in _FLAGS)
    pattern, replacement = value["pattern"], _or_default(value.get("replacement"), "")
    is_usable = isinstance(pattern, str) and isinstance(replacement, str)
    if not (is_usable and isinstance(ignore_case, bool) and isinstance(is_global, bool)):
        return lambda _text: ""
    changes = [_change(pattern, replacement, path, ignore_case=ignore_case, is_global=is_global)]
    second, by = value.get("pattern2"), _or_default(value.get("replacement2"), "")
    if isinstance(second, str) and second and isinstance(by, str):
        changes.append(_change(second, by, path, ignore_case=ignore_case, is_global=is_global))
    return changes[0] if len(changes) == 1 else lambda text: changes[1](changes[0](text))


_FLAGS: Final = (("ignorecase", False), ("global", True))


def _or_default(value: Json, default: Json) -> Json:
    """Return what an option says, its default where it is missing or null."""
    return default if value is None else value


def _change(pattern: str, replacement: str, path: str, *, ignore_case: bool, is_global: bool) -> _Change:
    """Return one replacement, or what fails for each text when a text of it is too long."""
    too_long = next((one for one in (pattern, replacement) if utf16_length(one) > _LONGEST), None)
    substitution = Substitution(pattern, replacement, ignore_case=ignore_case, is_global=is_global)

    def change(text: str) -> str:
        if too_long is not None:
            raise failure(path, f"has a pattern or replacement of more than {_LONGEST} characters")
        try:
            return substitution(text, MAX_CHARS)
        except MappingError as error:
            raise failure(path, error.safe) from error

    return change


REPLACE = Directive("@replace", _check, _compile)
