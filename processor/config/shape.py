"""What models expect at a place of a document: which keys, and what they mean.

Pydantic says what is wrong with a value, but not what would have been right beside it; this looks it up in the models.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Protocol, Union, get_args, get_origin, runtime_checkable

from pydantic import AliasChoices, BaseModel
from pydantic.fields import FieldInfo

from processor.config.problems import Path


@runtime_checkable
class ModelChoice(Protocol):
    """Metadata of an `Annotated` type whose model depends on the value, such as on its `type`."""

    def model_for(self, value: object) -> type[BaseModel]:
        """Return the model that a value is checked against."""


def models_at(model: type[BaseModel], path: Path, value: object) -> list[type[BaseModel]]:
    """Return the models, in their order, against which the value at a path of a document is checked."""
    return [leaf for leaf in types_at(model, path, value) if _is_model(leaf)]


def types_at(model: type[BaseModel], path: Path, value: object) -> list[Any]:
    """Return the types that are taken at a path of a document, unions taken apart."""
    found: list[Any] = [model]
    for step in path:
        found = inside(found, step, value)
        value = _part(value, step)
    return alternatives(found, value)


def inside(annotations: Iterable[Any], step: str | int, value: object) -> list[Any]:
    """Return what is taken at one key or position of a value for which these types are taken."""
    return [inner for annotation in annotations for inner in _inside(annotation, step, value)]


def alternatives(annotations: Iterable[Any], value: object) -> list[Any]:
    """Return types with their unions taken apart, and without the wrappers around them."""
    return [leaf for annotation in annotations for leaf in _leaves(annotation, value)]


def keys_of(model: type[BaseModel]) -> list[str]:
    """Return the keys that a model takes, one spelling each, in the order of its fields."""
    return [spellings(name, field)[0] for name, field in model.model_fields.items()]


def all_keys_of(model: type[BaseModel]) -> list[str]:
    """Return the keys that a model takes, in every spelling."""
    return [spelling for name, field in model.model_fields.items() for spelling in spellings(name, field)]


def field_at(model: type[BaseModel], key: str) -> FieldInfo | None:
    """Return the field that a key of a document fills."""
    return next((field for name, field in model.model_fields.items() if key in spellings(name, field)), None)


def spellings(name: str, field: FieldInfo) -> list[str]:
    """Return the keys that fill a field, the preferred one first."""
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return [choice for choice in alias.choices if isinstance(choice, str)]
    return [alias] if isinstance(alias, str) else [name]


def _inside(annotation: object, step: str | int, value: object) -> Iterator[Any]:
    """Yield what is expected at one key or position inside of a type."""
    for leaf in _leaves(annotation, value):
        if _is_model(leaf):
            field = field_at(leaf, str(step))
            if field is not None:
                yield Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
            continue
        arguments, origin = get_args(leaf), get_origin(leaf)
        is_mapping = isinstance(origin, type) and issubclass(origin, Mapping)
        if arguments and is_mapping == isinstance(step, str):
            yield arguments[-1] if arguments[-1] is not Ellipsis else arguments[0]


def _leaves(annotation: Any, value: object) -> Iterator[Any]:  # noqa: ANN401 - any annotation
    """Yield the alternatives of a type, without the wrappers around them."""
    origin = get_origin(annotation)
    if origin is Annotated:
        choices = [mark for mark in annotation.__metadata__ if isinstance(mark, ModelChoice)]
        if choices:
            yield choices[0].model_for(value)
        else:
            yield from _leaves(annotation.__origin__, value)
    elif origin is Union or origin is types.UnionType:
        for part in get_args(annotation):
            yield from _leaves(part, value)
    else:
        yield annotation


def _part(value: object, step: str | int) -> object:
    """Return what stands at one key or position of a document's value, None where nothing does."""
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return value[step]
    return None


def _is_model(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
