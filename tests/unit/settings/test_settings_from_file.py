"""Subscriptions in files of their own: read in their places, and every fault told in the file where it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from processor.checking import check
from processor.errors import ConfigError
from processor.settings import load_configuration, load_settings, load_without_secrets
from processor.settings.schema import json_schema

HEAD = """\
kafka: {bootstrap_servers: "localhost:9092", topics: [events]}
destinations:
  crm:
    type: moengage
    start: latest
    settings: {api_id: WKSPACE7, api_key: {env: MOENGAGE_API_KEY}, region: DC_02}
"""
OWN = """\
- name: Own
  trigger: type = "track"
  action: trackEvent
  mapping: {event: {"@path": $.event}, userId: {"@path": $.userId}}
"""
KEY = "destinations.crm.subscriptions"
EXPORT = (
    '{"name": "Pasted", "actionSlug": "identifyUser", "trigger": "type = \\"identify\\"", '
    '"settings": {"userId": {"@path": "$.userId"}}}'
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with one for mappings in it, and the destination's secret in the environment."""
    monkeypatch.setenv("MOENGAGE_API_KEY", "k")
    (tmp_path / "mappings").mkdir()
    return tmp_path


def _written(folder: Path, subscriptions: str, **mappings: str) -> Path:
    """Return a configuration with these subscriptions, beside files of mappings by their names without an ending."""
    for name, text in mappings.items():
        (folder / "mappings" / f"{name}.yaml").write_text(text, encoding="utf-8")
    file = folder / "bridge.yaml"
    file.write_text(f"{HEAD}    subscriptions: {subscriptions}\n", encoding="utf-8")
    return file


def _names(file: Path) -> list[str]:
    """Return the names of the subscriptions that a configuration comes to."""
    subscriptions = load_settings(file).destinations["crm"].subscriptions
    assert not isinstance(subscriptions, str)
    return [one.name for one in subscriptions]


def _faults(file: Path) -> list[str]:
    """Return what is wrong with a configuration, file names relative to its folder."""
    with pytest.raises(ConfigError) as caught:
        load_settings(file)
    return str(caught.value).replace(f"{file.parent}/", "").split("\n")


@pytest.mark.parametrize(
    "text",
    [
        OWN,
        f"subscriptions:\n{OWN}",
        f"data:\n  subscriptions:\n{OWN.replace(chr(10), chr(10) + '  ').replace('- name', '  - name')}",
    ],
)
def test_a_file_holds_the_list(folder: Path, text: str) -> None:
    """A list, an object around it, or an answer of the Public API is read relative to the configuration's folder."""
    file = _written(folder, "{from_file: mappings/crm.yaml}", crm=text)
    assert _names(file) == ["Own"]
    assert check(load_settings(file), online=False, document=load_configuration(file)).warnings == []


def test_items_of_a_list_may_be_files(folder: Path) -> None:
    """Lists of files stand where they are named, among subscriptions of the configuration itself."""
    page = '{"data": {"subscriptions": [%s], "pagination": {"current": "x"}}}'
    items = "[{from_file: mappings/one.yaml}, {name: Here, action: identifyUser, use_defaults: true, "
    items += 'trigger: type = "identify"}, {from_file: mappings/two.yaml}]'
    file = _written(folder, items, one=page % EXPORT, two=OWN)
    assert _names(file) == ["Pasted", "Here", "Own"]


def test_a_page_of_several_is_refused(folder: Path) -> None:
    """A list of which the rest is missing would drop what the rest takes."""
    page = '{"data": {"subscriptions": [%s], "pagination": {"next": "MQ=="}}}'
    file = _written(folder, "{from_file: mappings/one.yaml}", one=page % EXPORT)
    with pytest.raises(ConfigError, match="one page of several"):
        load_settings(file)


