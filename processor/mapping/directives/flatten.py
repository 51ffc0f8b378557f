"""`@flatten`: a nested object as one level, its keys joined by a separator.

Segment's rules: empty objects and lists vanish, a scalar lands under the empty key, an empty key in front is lost, and
of equal keys the later one counts, where "later" is JavaScript's order.
"""

from __future__ import annotations

from collections.abc import Iterator

from processor.mapping.directives import checking
from processor.mapping.directives.base import Checks, Compiles, Directive, Place, Problem, failure
from processor.mapping.directives.limits import MAX_CHARS, too_much
from processor.mapping.javascript import is_falsy, js_keys
from processor.mapping.paths import Resolve
from processor.mapping.values import PROTO, Json, finished, kind


def _check(value: Json, path: str, checks: Checks) -> Iterator[Problem]:
    """Yield the problems of `@flatten`."""
    required, optional = {"value": checking.anything}, {"separator": checking.plain_text}
    yield from checking.members(value, path, checks, required=required, optional=optional)


def _compile(value: Json, path: str, compiler: Compiles, place: Place) -> Resolve:
    """Return a resolver that flattens."""
    if not isinstance(value, dict):
        return compiler.fail(path, f"needs an object with value and separator, not {kind(value)}")
    if is_falsy(value.get("separator")):
        return compiler.fail(path, "needs a separator")
    read = compiler.compile(value.get("value"), f"{path}/value", Place.OPERAND)
    spell = compiler.compile(value["separator"], f"{path}/separator", Place.OPERAND)
    omits_lists = not is_falsy(value.get("omitArrays"))

    def resolve(root: Json) -> Json:
        separator = spell(root)
        if not isinstance(separator, str):
            raise failure(f"{path}/separator", f"needs a text, but its directive gave {kind(separator)}")
        flat = _flat(read(root), separator, path, omits_lists=omits_lists)
        return finished(flat) if place is Place.OUTPUT else flat

    return resolve


def _flat(value: Json, separator: str, path: str, *, omits_lists: bool) -> dict[str, Json]:
    """Return the leaves by their joined keys; the explicit stack makes depth harmless, the bound long keys."""
    flat: dict[str, Json] = {}
    left = MAX_CHARS
    waiting: list[tuple[str, Json]] = [("", value)]
    while waiting:
        prefix, node = waiting.pop()
        if isinstance(node, dict):
            keys = list(node)
            joined = "".join(keys)
            if not joined.isalpha():  # with a digit in them, keys may stand in another order
                keys = js_keys(node)
        elif isinstance(node, list) and not omits_lists:
            keys = [str(index) for index in range(len(node))]
            joined = "".join(keys)
        else:
            flat.pop(prefix, None)  # of equal keys the later one counts, and stands where that one stood
            if prefix != PROTO:
                flat[prefix] = node
            continue
        start = prefix + separator if prefix else ""
        left -= len(start) * len(keys) + len(joined)
        if left < 0:
            raise too_much(path, MAX_CHARS)
        keys.reverse()
        if isinstance(node, dict):
            for key in keys:
                waiting.append((start + key, node[key]))  # noqa: PERF401 - for a few keys a list on top costs more
        else:
            waiting += [(start + key, item) for key, item in zip(keys, reversed(node), strict=True)]
    return flat


FLATTEN = Directive("@flatten", _check, _compile)
