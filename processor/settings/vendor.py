"""The choice of the vendor by `type`: which model a destination is checked against, and what else the vendor says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, core_schema

from processor.config.located import carried, located, merged
from processor.config.problems import listed, nearest
from processor.destinations.base import Destination
from processor.settings.destination import DestinationSettings, destination_model
from processor.settings.fit import misfits
from processor.settings.sound import SoundParts, sound_parts

_MOST_ROUNDS: Final = 4
"""So often a destination is looked at without the faults found before: keys, then names, then what fits the vendor."""


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
        settings, faults = _checked(vendor, value, info)
        if settings is None or faults:
            raise merged(faults)
        return settings

    def _faults_without_vendor(self, value: object, info: ValidationInfo) -> Iterator[InitErrorDetails]:
        """Yield that the type is unknown or missing, and what is wrong with the rest.

        That is held against the vendor whose type was most likely meant, else only against what all vendors share.
        """
        if not isinstance(value, dict):
            yield from _faults_of_any(value, info, known=())
            return
        has_type = "type" in value
        yield located(("type",), self._unknown(value["type"]) if has_type else self._missing())
        meant = self._meant(value)
        if meant is None:
            yield from _faults_of_any(value, info, known=("type", "settings") if has_type else ("type",))
        else:
            yield from _checked(self.registry[meant], value | {"type": meant}, info)[1]

    def _meant(self, value: dict[str, Any]) -> str | None:
        """Return the type that a destination was most likely meant to have, under whatever spelling of the key."""
        keys = ["type"] if "type" in value else [key for key in value if _is_meant_for_type(key)]
        given = value[keys[0]] if len(keys) == 1 else None
        return nearest(given, self.registry) if isinstance(given, str) else None

    def _missing(self) -> str:
        return f"a required key is missing: the vendor; allowed: {listed(self.registry)}"

    def _unknown(self, type_name: object) -> str:
        if not isinstance(type_name, str):
            return f"this is no type of a destination; allowed: {listed(self.registry)}"
        near = nearest(type_name, self.registry)
        hint = "" if near is None else f"; did you mean {near!r}?"
        return f"found {type_name!r}; allowed: {listed(self.registry)}{hint}"


def _is_meant_for_type(key: object) -> bool:
    """Return whether a key of a destination is a misspelt `type`."""
    known = DestinationSettings.model_fields
    return key not in known and nearest(str(key), known) == "type"


def _faults_of_any(value: object, info: ValidationInfo, known: tuple[str, ...]) -> Iterator[InitErrorDetails]:
    """Yield what is wrong with the part of a destination that all vendors share, but for the `known` keys."""
    try:
        DestinationSettings.model_validate(value, context=info.context)
    except ValidationError as error:
        yield from (fault for fault in carried(error) if not fault["loc"] or fault["loc"][0] not in known)


def _checked(
    vendor: type[Destination],
    value: Any,  # noqa: ANN401 - whatever a file holds
    info: ValidationInfo,
) -> tuple[DestinationSettings | None, list[InitErrorDetails]]:
    """Return a destination's settings, None where there are none, and everything that is wrong with it.

    What keeps one check from running is left out, and the check runs on the rest: a person who mends a file should not
    have to come back for each kind of fault.
    """
    model = destination_model(vendor.type, vendor)
    faults: list[InitErrorDetails] = []
    settings = None
    for _ in range(_MOST_ROUNDS):
        places = [fault["loc"] for fault in faults]
        sound = sound_parts(value, places, vendor.settings_model) if faults else SoundParts(value)
        if sound is None:
            break
        try:
            settings = model.model_validate(sound.value, context=info.context)
        except ValidationError as error:
            found = [fault | {"loc": sound.original(fault["loc"])} for fault in carried(error)]
        else:
            fits = [(sound.original(path), text) for path, text in misfits(vendor, settings)]
            faults += [located(*fit) for fit in fits if fit[0] != ("settings",) or not sound.is_vendor_guessed]
            break
        new = [fault for fault in found if fault["loc"] not in places]
        if not new:
            break  # what is left does not go together without the faulty parts, so nothing more can be said of it
        faults += new
    return settings, faults
