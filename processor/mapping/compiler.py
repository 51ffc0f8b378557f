"""Turns a mapping into closures, once, at load.

What is left per event is calling them: no key is compared with a directive's name, no path is split, no template is
scanned. Parts without a directive become one shared constant. Compilation is total: where Segment would fail for each
event, the closure does, and the problem is remembered for those who check at load.
"""

from __future__ import annotations

from typing import Any, Final

from processor.mapping.check import METADATA, unknown
from processor.mapping.directives import DIRECTIVES
from processor.mapping.directives.base import Constant, Copied, Failing, Place, Problem, direct
from processor.mapping.paths import Resolve, step
from processor.mapping.values import ABSENT, PROTO, Json

_Members = tuple[tuple[str, Resolve], ...]
_Step = tuple[int, str]
"""The number of a node that was found before, 0 for the root, and the key to read there."""
_Row = tuple[str, int, str, Resolve | None]
"""A member's name, the node and the key that it is copied from, or the resolver that gives it."""

_DIRECTIVE_MARK: Final = "@"


class Compiler:
    """Compiles the values of one mapping; `failures` are the places that can only fail."""

    def __init__(self) -> None:
        """Start with nothing that fails."""
        self.failures: list[Problem] = []
        self.writes_event = False

    def needs_own_event(self) -> None:
        """Remember that a resolver writes into the event."""
        self.writes_event = True

    def fail(self, path: str, message: str) -> Resolve:
        """Return a resolver that fails for each event, and remember the problem."""
        problem = Problem(path or "/", message)
        self.failures.append(problem)
        return Failing(problem)

    def compile(self, value: Json, path: str, place: Place) -> Resolve:
        """Return the resolver of a mapping value."""
        if isinstance(value, dict):
            name = directive_name(value)
            if name is not None:
                return self._directive(name, value[name], path, place)
            return self.members(value, path, place)
        if isinstance(value, list):
            items = []
            for index, item in enumerate(value):  # a comprehension would take one more frame of the stack a level
                items.append(direct(self.compile(item, f"{path}/{index}", place)))
            return _list(tuple(items), place)
        return Constant(value)

    def members(self, value: dict[str, Any], path: str, place: Place) -> Resolve:
        """Return the resolver of an object, member by member, whatever its keys are called."""
        members = []
        for key, member in value.items():
            if key != PROTO:
                members.append((key, self.compile(member, f"{path}/{key}", place)))
        return _object(tuple(members), place)

    def _directive(self, name: str, options: Json, path: str, place: Place) -> Resolve:
        """Return the resolver of a directive."""
        directive = DIRECTIVES.get(name)
        if directive is None:
            return self.fail(path, unknown(name))
        return directive.compile(options, f"{path}/{name}", self, place)


def directive_name(value: dict[str, Any]) -> str | None:
    """Return the key of the directive that an object is run as, None where it is an object of members.

    It is a directive when beside directives' keys it holds at most the editor's notes. Of several, which only a place
    that is not checked can hold, the first one runs.
    """
    found = None
    for key in value:
        if key.startswith(_DIRECTIVE_MARK):
            found = key if found is None else found
        elif key != METADATA:
            return None
    return found


def _object(members: _Members, place: Place) -> Resolve:
    """Return the resolver of an object: a constant when all its members are."""
    build = _output_object(members) if place is Place.OUTPUT else _operand_object(members)
    return Constant(build(None)) if all(isinstance(resolve, Constant) for _, resolve in members) else build


def _output_object(members: _Members) -> Resolve:
    """Return the resolver of an object in the result: absent members are left out.

    What several paths share is walked once: of `context.page.url` and `context.page.path` the page is read once.
    """
    nodes: dict[_Step, int] = {}
    rows = tuple(_row(name, resolve, nodes) for name, resolve in members)
    walked = tuple(nodes)

    def build(root: Json) -> dict[str, Json]:
        found = [root]
        for base, key in walked:
            node = found[base]
            found.append(node.get(key, ABSENT) if type(node) is dict else step(node, key))
        result = {}
        for name, at, key, resolve in rows:
            if resolve is not None:
                value = resolve(root)
            else:
                node = found[at]
                value = node.get(key, ABSENT) if type(node) is dict else step(node, key)
            if value is not ABSENT:
                result[name] = value
        return result

    return build


def _row(name: str, resolve: Resolve, nodes: dict[_Step, int]) -> _Row:
    """Return a member as the node it is read from and the key there, or, where it is no copied path, its resolver.

    `nodes` are the steps so far with the number of the node that each leads to; the member's own are added.
    """
    if not isinstance(resolve, Copied):
        return name, 0, "", resolve
    *walked, last = resolve.keys
    node = 0
    for key in walked:
        node = nodes.setdefault((node, key), len(nodes) + 1)
    return name, node, last, None


def _operand_object(members: _Members) -> Resolve:
    """Return the resolver of an object that another directive takes: absent members stay as `ABSENT`."""

    def build(root: Json) -> dict[str, Json]:
        result = {}
        for key, resolve in members:
            result[key] = resolve(root)
        return result

    return build


def _list(items: tuple[Resolve, ...], place: Place) -> Resolve:
    """Return the resolver of a list: absent items keep their place, in the result as null."""
    gap = None if place is Place.OUTPUT else ABSENT

    def build(root: Json) -> list[Json]:
        result = []
        for resolve in items:
            value = resolve(root)
            result.append(gap if value is ABSENT else value)
        return result

    return Constant(build(None)) if all(isinstance(resolve, Constant) for resolve in items) else build
