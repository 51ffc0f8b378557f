"""`@json`: a value as JSON text, or JSON text as a value. Text that is no JSON passes as it is."""

from __future__ import annotations

from collections.abc import Iterator

from processor.errors import MappingError
from processor.mapping.directives import checking
from processor.mapping.directives.base import Checks, Compiles, Constant, Directive, Place, Problem, failure
from processor.mapping.javascript import is_falsy
from processor.mapping.js_json import parse, stringify
from processor.mapping.paths import Resolve
from processor.mapping.values import ABSENT, CONTAINERS, Json, finished, kind


def _check(value: Json, path: str, checks: Checks) -> Iterator[Problem]:
    """Yield the problems of `@json`."""
    required = {"mode": checking.one_of("encode", "decode"), "value": checking.anything}
    yield from checking.members(value, path, checks, required=required, optional={})


def _compile(value: Json, path: str, compiler: Compiles, place: Place) -> Resolve:
    """Return a resolver that writes or reads JSON; a mode in capitals passes the check and does nothing."""
    if not isinstance(value, dict):
        return compiler.fail(path, f"needs an object with mode and value, not {kind(value)}")
    for name in ("mode", "value"):
        if is_falsy(value.get(name)):
            return compiler.fail(path, f"needs {name!r}, and not one that JavaScript takes for false")
    read = compiler.compile(value["value"], f"{path}/value", Place.OPERAND)
    if value["mode"] == "encode":
        return _encoding(read, path)
    return _decoding(read, path, place) if value["mode"] == "decode" else Constant(ABSENT)


def _encoding(read: Resolve, path: str) -> Resolve:
    """Return a resolver that writes JSON; of nothing at all comes nothing."""

    def encode(root: Json) -> Json:
        found = read(root)
        if found is ABSENT:
            return ABSENT
        try:
            return stringify(found)
        except MappingError as error:
            raise failure(path, error.safe) from error

    return encode


def _decoding(read: Resolve, path: str, place: Place) -> Resolve:
    """Return a resolver that reads JSON."""

    def decode(root: Json) -> Json:
        found = read(root)
        if isinstance(found, str):
            try:
                found = parse(found)
            except MappingError as error:
                raise failure(path, error.safe) from error
        return finished(found) if place is Place.OUTPUT and type(found) in CONTAINERS else found

    return decode


JSON_TEXT = Directive("@json", _check, _compile)
