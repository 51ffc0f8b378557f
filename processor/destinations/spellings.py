"""Settings that a vendor's own page spells otherwise: both spellings are read, never both at once."""

from __future__ import annotations

from typing import Any

from pydantic import AliasChoices, BaseModel

from processor.config.shape import spellings


def spelled(name: str, *others: str) -> AliasChoices:
    """Return the spellings of a setting for `Field(validation_alias=…)`, our own first.

    Where a file gives two of them, the second is refused as an unknown key.
    """
    return AliasChoices(name, *others)


def add_spellings(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Let the JSON Schema of a settings model take every spelling of its fields, as editors check while one types."""
    for name, field in model.model_fields.items():
        names = spellings(name, field)
        if len(names) == 1:
            continue
        for other in names[1:]:
            schema["properties"][other] = schema["properties"][names[0]] | {"description": f"The same as `{name}`."}
        schema.setdefault("allOf", []).append(_one_of(names, required=names[0] in schema.get("required", ())))
        schema["required"] = [key for key in schema.get("required", ()) if key != names[0]]


def _one_of(names: list[str], *, required: bool) -> dict[str, Any]:
    """Return the schema that takes one of these keys, or at most one where none is required."""
    choices: list[dict[str, Any]] = [{"required": [name]} for name in names]
    if not required:
        choices.append({"not": {"anyOf": choices.copy()}})
    return {"oneOf": choices}
