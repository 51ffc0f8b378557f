"""A document checked against a model: the model's instance, or everything that is wrong at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from itertools import groupby
from typing import Any, Final, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from processor.config.document import Document
from processor.config.located import REFUSED
from processor.config.misread import misread_scalars
from processor.config.nodes import Mark, Node, Place, place_of, steps_present
from processor.config.problems import Path, Problem, config_error, listed, nearest
from processor.config.shape import all_keys_of, field_at, keys_of, models_at, types_at
from processor.config.wording import (
    allowed_text,
    choices,
    found_text,
    is_complete,
    is_own,
    joined,
    message_text,
    shows_text,
)

ModelT = TypeVar("ModelT", bound=BaseModel)

_UNKNOWN: Final = "extra_forbidden"
_MISSING: Final = "missing"
_TOO_SHORT: Final = "too_short"


def validate(
    model: type[ModelT],
    document: Document,
    context: Mapping[str, Any] | None = None,
    *,
    part: Mapping[str, Any] | None = None,
) -> ModelT:
    """Return the document as an instance of `model`; `part` is what of its value to take, all of it unless given.

    Raises:
        ConfigError: naming every problem with its place, sorted by line. No secret is in its text.
    """
    problems, instance = _checked(model, document, context, document.value if part is None else part)
    meant = _as_meant(model, document) if problems else None
    if meant is not None:
        problems += _checked(model, meant, context, meant.value)[0]
    if problems or instance is None:
        # Raised out here: pydantic's own error, which shows values, must not travel along as the context.
        raise config_error(document.file, problems, document.others)
    return instance


def _checked(
    model: type[ModelT], document: Document, context: Mapping[str, Any] | None, value: object
) -> tuple[list[Problem], ModelT | None]:
    """Return what is wrong with a document, and the instance that its value, or a part of it, comes to."""
    problems = [*document.problems, *misread_scalars(model, document.root)]
    instance: ModelT | None = None
    try:
        instance = model.model_validate(value, context=dict(context or {}))
    except ValidationError as error:
        known = {(problem.line, problem.column) for problem in problems}
        problems += _explained(model, document, error.errors(include_url=False), known)
    return problems, instance


def _as_meant(model: type[BaseModel], document: Document) -> Document | None:
    """Return a document with its misspelt top-level keys put right, so that what they hold is checked as well.

    None where there is none that is near to a missing one.
    """
    root = document.root
    missing = [key for key in keys_of(model) if key not in root.children]
    meant = {
        key: near
        for key in root.children
        if key not in all_keys_of(model) and (near := nearest(str(key), missing)) is not None
    }
    if not meant or len(set(meant.values())) < len(meant):
        return None
    corrected = Node(root.kind, root.mark, {})
    for key, child in root.children.items():
        corrected.add(meant.get(key, key), root.keys[key], child)
    return Document(document.file, corrected, others=document.others)


def _explained(
    model: type[BaseModel], document: Document, errors: list[ErrorDetails], known: AbstractSet[Mark]
) -> Iterator[Problem]:
    """Yield the problems that pydantic's errors come to, but for values whose problems are `known` already."""
    placed = [(_placed(document.root, error), error) for error in errors]
    placed = [(place, error) for place, error in placed if not _is_echo(place, error)]
    for place, alternatives in _by_fork(placed):
        if place.value_mark not in known:
            yield _problem(model, document, place, alternatives)


def _is_echo(place: Place, error: ErrorDetails) -> bool:
    """Return whether a list is only too short because pydantic does not count its faulty items, which are told."""
    found = None if place.node is None else place.node.value
    return error["type"] == _TOO_SHORT and isinstance(found, list | dict) and len(found) >= error["ctx"]["min_length"]


def _placed(root: Node, error: ErrorDetails) -> Place:
    """Return where an error belongs; what is missing belongs to its parent."""
    location = error["loc"]
    if error["type"] == _MISSING:
        return place_of(root, location[:-1], location[-1:])
    if error["type"] == REFUSED:
        # Written by hand: what is not in the file at its end is a key that could be.
        present = steps_present(root, location)
        return place_of(root, location[:present], location[present:])
    return place_of(root, location)


