"""`@path`: the value at a path of the event.

The path may itself come from a directive, which is how a key named by the event is read.
"""

from __future__ import annotations

from processor.mapping.directives import checking
from processor.mapping.directives.base import Compiles, Copied, Directive, Place, failure
from processor.mapping.paths import Resolve, parse_dollar_path, reader, walk
from processor.mapping.values import Json, kind


def _compile(value: Json, path: str, compiler: Compiles, place: Place) -> Resolve:
    """Return a resolver that reads the event."""
    if isinstance(value, str):
        keys = parse_dollar_path(value)
        return Copied(keys, reader(keys)) if keys and place is Place.OUTPUT else reader(keys)
    if not isinstance(value, dict):
        return compiler.fail(path, f"needs a text or a directive, not {kind(value)}")
    return _compile_dynamic(compiler.compile(value, path, Place.OPERAND), path)


def _compile_dynamic(spell: Resolve, path: str) -> Resolve:
    """Return a resolver for a path that only the event tells."""

    def read(root: Json) -> Json:
        text = spell(root)
        if not isinstance(text, str):
            raise failure(path, f"needs a text, but its directive gave {kind(text)}")
        return walk(root, parse_dollar_path(text))

    return read


PATH = Directive("@path", checking.text, _compile)
