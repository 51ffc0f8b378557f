"""`@path`: the value at a path of the event.

The path may itself come from a directive, which is how a key named by the event is read.
"""

from __future__ import annotations

from processor.mapping.directives import checking
from processor.mapping.directives.base import Compiles, Copied, Directive, Place, failure
from processor.mapping.paths import Keys, Resolve, parse_dollar_path, reader, step, walk
from processor.mapping.values import ABSENT, CONTAINERS, Json, cleaned, kind


def _compile(value: Json, path: str, compiler: Compiles, place: Place) -> Resolve:
    """Return a resolver that reads the event."""
    if isinstance(value, str):
        keys = parse_dollar_path(value)
        if place is Place.OPERAND:
            return reader(keys)
        return Copied(keys, _output_reader(keys)) if keys else _output_reader(keys)
    if not isinstance(value, dict):
        return compiler.fail(path, f"needs a text or a directive, not {kind(value)}")
    return _compile_dynamic(compiler.compile(value, path, Place.OPERAND), path, place)


def _compile_dynamic(spell: Resolve, path: str, place: Place) -> Resolve:
    """Return a resolver for a path that only the event tells."""

    def read(root: Json) -> Json:
        text = spell(root)
        if not isinstance(text, str):
            raise failure(path, f"needs a text, but its directive gave {kind(text)}")
        found = walk(root, parse_dollar_path(text))
        return cleaned(found) if place is Place.OUTPUT and type(found) in CONTAINERS else found

    return read


def _output_reader(keys: Keys) -> Resolve:
    """Return a reader whose objects are fit for a result.

    The two lengths that nearly all paths have are written out: a call saved for each field of each event.
    """
    match keys:
        case (key,):
            return _output_one(key)
        case (first, second):
            return _output_two(first, second)
    read = reader(keys)

    def read_many(root: Json) -> Json:
        found = read(root)
        return cleaned(found) if type(found) in CONTAINERS else found

    return read_many


def _output_one(key: str) -> Resolve:
    """Return a reader of one key, fit for a result."""

    def read_one(root: Json) -> Json:
        found = root.get(key, ABSENT) if type(root) is dict else step(root, key)
        return cleaned(found) if type(found) in CONTAINERS else found

    return read_one


def _output_two(first: str, second: str) -> Resolve:
    """Return a reader of two keys, fit for a result."""

    def read_two(root: Json) -> Json:
        node = root.get(first, ABSENT) if type(root) is dict else step(root, first)
        found = node.get(second, ABSENT) if type(node) is dict else step(node, second)
        return cleaned(found) if type(found) in CONTAINERS else found

    return read_two


PATH = Directive("@path", checking.text, _compile)
