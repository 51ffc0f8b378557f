"""Both spellings of a setting, in the model and in its JSON Schema."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from processor.destinations.spellings import add_spellings, spelled


class _Settings(BaseModel):
    """One required and one optional setting with two spellings each, and one plain."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=add_spellings)

    api_key: str = Field(validation_alias=spelled("api_key", "apiKey"))
    batch_size: int = Field(default=20, validation_alias=spelled("batch_size", "batchSize"))
    gzip: bool = True


SCHEMA = jsonschema.Draft202012Validator(_Settings.model_json_schema())

CASES: list[tuple[dict[str, Any], bool]] = [
    ({"api_key": "k"}, True),
    ({"apiKey": "k"}, True),
    ({"apiKey": "k", "batchSize": 5, "gzip": False}, True),
    ({"api_key": "k", "batch_size": 5}, True),
    ({}, False),
    ({"api_key": "k", "apiKey": "k"}, False),
    ({"api_key": "k", "batch_size": 5, "batchSize": 5}, False),
    ({"api_key": "k", "batchsize": 5}, False),
]


@pytest.mark.parametrize(("settings", "valid"), CASES)
def test_model_and_schema_agree(settings: dict[str, Any], valid: bool) -> None:  # noqa: FBT001 - a table
    """Either spelling is taken and never both, by the program and by an editor that knows the schema alike."""
    assert SCHEMA.is_valid(settings) is valid
    if valid:
        _Settings.model_validate(settings)
    else:
        with pytest.raises(ValidationError):
            _Settings.model_validate(settings)


def test_second_spelling_is_named() -> None:
    """The error points at the key that has to go."""
    with pytest.raises(ValidationError) as caught:
        _Settings.model_validate({"api_key": "k", "apiKey": "k"})

    assert [error["loc"] for error in caught.value.errors()] == [("apiKey",)]
