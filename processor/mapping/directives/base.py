"""What a directive is, and what it may ask of the compiler.

A directive has two faces: a structural check, which runs once at load and reports every problem, and a compilation into
one closure. Segment applies the check to some places only (not inside lists); where it does not, the closure of a
malformed directive fails for each event instead, and `compile_mapping` refuses those at load as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Never, Protocol

from processor.errors import MappingError
from processor.mapping.paths import Keys, Resolve
from processor.mapping.values import CONTAINERS, Json, finished


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a mapping that keeps it from working, and where: `/traits/email/@path`, `/` for the root."""

    path: str
    message: str

    def __str__(self) -> str:
        """Return the problem as one line."""
        return f"{self.path} {self.message}"


class Place(Enum):
    """Where a resolved value goes."""

    OUTPUT = "output"
    """Into the result: absent keys are left out, an absent list item is null. What a path finds is handed on as it is;
    `cleaned` takes `__proto__` keys out of the whole result."""
    OPERAND = "operand"
    """Into another directive, which may tell absent from null: nothing is left out yet."""


class Failing:
    """A resolver that cannot give a value for any event, because of what the mapping says."""

    __slots__ = ("problem",)

    def __init__(self, problem: Problem) -> None:
        """Keep the problem to raise."""
        self.problem = problem

    def __call__(self, _root: object) -> Never:
        """Raise the problem.

        Raises:
            MappingError: always.
        """
        raise failure(self.problem.path, self.problem.message)


class Constant:
    """A resolver whose value does not depend on the event; the compiler folds it into what surrounds it.

    The value is shared by all results, as the event's own values are: results are read, never changed.
    """

    __slots__ = ("value",)

    def __init__(self, value: Json) -> None:
        """Keep the value."""
        self.value = value

    def __call__(self, _root: object) -> Json:
        """Return the value."""
        return self.value


class Copied:
    """A resolver that hands on what stands at a path; objects of several read what their paths share once."""

    __slots__ = ("keys", "read")

    def __init__(self, keys: Keys, read: Resolve) -> None:
        """Keep the keys to walk, at least one, and the resolver that walks them by itself."""
        self.keys = keys
        self.read = read

    def __call__(self, root: Json) -> Json:
        """Return what stands there; `ABSENT` when nothing does."""
        return self.read(root)


def direct(resolve: Resolve) -> Resolve:
    """Return a resolver without the wrapping that only objects look at, for whoever calls it once for each event."""
    return resolve.read if isinstance(resolve, Copied) else resolve


def fitting(resolve: Resolve, place: Place) -> Resolve:
    """Return a resolver of what another gives, fit for its place: a result holds nothing that is absent."""
    if place is Place.OPERAND:
        return resolve

    def fit(root: Json) -> Json:
        found = resolve(root)
        return finished(found) if type(found) in CONTAINERS else found

    return fit


class Checks(Protocol):
    """What the structural check offers to a directive."""

    def value(self, value: Json, path: str) -> Iterator[Problem]:
        """Yield the problems of a mapping value: a directive, or an object whose members are mapping values."""

    def text(self, value: Json, path: str) -> Iterator[Problem]:
        """Yield the problems of a value that must be a text or a directive."""


class Compiles(Protocol):
    """What the compiler offers to a directive."""

    def compile(self, value: Json, path: str, place: Place) -> Resolve:
        """Return the resolver of a mapping value. Total: what cannot work is a `Failing`."""

    def fail(self, path: str, message: str) -> Resolve:
        """Return a resolver that fails for each event, and remember the problem for those who check at load."""

    def needs_own_event(self) -> None:
        """Have the mapping run on a copy of the event, for a resolver writes into it; see `own_event`."""


@dataclass(frozen=True, slots=True)
class Directive:
    """One `@…` key: its check and its compilation, both given the value beside the key and the path of the key."""

    name: str
    check: Callable[[Any, str, Checks], Iterator[Problem]]
    compile: Callable[[Any, str, Compiles, Place], Resolve]


def failure(path: str, message: str) -> MappingError:
    """Return the error for a value that cannot be resolved. It holds no value of the event, so all of it is safe."""
    text = f"{path} {message}"
    return MappingError(text, safe=text)
