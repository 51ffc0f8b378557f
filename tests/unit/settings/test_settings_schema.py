"""The JSON Schema of the configuration: committed, current, and of one mind with the models."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from processor.destinations import REGISTRY
from processor.settings import json_schema

ROOT = Path(__file__).parents[3]
COMMITTED = ROOT / "schemas" / "config.schema.json"
VALIDATOR = jsonschema.Draft202012Validator(json_schema())


def configuration(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any part of a destination
    """Return a valid file, its one destination changed."""
    destination = {"type": "moesif", "start": "latest", "settings": {"application_id": {"env": "KEY"}}} | changes
    return {"kafka": {"bootstrap_servers": "localhost:9092", "topics": ["t"]}, "destinations": {"crm": destination}}


def test_the_committed_schema_is_current() -> None:
    """After a change of settings: `python -m processor.settings > schemas/config.schema.json`."""
    assert json.loads(COMMITTED.read_text()) == json_schema()


def test_the_command_prints_the_schema() -> None:
    """What the docstring above says to run gives the committed file to the byte."""
    command = [sys.executable, "-m", "processor.settings"]
    printed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert printed == COMMITTED.read_text()


def test_the_schema_is_a_schema() -> None:
    """Draft 2020-12, as its first line says."""
    jsonschema.Draft202012Validator.check_schema(json_schema())
    assert json_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_every_vendor_is_in_it() -> None:
    """A vendor is one form of a destination."""
    (forms,) = json_schema()["properties"]["destinations"]["patternProperties"].values()
    assert [form["properties"]["type"]["const"] for form in forms["oneOf"]] == list(REGISTRY)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"deliver": False},
        {"start": "2026-01-31T08:00:00Z"},
        {"subscriptions": [{"name": "a", "trigger": "t", "action": "b", "mapping": {"@path": "$"}}]},
        {"delivery": {"http": {"proxy": {"file": "/run/proxy"}}}},
        {"settings": {"api_key": {"file": "/run/key"}}},
    ],
)
def test_valid_files_pass(changes: dict[str, Any]) -> None:
    """Editors do not complain about what loads."""
    VALIDATOR.validate(configuration(**changes))


def test_durations_are_seconds() -> None:
    """As the file has them, not as JSON Schema's own text form."""
    VALIDATOR.validate(configuration() | {"operations": {"restarts": {"first_wait": 2.5}}})


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "moesiff"},
        {"strat": "latest"},
        {"subscriptions": "defualt"},
        {"deliver": "no"},
        {"settings": {}},
        {"settings": {"application_id": "literal"}},
        {"delivery": {"endpoints": {"actions": {"max_batch_count": 0}}}},
    ],
)
def test_what_does_not_load_fails(changes: dict[str, Any]) -> None:
    """Editors mark it while it is typed."""
    assert not VALIDATOR.is_valid(configuration(**changes))


def test_names_and_kafka_secrets_are_checked_too() -> None:
    """A name that is no label, and a literal password of Kafka."""
    valid = configuration()
    assert not VALIDATOR.is_valid(valid | {"destinations": {"Crm": valid["destinations"]["crm"]}})
    kafka = valid["kafka"] | {"properties": {"sasl.password": "literal"}}
    assert not VALIDATOR.is_valid(valid | {"kafka": kafka})


def test_every_setting_is_described() -> None:
    """Meaning, unit, default and why: the reference page is made of these."""
    bare = [
        f"{model}.{name}"
        for model, definition in json_schema()["$defs"].items()
        for name, field in definition.get("properties", {}).items()
        if not field.get("description")
    ]
    assert bare == []
