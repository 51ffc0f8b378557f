"""Segment's exports become configuration without loss, and say what cannot work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from processor import workbench
from processor.destinations.exports import imported
from processor.destinations.filters import FilterSettings
from processor.errors import ConfigError
from processor.mapping import SubscriptionSettings
from tests.unit.cli.test_cli_commands import typed
from tests.unit.mapping.test_pasted import MAPPING, MIXED, PRESET, PUBLIC_API, TERRAFORM

FILTER: dict[str, Any] = {
    "id": "f1",
    "title": "no staff",
    "if": "match(traits.email, '*@example.com')",
    "enabled": True,
    "actions": [{"type": "DROP", "percent": None, "path": None, "fields": None}],
}


def loaded(text: str) -> Any:  # noqa: ANN401 - any YAML value
    """Return the value of a YAML text."""
    return YAML(typ="safe").load(text)


@pytest.mark.parametrize(
    "export",
    [
        {"data": {"subscriptions": [PUBLIC_API, TERRAFORM, PRESET], "pagination": {"current": "MQ=="}}},
        [PUBLIC_API, TERRAFORM, PRESET],
        {"values": {"root_module": {"resources": [{"values": one} for one in (PUBLIC_API, TERRAFORM, PRESET)]}}},
    ],
    ids=["Public API", "list", "Terraform"],
)
def test_every_shape_of_an_export_comes_to_the_same(export: Any) -> None:  # noqa: ANN401 - any JSON value
    """Wherever subscriptions stand, they come out in order, and mean what they meant."""
    yaml, notes = workbench.import_export(json.dumps(export))
    written = [SubscriptionSettings.model_validate(one) for one in loaded(yaml)["subscriptions"]]
    pasted = [SubscriptionSettings.model_validate(one) for one in (PUBLIC_API, TERRAFORM, PRESET)]
    assert [(one.name, one.enabled, one.trigger, one.action, one.mapping) for one in written] == [
        (one.name, one.enabled, one.trigger, one.action, one.mapping) for one in pasted
    ]
    assert notes == []


def test_filters_come_with_what_they_do() -> None:
    """Terraform keeps fields as JSON text; ids and nulls go; one that lets nothing past is noted."""
    dropping = {"type": "DROP_PROPERTIES", "fields": '{"context": ["ip"]}'}
    broken = FILTER | {"title": "broken", "if": "nope(", "actions": [dropping]}
    yaml, notes = workbench.import_export(json.dumps({"filters": [FILTER, broken]}))
    first, second = loaded(yaml)["filters"]
    assert first == {"title": "no staff", "if": FILTER["if"], "actions": [{"type": "DROP"}]}
    assert second["actions"] == [{"type": "DROP_PROPERTIES", "fields": {"context": ["ip"]}}]
    assert FilterSettings.model_validate(second).fault is not None
    (note,) = notes
    assert note.startswith("filter 'broken': at character")


@pytest.mark.parametrize(
    ("export", "part"),
    [
        (PUBLIC_API | {"modelId": "m"}, "subscription 'Identify' is left out: modelId: a Reverse ETL model"),
        (PUBLIC_API | {"settings": {"a": {"@nope": 1}}}, "subscription 'Identify' is left out: settings.a: holds an"),
        (FILTER | {"actions": []}, "filter 'no staff' is left out: actions: "),
        (FILTER | {"actions": {}}, "filter 'no staff' is left out: actions: allowed: a list"),
        (FILTER | {"surprise": 1}, "filter 'no staff' is left out: surprise: unknown key"),
        (FILTER | {"actions": [{}]}, "filter 'no staff' is left out: actions[0].type: a required key is missing"),
        (FILTER | {"actions": [5]}, "filter 'no staff' is left out: actions[0]: allowed: a mapping of"),
        (
            FILTER | {"actions": [{"type": "DROP_PROPERTIES", "fields": "{"}]},
            "filter 'no staff' is left out: actions[0].fields: allowed: a mapping of",
        ),
        (
            FILTER | {"actions": [{"type": "DROP_PROPERTIES", "fields": "[" * 100_000}]},
            "filter 'no staff' is left out: actions[0].fields: allowed: a mapping of",
        ),
        (PUBLIC_API | {"settings": "[" * 100_000}, "subscription 'Identify' is left out: settings: is nested too"),
    ],
)
def test_what_cannot_work_is_kept_as_a_comment(export: dict[str, Any], part: str) -> None:
    """Nothing is lost: the reason is noted and the export stands beside it."""
    yaml, (note, *_) = workbench.import_export(json.dumps(export))
    assert note.startswith(part)
    assert loaded(yaml) is None
    (kept,) = [line.removeprefix("# left out: ") for line in yaml.splitlines() if line.startswith("# left out: ")]
    assert json.loads(kept) == export


def test_a_list_is_not_called_too_short_for_what_is_wrong_in_it() -> None:
    """One fault, one note."""
    wrong = [{"type": "DROP_PROPERTIES", "fields": {"properties": {"fields": ["a"]}}}]
    _, notes = workbench.import_export(json.dumps(FILTER | {"actions": wrong}))
    assert notes == ["filter 'no staff' is left out: actions[0].fields.properties: allowed: a list"]


def test_a_trigger_that_means_something_else_keeps_its_meaning() -> None:
    """It says `as_segment`, and both readings are noted; one that is not in force is taken as it is."""
    yaml, (note,) = workbench.import_export(json.dumps([PUBLIC_API | {"trigger": MIXED}]))
    (one,) = loaded(yaml)["subscriptions"]
    assert one["as_segment"] is True
    assert "Segment reads:" in note
    yaml, notes = workbench.import_export(json.dumps([PUBLIC_API | {"trigger": MIXED, "as_segment": True}]))
    assert (loaded(yaml)["subscriptions"][0]["as_segment"], notes) == (True, [])
    yaml, notes = workbench.import_export(json.dumps([PUBLIC_API | {"trigger": MIXED, "enabled": False}]))
    assert "as_segment" not in loaded(yaml)["subscriptions"][0]
    assert notes == []


def test_names_are_made_unique() -> None:
    """Segment allows twins; metrics and dead letters could not tell them apart. A name cannot leave its comment."""
    twins = [PUBLIC_API | {"name": "a\n- b"}] * 3
    yaml, notes = workbench.import_export(json.dumps(twins))
    assert [one["name"] for one in loaded(yaml)["subscriptions"]] == ["a\n- b", "a\n- b 2", "a\n- b 3"]
    assert len(notes) == 2
    assert list(loaded(yaml)) == ["subscriptions"]


@pytest.mark.parametrize("text", ["no json", "{}", '{"data": {"subscriptions": []}}', "[" * 100_000])
def test_what_is_no_export_is_refused(text: str) -> None:
    """With what is taken instead."""
    with pytest.raises(ConfigError, match=r"this is no JSON|neither a subscription nor a filter"):
        workbench.import_export(text)


def test_depth_is_no_trouble() -> None:
    """An export is looked through without recursion."""
    nested: Any = PUBLIC_API
    for _ in range(5_000):
        nested = [nested]
    assert [one["mapping"] for one in imported(nested).subscriptions] == [MAPPING]


def test_the_command_writes_yaml_and_notes() -> None:
    """The one to stdout, the others to stderr."""
    export = json.dumps([PUBLIC_API, PUBLIC_API]).encode()
    result = typed("import", "-", stdin=export)
    assert result.returncode == 0, result.stderr.decode()
    assert len(loaded(result.stdout.decode())["subscriptions"]) == 2
    assert b"note: subscription 'Identify' is called 'Identify 2' here" in result.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"a":"\xff"}', "this is no JSON: 'utf-8' codec can't decode byte 0xff in position 6"),
        (b"", "this is no JSON: Expecting value"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_read_is_said_to_be(content: bytes | None, said: str, tmp_path: Path) -> None:
    """As every other file that the program reads: in one line and with the code of a wrong file, from stdin as well."""
    path = tmp_path / "export.json"
    results = []
    if content is not None:
        path.write_bytes(content)
        results.append(typed("import", "-", stdin=content))
    for result in (*results, typed("import", path)):
        assert (result.returncode, result.stdout) == (2, b"")
        assert said in result.stderr.decode()
        assert result.stderr.count(b"\n") == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_what_a_shell_of_windows_writes_is_read(encoding: str) -> None:
    """Whatever mark of its encoding stands in front."""
    yaml, _ = workbench.import_export(json.dumps(PUBLIC_API).encode(encoding))
    assert [one["name"] for one in loaded(yaml)["subscriptions"]] == ["Identify"]


def _of(destination_id: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any member
    """Return a subscription of one of Segment's destinations."""
    return PUBLIC_API | {"destinationId": destination_id, "name": destination_id} | changes


