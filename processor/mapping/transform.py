"""The public entries to mappings: check one, compile one, apply one.

A mapping's root follows Segment: an object is one, a directive may stand for the whole, a list or text becomes an
object by index, any other scalar an empty one. Results share objects with the event and with the mapping: they are
read, never changed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from processor.errors import MappingError
from processor.mapping.check import TOO_DEEP, malformed, unfit, validate
from processor.mapping.compiler import Compiler
from processor.mapping.directives.base import Constant, Failing, Place, Problem
from processor.mapping.javascript import utf16_length, utf16_unit
from processor.mapping.own_event import on_own_event
from processor.mapping.paths import Resolve
from processor.mapping.root import unfolded
from processor.mapping.values import Json, cleaned, kind
from processor.model import Event


def transform(mapping: Json, event: Json) -> Json:
    """Return what the mapping makes of the event, absent keys left out; `ABSENT` when nothing at all comes out.

    Raises:
        MappingError: the mapping has a problem (`validate` lists them), the event is not an object, or a directive
            cannot be resolved for it.
    """
    if not isinstance(event, dict):
        raise _error(f"the event should be an object but it is {kind(event)}")
    _refuse(validate(mapping))
    return _mapped(compile_root(mapping, Compiler()), event)


def compile_mapping(mapping: Json) -> Callable[[Event], Json]:
    """Return the mapping as a function from event to result, or `ABSENT`; the function may raise `MappingError`.

    Stricter than `transform`, for use at load: see `problems_at_load`.

    Raises:
        MappingError: lists all problems of the mapping.
    """
    return partial(_mapped, compile_resolver(mapping))


def compile_resolver(mapping: Json) -> Resolve:
    """Return the same for those who map events by the thousand and know more of them.

    Beside `MappingError` it raises `RecursionError` for an event that is nested too deeply, and it hands `__proto__`
    keys of the event through: `cleaned` takes them out.

    Raises:
        MappingError: lists all problems of the mapping.
    """
    _refuse(problems_at_load(mapping))
    return compile_root(mapping, Compiler())


def problems_at_load(mapping: Json) -> list[Problem]:
    """Return everything that keeps a mapping from being used, none when it can be.

    More than Segment's own check finds: the root must be an object, and what could only fail for each event that
    reaches it counts as well.
    """
    if not isinstance(mapping, dict):
        return [Problem("/", f"should be an object but it is {kind(mapping)}")]
    problems = unfit(mapping)
    if problems:
        return problems
    compiler = Compiler()
    try:
        _root(mapping, compiler)
    except RecursionError:
        return [TOO_DEEP]
    problems = malformed(mapping)
    known = {problem.path for problem in problems}
    return problems + [failure for failure in compiler.failures if failure.path not in known]


def compile_root(mapping: Json, compiler: Compiler) -> Resolve:
    """Return the resolver of a whole mapping.

    Raises:
        MappingError: the mapping goes deeper than what the stack has left.
    """
    try:
        resolve = _root(mapping, compiler)
    except RecursionError as error:
        raise too_deep() from error
    return on_own_event(resolve) if compiler.writes_event else resolve


def _root(mapping: Json, compiler: Compiler) -> Resolve:
    """Return the resolver of a whole mapping, by what its root is."""
    match unfolded(mapping):
        case Problem() as problem:
            return compiler.fail(problem.path, problem.message)
        case None:
            return Failing(Problem("/", "should be an object but it is null"))
        case dict() as whole:
            return compiler.compile(whole, "", Place.OUTPUT)
        case list():
            return compiler.members({str(index): item for index, item in enumerate(mapping)}, "", Place.OUTPUT)
        case str():
            return Constant({str(index): utf16_unit(mapping, index) for index in range(utf16_length(mapping))})
    return Constant({})


def _mapped(resolve: Resolve, event: Event) -> Json:
    """Return the result for an event, without `__proto__` keys; even an exhausted stack ends as a `MappingError`."""
    try:
        return cleaned(resolve(event))
    except RecursionError as error:
        raise too_deep() from error


def too_deep() -> MappingError:
    """Return the error for an event, or a mapping, that goes deeper than what the stack has left."""
    return _error(str(TOO_DEEP))


def _refuse(problems: list[Problem]) -> None:
    """Raise a list of problems as one error; nothing when there are none."""
    if problems:
        raise _error("; ".join(map(str, problems)))


def _error(message: str) -> MappingError:
    """Return an error whose text holds no value of an event."""
    return MappingError(message, safe=message)
