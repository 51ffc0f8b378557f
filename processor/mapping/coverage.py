"""Which ways through a mapping events have taken: both branches of each `@if`, and whether each `@case` changed a text.

The mapping is compiled by the compiler itself, which here notes at these places what passes. So what is reported is
what resolving does, for every item of a list and with the places that errors of the mapping name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from processor.errors import MappingError
from processor.mapping.compiler import Compiler, directive_name
from processor.mapping.directives.base import Place
from processor.mapping.paths import Resolve
from processor.mapping.transform import compile_root
from processor.mapping.values import ABSENT, Json
from processor.model import Event

_Watch: TypeAlias = Callable[[Resolve], Resolve]

_IF: Final = "@if"
_CASE: Final = "@case"
_CHANGED: Final = "changed"


class Fork:
    """A place at which a mapping can go more than one way.

    Attributes:
        path: Where it is: `/metadata/plan/@if`.
        ways: What can happen there: `then` and `else`, or `changed`.
        taken: Those that have happened.
        is_reached: Whether the place was resolved at all, be it that resolving it failed.
    """

    __slots__ = ("is_reached", "path", "taken", "ways")

    def __init__(self, path: str, ways: tuple[str, ...]) -> None:
        """Start with nothing taken."""
        self.path = path
        self.ways = ways
        self.taken: set[str] = set()
        self.is_reached = False

    @property
    def gaps(self) -> list[str]:
        """Return what has not happened there, in words; empty when everything has."""
        if not self.is_reached:
            return ["is never reached"]
        if self.ways == (_CHANGED,):
            return [] if self.taken else ["is reached, but never changes a text"]
        return [f"{way} is never taken" for way in self.ways if way not in self.taken]


class MappingCoverage:
    """One mapping and what events have reached in it. Pure but for what it remembers."""

    def __init__(self, mapping: Json) -> None:
        """Compile the mapping; one that cannot be compiled has no forks.

        Raises:
            MappingError: it goes deeper than what the stack has left.
        """
        tracer = _Tracer()
        self._resolve = compile_root(mapping, tracer)
        self.forks = tuple(tracer.forks)

    def run(self, event: Event) -> None:
        """Note what an event reaches. Total: what was reached before a failure counts."""
        try:
            self._resolve(event)
        except (MappingError, RecursionError):
            return


class _Tracer(Compiler):
    """The compiler, which wraps the resolvers at forks and at their parts."""

    def __init__(self) -> None:
        """Start without forks."""
        super().__init__()
        self.forks: list[Fork] = []
        self._watches: dict[str, _Watch] = {}

    def compile(self, value: Json, path: str, place: Place) -> Resolve:
        """Return the resolver of a mapping value, which notes what passes where the value is a fork or part of one."""
        watch_part = self._watches.pop(path, None)
        watch_whole = self._fork(value, path)
        resolve = super().compile(value, path, place)
        if watch_whole is not None:
            resolve = watch_whole(resolve)
        return resolve if watch_part is None else watch_part(resolve)

    def _fork(self, value: Json, path: str) -> _Watch | None:
        """Return how a value is watched as a whole, None where it is no fork; its parts are looked out for."""
        name = directive_name(value) if isinstance(value, dict) else None
        if name is None:
            return None
        options = value[name]
        if name == _IF and isinstance(options, dict) and not options.keys().isdisjoint(("then", "else")):
            return self._branches(f"{path}/{name}", "else" if "then" in options else "then")
        return self._change(f"{path}/{name}") if name == _CASE and isinstance(options, dict) else None

    def _branches(self, path: str, unwritten: str) -> _Watch:
        """Return how an `@if` is watched. `unwritten` is the branch it takes when it resolves neither of the two."""
        fork = Fork(path, ("then", "else"))
        self.forks.append(fork)
        entered: list[str] = []

        def part(way: str) -> _Watch:
            def watch(resolve: Resolve) -> Resolve:
                def run(root: Json) -> Json:
                    entered.append(way)
                    fork.taken.add(way)
                    return resolve(root)

                return run

            return watch

        def whole(resolve: Resolve) -> Resolve:
            def run(root: Json) -> Json:
                fork.is_reached = True
                entered.clear()
                value = resolve(root)
                if not entered:
                    fork.taken.add(unwritten)
                return value

            return run

        self._watches |= {f"{path}/{way}": part(way) for way in fork.ways}
        return whole

    def _change(self, path: str) -> _Watch:
        """Return how a `@case` is watched: its value is compared with what it makes of it."""
        fork = Fork(path, (_CHANGED,))
        self.forks.append(fork)
        given: list[Json] = [ABSENT]

        def operand(resolve: Resolve) -> Resolve:
            def run(root: Json) -> Json:
                given[0] = resolve(root)
                return given[0]

            return run

        def whole(resolve: Resolve) -> Resolve:
            def run(root: Json) -> Json:
                fork.is_reached = True
                value = resolve(root)
                if isinstance(value, str) and value != given[0]:
                    fork.taken.add(_CHANGED)
                return value

            return run

        self._watches[f"{path}/value"] = operand
        return whole
