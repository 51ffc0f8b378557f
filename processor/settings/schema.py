"""The JSON Schema of the configuration: for editors that check while typing, and for reference pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from processor.destinations import REGISTRY
from processor.destinations.base import Destination
from processor.settings.root import Settings, settings_model


class _Generator(GenerateJsonSchema):
    """Writes durations as what stands in a file: seconds."""

    def timedelta_schema(self, schema: core_schema.TimedeltaSchema) -> JsonSchemaValue:  # noqa: ARG002 - pydantic's hook
        """Return the schema of a number of seconds."""
        return {"type": "number"}


def json_schema(registry: Mapping[str, type[Destination]] = REGISTRY) -> dict[str, Any]:
    """Return the JSON Schema of the YAML file, with the settings of every vendor."""
    return _rendered(settings_model(registry))


def shared_json_schema() -> dict[str, Any]:
    """Return the JSON Schema of what the YAML file says whoever the vendor is; the vendor's own settings are open."""
    return _rendered(Settings)


def _rendered(model: type[Settings]) -> dict[str, Any]:
    schema = model.model_json_schema(schema_generator=_Generator)
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema, "title": "segment-bridge configuration"}