Placed = tuple[Place, ErrorDetails]


def _by_fork(placed: list[Placed]) -> Iterator[tuple[Place, list[ErrorDetails]]]:
    """Yield each place with its errors; what the alternatives of one union say is brought down to what was meant."""
    for fork, group in groupby(placed, key=lambda entry: entry[0].fork):
        entries = list(group)
        if fork is None:
            yield from ((place, [error]) for place, error in entries)
            continue
        deep = [entry for entry in entries if len(entry[0].path) > len(fork)]
        if deep:
            yield from ((place, [error]) for place, error in _likeliest(deep))
        else:
            yield entries[0][0], [error for _, error in entries]


def _likeliest(entries: list[Placed]) -> list[Placed]:
    """Return the errors of the alternative that came closest: the one with the fewest."""
    by_label: dict[str, list[Placed]] = {}
    for entry in entries:
        by_label.setdefault(entry[0].labels[0], []).append(entry)
    return min(by_label.values(), key=len)


def _problem(model: type[BaseModel], document: Document, place: Place, errors: list[ErrorDetails]) -> Problem:
    """Return what the errors at one place come to; several are alternatives, all of them allowed."""
    error = errors[0]
    if error["type"] == _UNKNOWN:
        return _unknown_key(model, document, place)
    if error["type"] == _MISSING:
        meaning = _meaning(model, document, place.path)
        words = listed(_literals(types_at(model, place.path, document.value)))
        return Problem(*place.key_mark, place.path, f"a required key is missing{meaning and ': '}{meaning}", words)
    if error["loc"][-1:] == ("[key]",):
        return Problem(*place.key_mark, place.path, "the key is not a valid name", allowed_text(error))
    return _wrong_value(place, errors)


def _wrong_value(place: Place, errors: list[ErrorDetails]) -> Problem:
    """Return the problem of a value that its setting does not take: what it is, and what is allowed."""
    value = None if place.node is None else place.node.value
    if all(is_complete(error, value) for error in errors):
        return Problem(*place.value_mark, place.path, joined(map(message_text, errors)))
    found = found_text(value, place.path, is_text_shown=any(map(shows_text, errors)))
    if all(is_own(error) for error in errors):
        says = joined(message_text(error) for error in errors)
        return Problem(*place.value_mark, place.path, f"{found}; {says}")
    words = [word for error in errors for word in choices(error)]
    near = nearest(value, words) if isinstance(value, str) else None
    return Problem(*place.value_mark, place.path, found, joined(map(allowed_text, errors)), near)


def _unknown_key(model: type[BaseModel], document: Document, place: Place) -> Problem:
    """Return the problem of a key that no model knows; its value may be a secret under a wrong name."""
    *parent, key = place.path
    siblings = models_at(model, tuple(parent), document.value)
    known = list(dict.fromkeys(name for sibling in siblings for name in keys_of(sibling)))
    every = [name for sibling in siblings for name in all_keys_of(sibling)]
    if key in every:
        return Problem(
            *place.key_mark, place.path, "the same setting stands here twice, in two spellings", "one of them"
        )
    return Problem(*place.key_mark, place.path, "unknown key", listed(known), nearest(str(key), every))


def _literals(types: Iterable[Any]) -> list[str]:
    """Return the words among which a value is chosen."""
    return [str(word) for found in types if get_origin(found) is Literal for word in get_args(found)]


def _meaning(model: type[BaseModel], document: Document, path: Path) -> str:
    """Return what a missing key is for, as its field's description says in its first sentence."""
    *parent, key = path
    for candidate in models_at(model, tuple(parent), document.value):
        field = field_at(candidate, str(key))
        if field is not None and field.description is not None:
            return field.description.partition(". ")[0].rstrip(".")
    return ""