def test_an_export_of_several_destinations_needs_a_choice() -> None:
    """Put together they would send to the wrong vendor; what says nothing of a destination goes with each."""
    export = json.dumps([_of("d1"), _of("d2"), FILTER, FILTER | {"destinationId": "d2", "title": "theirs"}])
    with pytest.raises(ConfigError, match="several destinations; allowed: one of them by --destination-id: d1, d2"):
        workbench.import_export(export)
    with pytest.raises(ConfigError, match="nothing of destination d3; allowed: d1, d2"):
        workbench.import_export(export, "d3")
    with pytest.raises(ConfigError, match="nothing of destination d1; allowed: no --destination-id, for no dest"):
        workbench.import_export(json.dumps([FILTER]), "d1")
    found = loaded(workbench.import_export(export, "d1")[0])
    assert [one["name"] for one in found["subscriptions"]] == ["d1"]
    assert [one["title"] for one in found["filters"]] == ["no staff"]


def test_a_page_of_several_is_told() -> None:
    """What further pages hold is missing, and a person has to know."""
    page = {"data": {"subscriptions": [PUBLIC_API], "pagination": {"current": "MA==", "next": "MQ=="}}}
    assert "one page of several" in workbench.import_export(json.dumps(page))[1][0]
    page["data"]["pagination"] = {"current": "MA==", "next": None}
    assert workbench.import_export(json.dumps(page))[1] == []


