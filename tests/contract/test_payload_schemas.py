"""The schemas of payloads: each says of itself what it is, and takes what every golden case expects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from processor.destinations import REGISTRY
from processor.destinations.reference import example
from tests.golden_cases import cases, expanded, payload_schema

FOLDER = Path(__file__).parents[2] / "schemas"
SCHEMAS: dict[str, Any] = {
    vendor: json.loads((FOLDER / "payloads" / f"{vendor}.schema.json").read_text(encoding="utf-8"))
    for vendor in REGISTRY
}


def _undescribed(node: Any, place: str = "") -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """Yield the places of properties without a description; one of a definition, or a constant, is enough."""
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from _undescribed(item, f"{place}/{index}")
        return
    if not isinstance(node, dict):
        return
    members = node.get("properties", {})
    for name, member in members.items() if "type" in node else ():
        if isinstance(member, dict) and member.keys().isdisjoint({"description", "const"}):
            yield f"{place}/{name}"
    for key, item in node.items():
        yield from _undescribed(item, f"{place}/{key}")


@pytest.mark.parametrize("vendor", SCHEMAS)
def test_a_schema_says_what_it_is(vendor: str) -> None:
    """It is a schema, with a name, a source, a definition for each endpoint, and a word on everything in it."""
    schema = SCHEMAS[vendor]
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:segment-bridge:payloads:{vendor}"
    assert "Source: " in schema["description"]
    assert set(example(REGISTRY[vendor]).endpoints) <= schema["$defs"].keys()
    assert [name for name, part in schema["$defs"].items() if "description" not in part] == []
    assert list(_undescribed(schema["$defs"])) == []


def _expected() -> Iterator[Any]:
    """Yield vendor, endpoint and payload of everything that the golden cases expect."""
    for parameter in cases("moveo", "events"):
        (case,) = parameter.values
        if "type" in case["expected"]:
            yield pytest.param("moveo", "events", case["expected"], id=f"moveo {parameter.id}")
    endpoints = {"action": "actions", "user": "users", "company": "companies"}
    for parameter in cases("moesif", "events"):
        (case,) = parameter.values
        for index, operation in enumerate(case["expected"].get("ops", [])):
            ((kind, item),) = operation.items()
            endpoint = "anonymous_users" if kind == "user" and "user_id" not in item else endpoints[kind]
            yield pytest.param("moesif", endpoint, item, id=f"moesif {parameter.id} {index}")
    for parameter in cases("moengage", "payloads"):
        (case,) = parameter.values
        for index, element in enumerate(case["expected"].get("elements", [])):
            yield pytest.param("moengage", "bulk", element, id=f"moengage {parameter.id} {index}")


EXPECTED = list(_expected())


@pytest.mark.parametrize(("vendor", "endpoint", "payload"), EXPECTED)
def test_a_schema_takes_what_a_case_expects(vendor: str, endpoint: str, payload: Any) -> None:  # noqa: ANN401 - any JSON
    """Each expected payload of each vendor is one by the schema of its endpoint."""
    payload_schema(vendor, endpoint).validate(expanded(payload))


@pytest.mark.parametrize(
    ("vendor", "endpoint", "payload"),
    [parameter for parameter in EXPECTED if isinstance(parameter.values[2], dict)],
)
def test_a_schema_refuses_what_is_beside_the_case(vendor: str, endpoint: str, payload: dict[str, Any]) -> None:
    """A member that no contract knows is refused, so that the schema tells a slip."""
    assert not payload_schema(vendor, endpoint).is_valid(expanded(payload) | {"unknown_member": 1})


def test_every_case_of_segments_endpoint_keeps_the_schema() -> None:
    """What Segment's own destination sent to MoEngage is a message by the schema of that endpoint."""
    with (FOLDER.parent / "tests/vectors/segment/moengage_actions.jsonl").open(encoding="utf-8") as lines:
        bodies = [case["request"]["body"] for case in map(json.loads, lines) if case.get("request")]
    schema = payload_schema("moengage", "segment")
    assert len(bodies) > 90
    assert [body for body in bodies if not schema.is_valid(body)] == []


def test_every_schema_is_listed() -> None:
    """The table of the folder names each file, and none that is not there."""
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    listed = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    files = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.suffix in {".json", ".avsc"}}
    assert listed == files
