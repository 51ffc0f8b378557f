"""The pages of Moveo One and Moesif say what the code does: limits, fields, and the codes of what is not sent."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from processor.destinations import REGISTRY
from processor.destinations.reference import example
from tests.markdown_pages import ROOT, page_text, rows, without_blocks

VENDORS = ("moveo", "moesif")
_CODE = re.compile(r"`([^`]+)`")
_GATES = {"not_an_object", "missing_type", "unknown_type", "integration_disabled", "filtered"}
_RESULT = re.compile(r"(?:Rejected|Skipped)\(\"([a-z_]+)\"")


def page(vendor: str) -> str:
    """Return a vendor's page without its examples."""
    return without_blocks(page_text(f"docs/destinations/{vendor}.md"))


@pytest.mark.parametrize("vendor", VENDORS)
def test_limits_have_their_defaults(vendor: str) -> None:
    """Each limit is a setting, and its number is the one that holds; Moesif's that differ are its endpoints'."""
    found = {name: default for name, _, default in rows(page(vendor), "setting", "what it bounds", "default")}
    fields = REGISTRY[vendor].settings_model.model_fields
    limits = {name for name in fields if re.match("max_|batch_size|flush_", name)}
    assert found.keys() == limits
    plain = {name: text for name, text in found.items() if re.fullmatch(r"\d+|off", text)}
    assert plain == {name: "off" if not (value := fields[name].default) else f"{value:.0f}" for name in plain}
    endpoints = example(REGISTRY[vendor]).endpoints
    for name, limit in (("batch_size", "max_batch_count"), ("max_request_bytes", "max_body_bytes")):
        numbers = set(map(int, re.findall(r"\d+", found[name])))
        assert numbers == {getattr(one, limit) for one in endpoints.values() if one.max_batch_count > 1}


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_field_that_is_sent_is_told(vendor: str) -> None:
    """Each member of the payloads' schema stands on the page."""
    schema = json.loads((ROOT / "schemas" / "payloads" / f"{vendor}.schema.json").read_text(encoding="utf-8"))
    told = {part for code in _CODE.findall(page(vendor)) for part in code.split(".")}
    definitions: dict[str, Any] = schema["$defs"]
    names = {name for one in definitions.values() for name in one.get("properties", {})}
    assert names - told == set()
    assert len(names) > 10


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_code_of_what_is_not_sent_is_told(vendor: str) -> None:
    """Each reason that the gates and the vendor's rules give has its line with the right outcome, and no other has."""
    table = rows(page(vendor), "code", "when", "outcome")
    told = {code: outcome for cell, _, outcome in table for code in _CODE.findall(cell) or [cell]}
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "processor/destinations" / vendor).glob("*.py")]
    assert told.keys() == {code for source in sources for code in _RESULT.findall(source)} | _GATES
    skipped = {code for source in sources for code in re.findall(r"Skipped\(\"([a-z_]+)\"", source)}
    assert {code for code, outcome in told.items() if outcome == "skipped"} == skipped | {
        "integration_disabled",
        "filtered",
    }


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_setting_on_the_page_is_one(vendor: str) -> None:
    """What looks like a setting of the vendor or of delivery, in a cell of its own, exists: nobody tries another."""
    model = REGISTRY[vendor].settings_model
    known = set(model.model_fields)
    shaped = re.compile(
        "(?:max|respect|send|group|alias|anonymous|page|missing|default|enabled|company|session)_[a-z_]+"
    )
    named = {code.partition(":")[0] for code in _CODE.findall(page(vendor))}
    schema = json.loads((ROOT / "schemas" / "payloads" / f"{vendor}.schema.json").read_text(encoding="utf-8"))
    sent = {name for one in schema["$defs"].values() for name in one.get("properties", {})}
    codes = {
        code for cell, *_ in rows(page(vendor), "code", "when", "outcome") for code in _CODE.findall(cell) or [cell]
    }
    assert {name for name in named if shaped.fullmatch(name)} - known - sent - codes == set()
