"""The choice of the vendor by `type`: which model a destination is checked against, and what else the vendor says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, core_schema

from processor.config.located import carried, located, merged, refuse
from processor.config.problems import listed, nearest
from processor.destinations.base import Destination
from processor.settings.destination import DestinationSettings, destination_model
from processor.settings.fit import misfits
from processor.settings.sound import sound_parts


@dataclass(frozen=True)
class ByType:
    """Metadata that lets each destination be checked against the model of its vendor.

    Not a tagged union of pydantic: that looks at nothing else where the type is unknown, and a file's faults are shown
    all at once.
    """

    registry: Mapping[str, type[Destination]]

    def model_for(self, value: object) -> type[BaseModel]:
        """Return the model of a destination's vendor; the common one where no vendor has its type."""
        type_name = value.get("type") if isinstance(value, dict) else None
        if not isinstance(type_name, str) or type_name not in self.registry:
            return DestinationSettings
        return destination_model(type_name, self.registry[type_name])

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema that chooses the model by the value."""
        return core_schema.with_info_plain_validator_function(self._validated)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the JSON Schema of all vendors' destinations."""
        models = (destination_model(type_name, vendor) for type_name, vendor in self.registry.items())
        return {"oneOf": [handler(model.__pydantic_core_schema__) for model in models]}

    def _validated(self, value: Any, info: ValidationInfo) -> DestinationSettings:  # noqa: ANN401 - whatever a file holds
        """Return a destination's settings; refuse what pydantic, the vendor or its plan cannot take."""
        model = self.model_for(value)
        if model is DestinationSettings and isinstance(value, dict) and "type" in value:
            raise merged(self._faults_of_unknown_type(value, info))
        try:
            settings = model.model_validate(value, context=info.context)
        except ValidationError as error:
            raise merged([*carried(error), *self._faults_of_the_rest(model, value, error, info)]) from None
        assert isinstance(settings, DestinationSettings)
        found = list(misfits(self.registry[settings.type], settings))
        if found:
            raise refuse(*found)
        return settings

    def _faults_of_the_rest(
        self, model: type[BaseModel], value: object, error: ValidationError, info: ValidationInfo
    ) -> Iterator[InitErrorDetails]:
        """Yield what does not fit the vendor in the parts that pydantic has nothing against."""
        sound = sound_parts(value, [fault["loc"] for fault in error.errors(include_url=False)])
        if sound is None:
            return
        settings = model.model_validate(sound.value, context=info.context)
        assert isinstance(settings, DestinationSettings)
        for path, text in misfits(self.registry[settings.type], settings):
            yield located(sound.original(path), text)

    def _faults_of_unknown_type(self, value: dict[str, Any], info: ValidationInfo) -> Iterator[InitErrorDetails]:
        """Yield that the type is unknown, and what is wrong with the part that all vendors share."""
        yield located(("type",), self._unknown(value["type"]))
        try:
            DestinationSettings.model_validate(value, context=info.context)
        except ValidationError as error:
            yield from (fault for fault in carried(error) if fault["loc"][0] not in ("type", "settings"))

    def _unknown(self, type_name: object) -> str:
        if not isinstance(type_name, str):
            return f"this is no type of a destination; allowed: {listed(self.registry)}"
        near = nearest(type_name, self.registry)
        hint = "" if near is None else f"; did you mean {near!r}?"
        return f"found {type_name!r}; allowed: {listed(self.registry)}{hint}"