def test_without_secrets_files_are_read_as_well(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What needs no key, such as preview, sees the same subscriptions."""
    monkeypatch.delenv("MOENGAGE_API_KEY")
    file = _written(folder, "{from_file: mappings/crm.yaml}", crm=OWN)
    assert len(load_without_secrets(file).destinations["crm"].subscriptions) == 1


def test_faults_are_told_where_they_stand(folder: Path) -> None:
    """Each file's faults have its name and lines, those of the configuration first, all in one run."""
    file = _written(
        folder,
        "[{from_file: mappings/one.yaml}, {from_file: mappings/two.yaml}]\n    strat: latest",
        one=OWN.replace("trackEvent", "trackEvnt"),
        two=f"\n\n{OWN.replace('Own', 'Two').replace('$.event}', '$.event}, evnt: 1')}  name: Twice\n",
    )
    found = [fault.partition("; ")[0] for fault in _faults(file)]
    assert found == [
        "bridge.yaml:8:5: destinations.crm.strat: unknown key",
        (
            "mappings/one.yaml:3:11: destinations.crm.subscriptions[0].action: subscription 'Own': unknown action "
            "'trackEvnt' (did you mean 'trackEvent'?)"
        ),
        (
            "mappings/two.yaml:6:46: destinations.crm.subscriptions[1].mapping.evnt: subscription 'Two': action "
            "'trackEvent' has no field 'evnt' (did you mean 'event'?)"
        ),
        "mappings/two.yaml:7:3: destinations.crm.subscriptions[1].from_file[0].name: the key stands here a second time",
    ]


def test_one_name_in_two_files(folder: Path) -> None:
    """What only both files together do wrong is told in both."""
    file = _written(folder, "[{from_file: mappings/one.yaml}, {from_file: mappings/two.yaml}]", one=OWN, two=OWN)
    assert [fault.partition(": dest")[0] for fault in _faults(file)] == [
        "mappings/one.yaml:1:9",
        "mappings/two.yaml:1:9",
    ]


@pytest.mark.parametrize(
    ("subscriptions", "text", "fault"),
    [
        (
            "{from_file: mappings/none.yaml}",
            OWN,
            (f"bridge.yaml:7:32: {KEY}.from_file: mappings/none.yaml: cannot be read: No such file or directory"),
        ),
        (
            "{from_file: mappings}",
            OWN,
            f"bridge.yaml:7:32: {KEY}.from_file: mappings: cannot be read: Is a directory",
        ),
        (
            '{from_file: "mappings/\\0"}',
            OWN,
            (
                f"bridge.yaml:7:32: {KEY}.from_file: this is no name of a file; allowed: a path, "
                "relative to the folder of this file"
            ),
        ),
        (
            "{from_file: [a]}",
            OWN,
            (
                f"bridge.yaml:7:32: {KEY}.from_file: this is no name of a file; allowed: a path, "
                "relative to the folder of this file"
            ),
        ),
        (
            "{from_file: mappings/crm.yaml, trigger: x}",
            OWN,
            f"bridge.yaml:7:51: {KEY}.trigger: unknown key; allowed: from_file",
        ),
        (
            "[{from_file: mappings/crm.yaml}]",
            "a: 1\n@b: 2\n",
            (
                f"mappings/crm.yaml:2:1: {KEY}[0].from_file: found character '@' that cannot start "
                "any token; put keys and text that begin with '@' in quotes: \"@path\""
            ),
        ),
        (
            "{from_file: mappings/crm.yaml}",
            f"subscriptions:\n{OWN}filters: []\n",
            (
                f"mappings/crm.yaml:6:1: {KEY}.from_file: filters are not read from here; "
                "allowed: filters under `filters` of the destination"
            ),
        ),
        (
            "{from_file: mappings/crm.yaml}",
            '{"data": {"filters": []}}',
            (
                f"mappings/crm.yaml:1:11: {KEY}.from_file: filters are not read from here; "
                "allowed: filters under `filters` of the destination"
            ),
        ),
        (
            "[{from_fle: mappings/crm.yaml}]",
            OWN,
            f"bridge.yaml:7:22: {KEY}[0].from_fle: unknown key; allowed: from_file; did you mean 'from_file'?",
        ),
        (
            "{file: mappings/crm.yaml}",
            OWN,
            f"bridge.yaml:7:21: {KEY}.file: unknown key; allowed: from_file; did you mean 'from_file'?",
        ),
        (
            "{from_file: mappings/crm.yaml}",
            "",
            (
                f"mappings/crm.yaml:1:1: {KEY}.from_file: there is no list of subscriptions in it; "
                "allowed: a list, or what Segment's Public API answers for the subscriptions of a destination"
            ),
        ),
    ],
)
def test_a_file_that_holds_no_subscriptions(folder: Path, subscriptions: str, text: str, fault: str) -> None:
    """A name that leads nowhere is told where it stands, a file that holds something else in that file."""
    assert _faults(_written(folder, subscriptions, crm=text)) == [fault]


@pytest.mark.parametrize(
    ("subscriptions", "found", "hint"),
    [
        ("defaults", "found 'defaults'", "; did you mean 'default'?"),
        ("5", "found the number 5", ""),
        ("{}", "found an empty mapping", ""),
    ],
)
def test_all_forms_of_the_list_are_named(folder: Path, subscriptions: str, found: str, hint: str) -> None:
    """Also that of a file, which is put into the tree before the tree is looked at."""
    fault = f"bridge.yaml:7:20: {KEY}: {found}; allowed: 'default', a list or {{from_file: …}}{hint}"
    assert _faults(_written(folder, subscriptions)) == [fault]


@pytest.mark.parametrize(
    ("text", "place"), [("from_file: crm.yaml\n", "1:1"), (f"{OWN}- from_file: crm.yaml\n", "5:3")]
)
def test_a_file_does_not_name_another(folder: Path, text: str, place: str) -> None:
    """One level is enough, and there is no circle; what else is in the file is not said to be faulty."""
    file = _written(folder, "{from_file: mappings/crm.yaml}", crm=text)
    fault = "a file that is named does not name another; allowed: the subscriptions themselves"
    assert _faults(file) == [f"mappings/crm.yaml:{place}: {KEY}.from_file: {fault}"]


def test_doubts_have_the_place_in_their_file(folder: Path) -> None:
    """A warning names the file that a subscription is in."""
    text = OWN.replace('{"@path": $.userId}', "guest")
    file = _written(folder, "[{from_file: mappings/crm.yaml}]", crm=text)
    (warning,) = check(load_settings(file), online=False, document=load_configuration(file)).warnings
    assert warning.startswith(f"{folder}/mappings/crm.yaml:4:48: destinations.crm.subscriptions[0].mapping.userId: ")


def test_an_anchor_that_several_destinations_share(folder: Path) -> None:
    """Destinations that are merged from one template read the file each for itself."""
    (folder / "mappings" / "crm.yaml").write_text(OWN, encoding="utf-8")
    file = folder / "bridge.yaml"
    head = HEAD.replace("  crm:", "  crm: &crm")
    second = "  second: {<<: *crm, group_id: other}\n  third: *crm\n"
    file.write_text(f"{head}    subscriptions: {{from_file: mappings/crm.yaml}}\n{second}", encoding="utf-8")
    document = load_configuration(file)
    lists = [document.value["destinations"][name]["subscriptions"] for name in ("crm", "second", "third")]
    assert [[one["name"] for one in items] for items in lists] == [["Own"]] * 3


@pytest.mark.parametrize(
    ("subscriptions", "fits"),
    [
        ("default", True),
        ({"from_file": "a.yaml"}, True),
        ([{"from_file": "a.yaml"}], True),
        ({"from_file": ""}, False),
        ({"from_file": "a.yaml", "name": "x"}, False),
        ({}, False),
        ([{"from_file": "a.yaml", "name": "x"}], False),
    ],
)
def test_the_schema_takes_names_of_files(subscriptions: Any, fits: bool) -> None:  # noqa: ANN401, FBT001 - a table
    """An editor underlines what `check` refuses."""
    settings = {"api_id": "A", "api_key": {"env": "K"}, "region": "DC_02"}
    one = {"type": "moengage", "start": "latest", "settings": settings, "subscriptions": subscriptions}
    whole = {"kafka": {"bootstrap_servers": "b:9092", "topics": ["t"]}, "destinations": {"crm": one}}
    assert Draft202012Validator(json_schema()).is_valid(whole) is fits
