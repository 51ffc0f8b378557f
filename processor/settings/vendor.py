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
        vendor = self.vendor_of(value)
        return DestinationSettings if vendor is None else destination_model(vendor.type, vendor)

    def vendor_of(self, value: object) -> type[Destination] | None:
        """Return a destination's vendor, None where no vendor has its type."""
        type_name = value.get("type") if isinstance(value, dict) else None
        return self.registry.get(type_name) if isinstance(type_name, str) else None

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema that chooses the model by the value."""
        return core_schema.with_info_plain_validator_function(self._validated)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the JSON Schema of all vendors' destinations."""
        models = (destination_model(type_name, vendor) for type_name, vendor in self.registry.items())
        return {"oneOf": [handler(model.__pydantic_core_schema__) for model in models]}

    def _validated(self, value: Any, info: ValidationInfo) -> DestinationSettings:  # noqa: ANN401 - whatever a file holds
        """Return a destination's settings; refuse what pydantic, the vendor or its plan cannot take."""
        vendor = self.vendor_of(value)
        if vendor is None:
            raise merged(self._faults_without_vendor(value, info))
        model = destination_model(vendor.type, vendor)
        try:
            settings = model.model_validate(value, context=info.context)
        except ValidationError as error:
            raise merged([*carried(error), *_faults_of_the_rest(vendor, model, value, error, info)]) from None
        found = list(misfits(vendor, settings))
        if found:
            raise refuse(*found)
        return settings

    def _faults_without_vendor(self, value: object, info: ValidationInfo) -> Iterator[InitErrorDetails]:
        """Yield that the type is unknown or missing, and what is wrong with the part that all vendors share."""
        known: tuple[str, ...] = ()
        if isinstance(value, dict):
            known = ("type", "settings") if "type" in value else ("type",)
            yield located(("type",), self._unknown(value["type"]) if "type" in value else self._missing())
        try:
            DestinationSettings.model_validate(value, context=info.context)
        except ValidationError as error:
            yield from (fault for fault in carried(error) if not fault["loc"] or fault["loc"][0] not in known)

    def _missing(self) -> str:
        return f"a required key is missing: the vendor; allowed: {listed(self.registry)}"

    def _unknown(self, type_name: object) -> str:
        if not isinstance(type_name, str):
            return f"this is no type of a destination; allowed: {listed(self.registry)}"
        near = nearest(type_name, self.registry)
        hint = "" if near is None else f"; did you mean {near!r}?"
        return f"found {type_name!r}; allowed: {listed(self.registry)}{hint}"


def _faults_of_the_rest(
    vendor: type[Destination],
    model: type[DestinationSettings],
    value: object,
    error: ValidationError,
    info: ValidationInfo,
) -> Iterator[InitErrorDetails]:
    """Yield what does not fit the vendor in the parts that pydantic has nothing against."""
    sound = sound_parts(value, [fault["loc"] for fault in error.errors(include_url=False)], vendor.settings_model)
    if sound is None:
        return
    try:
        settings = model.model_validate(sound.value, context=info.context)
    except ValidationError:
        return  # what is left does not go together without the faulty parts, so nothing can be said of it yet
    for path, text in misfits(vendor, settings):
        if path != ("settings",) or not sound.is_vendor_guessed:
            yield located(sound.original(path), text)
