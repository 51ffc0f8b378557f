"""The chart's files say the same as each other: values, their schema, their table, versions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft7Validator

from tests.chart.artifacts import ARTIFACTS, ROOT, described_values
from tests.chart.rendering import CHART, FEATURES, feature_values, lint, read_yaml, refusal, with_values

SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
VALUES = read_yaml((CHART / "values.yaml").read_text(encoding="utf-8"))
FREE = {"annotations", "labels", "texts"}
"""Definitions of maps whose keys are the user's own."""
BY_NAME = {"destinations", "secrets", "files", "env", "topics"}
"""Maps from a name of the user's choice to something that is checked."""


@pytest.mark.parametrize("name", ARTIFACTS)
def test_generated_files_are_current(name: str) -> None:
    """What is in the tree is what its sources come to."""
    stale = f"{name} is stale: run `python -m tests.chart.artifacts` in the root of the tree"
    assert ARTIFACTS[name]() == (ROOT / name).read_text(encoding="utf-8"), stale


def test_the_schema_is_one() -> None:
    """The values schema keeps to the dialect that it names, which every Helm reads."""
    assert SCHEMA["$schema"] == Draft7Validator.META_SCHEMA["$schema"]
    Draft7Validator.check_schema(SCHEMA)


def objects(schema: Any, path: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:  # noqa: ANN401 - any JSON
    """Yield every part of a schema that describes an object, with its place."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield path, schema
        for key, part in schema.items():
            yield from objects(part, f"{path}/{key}")
    elif isinstance(schema, list):
        for index, part in enumerate(schema):
            yield from objects(part, f"{path}/{index}")


def test_no_object_takes_keys_that_are_not_there() -> None:
    """Only maps whose keys are the user's own are open, and these say what their values are."""
    found = [
        path for path, part in objects(SCHEMA) if "additionalProperties" not in part and part.get("maxProperties") != 0
    ]
    vendors = [path for path in found if path.startswith("#/definitions/bridge")]
    assert found == ["#/properties/global", *vendors]
    allowed = r"#/definitions/bridge(BaseModel|\w+/properties/(mapping|fields|settings))"
    assert [] == [path for path in vendors if not re.match(allowed, path)]
    is_open = [path for path, part in objects(SCHEMA) if part.get("additionalProperties") is True]
    assert [] == [path for path in is_open if not path.startswith("#/definitions/bridge")]


def places(values: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every map of the default values that is not free."""
    yield path
    for key, value in values.items():
        if isinstance(value, dict) and path != ("config",) and not _is_free((*path, key)):
            yield from places(value, (*path, key))


def _is_free(path: tuple[str, ...]) -> bool:
    part = SCHEMA
    for key in path:
        part = SCHEMA["definitions"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part
        part = part.get("properties", {}).get(key, {})
    return part.get("$ref", "").rpartition("/")[2] in FREE or path[-1] in BY_NAME


@pytest.mark.parametrize("path", list(places(VALUES)), ids=".".join)
def test_unknown_keys_are_refused_everywhere(path: tuple[str, ...]) -> None:
    """A misspelt value is an error, not a default."""
    values: dict[str, Any] = {"no_such_key": 1}
    for key in reversed(path):
        values = {key: values}
    assert "no_such_key" in refusal(with_values("minimal", values))


@pytest.mark.parametrize(
    "entry", [("destinations", "moesif-prod"), ("secrets", "moesif"), ("topicCreation", "topics", "t")]
)
def test_unknown_keys_are_refused_below_names_of_the_user(entry: tuple[str, ...]) -> None:
    """What stands below a name of the user's choice is checked as well."""
    values: dict[str, Any] = {"no_such_key": 1}
    for key in reversed(entry):
        values = {key: values}
    assert "no_such_key" in refusal(with_values("minimal", values))


def test_the_bridges_own_file_is_checked_with_the_values() -> None:
    """A key that the bridge would refuse is refused by Helm already, with its place."""
    told = refusal(with_values("minimal", {"config": {"kafka": {"topic": "events"}}}))
    assert "topic" in told
    assert "/config/kafka" in told or "config.kafka" in told


def leaves(values: Any, path: tuple[str, ...] = ()) -> Iterator[str]:  # noqa: ANN401 - any YAML
    """Yield the path of every value that is no map, or an empty one."""
    if isinstance(values, dict) and values:
        for key, value in values.items():
            yield from leaves(value, (*path, key))
    else:
        yield ".".join(path)


def test_every_value_is_described() -> None:
    """Each has a comment of its own or stands in a map that has one, and no comment is about nothing."""
    paths = [value.path for value in described_values()]
    undescribed = [leaf for leaf in leaves(VALUES) if not any(f"{leaf}.".startswith(f"{path}.") for path in paths)]
    assert [] == undescribed
    assert [] == [value.path for value in described_values() if not value.description]
    assert len(paths) > 60


def test_defaults_satisfy_the_schema_but_for_what_is_required() -> None:
    """Nothing but the destinations has to be given."""
    errors = list(Draft7Validator(SCHEMA).iter_errors(VALUES))
    assert [["config", "destinations"]] == [list(error.absolute_path) for error in errors]


@pytest.mark.parametrize("feature", FEATURES)
def test_lint_has_nothing_to_say(feature: str) -> None:
    """Helm's own strict lint takes the chart with the values of each feature."""
    assert [] == lint(feature_values(feature))


def test_there_is_a_file_for_each_feature() -> None:
    """At least eight, each of which begins by saying what it shows."""
    assert len(FEATURES) >= 8
    for feature in FEATURES:
        assert (CHART / "ci" / f"{feature}-values.yaml").read_text(encoding="utf-8").startswith("# ")


def test_helm_3_renders_each_feature_too() -> None:
    """The suite that helm-unittest runs names every file of `ci`."""
    suite = read_yaml((CHART / "tests" / "features_test.yaml").read_text(encoding="utf-8"))
    named = [path for each in suite["tests"] for path in each["values"]]
    assert {f"../ci/{feature}-values.yaml" for feature in FEATURES} == set(named)


def test_upgrading_leads_with_the_version_of_the_chart() -> None:
    """Who upgrades to this version finds what to do."""
    version = read_yaml((CHART / "Chart.yaml").read_text(encoding="utf-8"))["version"]
    headings = re.findall(r"^## (.+)$", (CHART / "UPGRADING.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == version


def test_links_of_the_charts_pages_lead_somewhere() -> None:
    """Every relative link names a file that is there."""
    for page in ("README.md", "UPGRADING.md"):
        targets = re.findall(r"\]\(([^)#:]+)\)", (CHART / page).read_text(encoding="utf-8"))
        assert [] == [target for target in targets if not (CHART / target).exists()]


def test_checkov_is_told_why_it_skips() -> None:
    """The list is short, and each line of it has a reason."""
    lines = (CHART.parent / "checkov.yaml").read_text(encoding="utf-8").splitlines()
    skipped = [line for line in lines if "CKV_" in line]
    assert 0 < len(skipped) <= 8
    assert [] == [line for line in skipped if not re.fullmatch(r"  - CKV_K8S_\d+ +# \w.{20,}", line)]