def test_of_a_plan_only_its_end_is_taken() -> None:
    """A plan holds a resource as it was, as it changes and as it will be."""
    changes = [{"change": {"before": TERRAFORM, "after": TERRAFORM}}]
    resources = {"root_module": {"resources": [{"values": TERRAFORM}]}}
    plan = {"prior_state": {"values": resources}, "planned_values": resources, "resource_changes": changes}
    assert [one["name"] for one in loaded(workbench.import_export(json.dumps(plan))[0])["subscriptions"]] == ["Track"]


def test_a_plan_that_makes_destinations_says_that_it_cannot_tell_them_apart() -> None:
    """Their ids are known after they are made: until then what belongs to one looks as what belongs to all."""
    new = [
        {key: value for key, value in TERRAFORM.items() if key != "destination_id"} | {"name": name} for name in "ab"
    ]
    plan = {"planned_values": {"root_module": {"resources": [{"values": one} for one in (*new, TERRAFORM)]}}}
    yaml, (note,) = workbench.import_export(json.dumps(plan))
    assert [one["name"] for one in loaded(yaml)["subscriptions"]] == ["a", "b", "Track"]
    assert "after `terraform apply` the state tells them apart" in note


def test_a_subscription_without_an_action_is_left_out_with_a_note() -> None:
    """It is among what was looked for, so it must not vanish."""
    nameless = {key: value for key, value in TERRAFORM.items() if key != "action_id"}
    yaml, notes = workbench.import_export(json.dumps([PUBLIC_API, nameless]))
    assert "'Track' is left out" in notes[0]
    assert "# left out: " in yaml


def test_many_subscriptions_of_one_name() -> None:
    """Each gets a name of its own, also where another has the name with a number, and in linear time."""
    names = ["One", "One 2", *["One"] * 20_000]
    found = imported([PRESET | {"name": name} for name in names])
    written = [one["name"] for one in found.subscriptions]
    assert written[:4] == ["One", "One 2", "One 3", "One 4"]
    assert len(set(written)) == len(names)
    assert len(found.notes) == 20_000
