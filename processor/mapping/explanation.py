"""How a mapping came to what it gave for one event: each place with its directive, what it read and what came out.

Mapping is pure, so each part is simply resolved again by itself; nothing of this runs in the hot path. Of a mapping
that writes counters into the event only the fields are told, as one run gives them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from processor.errors import MappingError
from processor.mapping.compiler import Compiler, directive_name
from processor.mapping.directives.base import Place, Problem
from processor.mapping.own_event import on_own_event
from processor.mapping.paths import Resolve, parse_dollar_path
from processor.mapping.root import unfolded
from processor.mapping.templates import read_paths
from processor.mapping.values import ABSENT, CONTAINERS, Json, cleaned, kind

SHOWN_ITEMS: Final = 3
"""Items of an `@arrayPath` that are explained one by one."""


@dataclass(frozen=True, slots=True)
class Explained:
    """One place of a mapping.

    Attributes:
        name: The last part of its place: a key, an index, or what part of a directive it is.
        directive: The directive there, None for a literal value and for an object or list of values.
        reads: Paths that it read itself, as they stand in the mapping; those of its parts are theirs.
        value: What came out, `ABSENT` when nothing did.
        note: What is worth saying: why nothing came out, which branch was taken, the error.
        parts: What it is made of, in order.
    """

    name: str
    directive: str | None
    reads: tuple[str, ...]
    value: Json
    note: str
    parts: tuple[Explained, ...]


def explain(mapping: Json, event: Json) -> Explained:
    """Return how a mapping comes to its result for an event. Total: what fails says so in its note."""
    whole = unfolded(mapping)
    if isinstance(whole, Problem):
        return Explained("", None, (), ABSENT, str(whole), ())
    try:
        resolve, writes_event = _compiled(whole)
        if writes_event and isinstance(event, dict):
            return _outlined(whole, on_own_event(resolve), event)
        return _explained("", whole, event)
    except RecursionError:
        return Explained("", None, (), ABSENT, "is nested too deeply to be explained", ())


def as_json(one: Explained) -> dict[str, Any]:
    """Return an explanation as plain values; a value that is absent has no key `value`."""
    plain: dict[str, Any] = {"name": one.name}
    if one.directive is not None:
        plain["directive"] = one.directive
    if one.reads:
        plain["reads"] = list(one.reads)
    if one.value is not ABSENT:
        plain["value"] = one.value
    if one.note:
        plain["note"] = one.note
    if one.parts:
        plain["parts"] = [as_json(part) for part in one.parts]
    return plain


def _compiled(mapping: Json) -> tuple[Resolve, bool]:
    """Return the resolver of a value, and whether it writes into the event."""
    compiler = Compiler()
    resolve = compiler.compile(mapping, "", Place.OUTPUT)
    return resolve, compiler.writes_event


def _outlined(mapping: Json, resolve: Resolve, event: Json) -> Explained:
    """Return the fields of a mapping as one run gives them; resolved by itself, none would see what others wrote."""
    value, problem = _attempted(resolve, event)
    note = problem or "writes into the event: its fields are not taken apart"
    is_object = isinstance(mapping, dict) and directive_name(mapping) is None
    found = value if isinstance(value, dict) else {}
    parts = (_field(key, member, found) for key, member in mapping.items()) if is_object else ()
    return Explained("", None, (), value, note, tuple(parts))


def _field(key: str, member: Json, found: dict[str, Json]) -> Explained:
    """Return one field with what was found for it."""
    directive = directive_name(member) if isinstance(member, dict) else None
    return Explained(key, directive, (), found.get(key, ABSENT), "", ())


def _explained(name: str, mapping: Json, root: Json) -> Explained:
    """Return how one value of a mapping comes to its result for a root."""
    value, problem = _outcome(mapping, root)
    directive = directive_name(mapping) if isinstance(mapping, dict) else None
    if directive is not None:
        reads, note, parts = _inside(directive, mapping[directive], root)
        return Explained(name, directive, reads, value, problem or note or _absence(value, reads), parts)
    if isinstance(mapping, dict):
        parts = tuple(_explained(key, member, root) for key, member in mapping.items())
        return Explained(name, None, (), value, problem, parts)
    if isinstance(mapping, list):
        parts = tuple(_explained(str(index), item, root) for index, item in enumerate(mapping))
        return Explained(name, None, (), value, problem, parts)
    return Explained(name, None, (), value, problem, ())


def _outcome(mapping: Json, root: Json) -> tuple[Json, str]:
    """Return what a value resolves to, and what went wrong."""
    return _attempted(_compiled(mapping)[0], root)


def _attempted(resolve: Resolve, root: Json) -> tuple[Json, str]:
    """Return what a resolver gives, and what went wrong."""
    try:
        return cleaned(resolve(root)), ""
    except MappingError as error:
        return ABSENT, error.safe


def _absence(value: Json, reads: tuple[str, ...]) -> str:
    """Return why nothing came out of reading."""
    return f"nothing at {', '.join(reads)}" if value is ABSENT and reads else ""


_Inside = tuple[tuple[str, ...], str, tuple[Explained, ...]]
"""Paths read, note, and parts of a directive."""


def _inside(directive: str, options: Json, root: Json) -> _Inside:
    """Return what a directive read itself, what is to be said, and its parts."""
    look = _LOOKS.get(directive)
    if look is None or (directive in _NEED_OBJECT and not isinstance(options, dict)):
        return (), "", ()
    return look(options, root)


def _path(options: Json, root: Json) -> _Inside:
    """Look into `@path`."""
    if isinstance(options, str):
        return (_dollar(options),), "", ()
    inner = _explained("path", options, root)
    return ((_dollar(inner.value),) if isinstance(inner.value, str) else ()), "", (inner,)


def _template(options: Json, root: Json) -> _Inside:
    """Look into `@template`."""
    if isinstance(options, str):
        return tuple(map(_dollar, read_paths(options))), "", ()
    inner = _explained("template", options, root)
    return (tuple(map(_dollar, read_paths(inner.value))) if isinstance(inner.value, str) else ()), "", (inner,)


def _dollar(path: str) -> str:
    """Return a path with `$.` in front, in the way people write it."""
    return "$." + ".".join(parse_dollar_path(path))


def _condition(options: Mapping[str, Any], root: Json) -> _Inside:
    """Look into `@if`: the condition and the branch that was taken; the other one had no part in it."""
    test = "exists" if "exists" in options else "blank"
    condition = _explained(test, options.get(test), root)
    found, _ = _outcome({"@if": {test: options.get(test), "then": "then", "else": "else"}}, root)
    if found is ABSENT:  # the condition itself failed
        return (), "", (condition,)
    taken = (_explained(found, options[found], root),) if found in options else ()
    return (), f"{found} is taken", (condition, *taken)


def _value(options: Mapping[str, Any], root: Json) -> _Inside:
    """Look into a directive that changes one value."""
    return (), "", ((_explained("value", options["value"], root),) if "value" in options else ())


def _same(options: Json, root: Json) -> _Inside:
    """Look into a directive whose options are the value themselves."""
    return (), "", (_explained("value", options, root),)


def _merge(options: Mapping[str, Any], root: Json) -> _Inside:
    """Look into `@merge`."""
    objects = options.get("objects")
    if not isinstance(objects, list):
        return (), "", ()
    return (
        (),
        f"{options.get('direction')} wins",
        tuple(_explained(str(index), one, root) for index, one in enumerate(objects)),
    )


def _stages(options: Mapping[str, Any], root: Json) -> _Inside:
    """Look into `@transform`: the second stage reads what the first has made."""
    first = _explained("apply", options.get("apply"), root)
    return (), "", (first, _explained("mapping", options.get("mapping"), first.value))


def _items(options: Json, root: Json) -> _Inside:
    """Look into `@arrayPath`: the list, and the shape at its first items."""
    if not isinstance(options, list) or not options:
        return (), "", ()
    shape = options[1] if len(options) > 1 else None
    source = _explained("list", {"@path": options[0]} if isinstance(options[0], str) else options[0], root)
    found = source.value
    if type(found) not in CONTAINERS or not isinstance(shape, dict) or not shape:
        return (), f"{kind(found)} as it is", (source,)
    items = found if isinstance(found, list) else [found]
    shown = tuple(_explained(str(index), shape, item) for index, item in enumerate(items[:SHOWN_ITEMS]))
    note = f"{len(items)} items" if len(items) <= SHOWN_ITEMS else f"the first {SHOWN_ITEMS} of {len(items)} items"
    return (), note, (source, *shown)


_LOOKS: Final[Mapping[str, Callable[[Any, Json], _Inside]]] = {
    "@path": _path,
    "@template": _template,
    "@if": _condition,
    "@case": _value,
    "@replace": _value,
    "@flatten": _value,
    "@json": _value,
    "@literal": _same,
    "@excludeWhenNull": _same,
    "@merge": _merge,
    "@transform": _stages,
    "@arrayPath": _items,
}
_NEED_OBJECT: Final = frozenset({"@if", "@case", "@replace", "@flatten", "@json", "@merge", "@transform"})
