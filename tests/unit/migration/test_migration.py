"""Files of older versions become files of today that mean the same, and every other byte of them stays."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from processor.building import build_plan
from processor.cli.main import main
from processor.cli.run import _say_age
from processor.errors import ConfigError
from processor.migration.files import migration_of, said_of_old
from processor.migration.steps import changes_of
from processor.operations.channel import ENVIRONMENT_KEY
from processor.settings import load_without_secrets

KAFKA = "kafka: {bootstrap_servers: 'x:1', topics: [events]}\n"
MARKED = """\
# Our bridge.

<version: 1
># Where events are.
kafka:
    bootstrap_servers:   localhost:9092   # ours
    topics: [ 'segment-events',
              "others" ]

destinations:
  crm:
    type: moesif
    start: latest
    settings: {application_id: {env: NO_KEY}}
    subscriptions:
      # People.
      - name: Users
        trigger: type = "identify"
        action: updateUser  # their profile
<        use_defaults: false
>        mapping:
          user_id: {"@path": "$.userId"}

      - {<use_defaults: false, >name: "Flow", trigger: 'type = "track"', action: sendAction, mapping: {action_name: {"@path": $.event}}}
      - <use_defaults: false
        >action: |-
          sendAction
        name: Text
        trigger: type = "page"
        mapping: {action_name: Seen}
      - name: Known
        trigger: type = "screen"
        action: sendAction
        use_defaults: true
        mapping: {action_name: Seen}
"""  # noqa: E501 - a line of a file stays one
"""A file of 0.1.0; in angle brackets stands what its migration adds."""
OWN = re.sub("<[^>]*>", "", MARKED)
MIGRATED = re.sub("[<>]", "", MARKED)


def written(folder: Path, text: str, name: str = "bridge.yaml") -> Path:
    """Return a file with this text, to the byte."""
    file = folder / name
    file.write_bytes(text.encode())
    return file


def names(folder: Path) -> list[str]:
    """Return what is in a folder."""
    return sorted(one.name for one in folder.iterdir())


def typed(*arguments: str) -> int | str | None:
    """Return the exit code of the program."""
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return ended.value.code


def test_keys_are_added_and_every_other_byte_stays(tmp_path: Path) -> None:
    """Comments, quotes, spaces and blank lines included; in block style, in flow style, and where no line fits."""
    found = migration_of(written(tmp_path, OWN))
    assert found.new == MIGRATED
    assert [f"{one.path[-1]}.{one.key}" for one in found.changes] == [f"{index}.use_defaults" for index in range(3)]


def test_a_migrated_file_means_what_it_meant(tmp_path: Path) -> None:
    """What is sent is what the mappings name; as it stands it would take the action's defaults beside it."""
    file = written(tmp_path, OWN)
    before = load_without_secrets(file).destinations["crm"]
    migration_of(file).write()
    after = load_without_secrets(file).destinations["crm"]
    named = [set(one.mapping) for one in after.subscriptions if not isinstance(one, str)]
    taken = [set(one.mapping) for one in build_plan("crm", after)[1].subscriptions.all]
    assert named[:3] == taken[:3]
    assert named[3] < taken[3]
    assert all(
        named[index] < set(one.mapping) for index, one in enumerate(build_plan("crm", before)[1].subscriptions.all)
    )
    again = migration_of(file)
    assert (again.is_current, again.new, again.changes) == (True, again.old, ())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (KAFKA, f"version: 1\n{KAFKA}"),
        (f"---\n{KAFKA}", f"---\nversion: 1\n{KAFKA}"),
        (f"# A\n# B\n{KAFKA}", f"version: 1\n# A\n# B\n{KAFKA}"),
        (KAFKA.replace("\n", "\r\n"), f"version: 1\n{KAFKA}".replace("\n", "\r\n")),
        (f"\ufeff{KAFKA}", f"\ufeffversion: 1\n{KAFKA}"),
        ("  kafka: x\n  other: y\n", "  version: 1\n  kafka: x\n  other: y\n"),
        (f"version: 0  # old\n{KAFKA}", f"version: 1  # old\n{KAFKA}"),
        ('{"kafka": {}}', '{"version": 1, "kafka": {}}'),
        ('{\n  "kafka": {}\n}\n', '{\n  "version": 1,\n  "kafka": {}\n}\n'),
        ("{}", "{version: 1}"),
    ],
)
def test_the_version_is_the_first_key(tmp_path: Path, old: str, new: str) -> None:
    """Whatever the file begins with, and whatever ends its lines."""
    assert new == migration_of(written(tmp_path, old)).new


def test_json_stays_json(tmp_path: Path) -> None:
    """Keys in double quotes get company in double quotes."""
    one = {"name": "A", "trigger": 'type = "track"', "action": "sendAction", "mapping": {"action_name": "x"}}
    content = {"destinations": {"crm": {"type": "moesif", "subscriptions": [one]}}}
    found = json.loads(migration_of(written(tmp_path, json.dumps(content, indent=2))).new)
    assert found == {
        "version": 1,
        "destinations": {"crm": {"type": "moesif", "subscriptions": [one | {"use_defaults": False}]}},
    }


def test_what_an_alias_shares_is_changed_once(tmp_path: Path) -> None:
    """At its anchor; what only a merge brings cannot be changed in its place, and says so."""
    own = "{type: moesif, settings: {application_id: {env: K}}, subscriptions: &s [{name: A, trigger: t, action: sendAction, mapping: {}}]}"  # noqa: E501 - a flow value
    text = f"destinations:\n  a: {own}\n  b: {{type: moesif, subscriptions: *s}}\n"
    assert migration_of(written(tmp_path, text)).new.count("use_defaults: false") == 1
    merged = f"x: &x {own}\ndestinations:\n  a:\n    <<: *x\n"
    with pytest.raises(ConfigError, match="'subscriptions' stands elsewhere in the file"):
        migration_of(written(tmp_path, merged))


@pytest.mark.parametrize(
    "subscription",
    [
        {"name": "A", "subscribe": 'type = "track"', "partnerAction": "sendAction", "mapping": {}},
        {"name": "A", "trigger": 'type = "track"', "action": "sendAction", "use_defaults": True, "mapping": {}},
        {"name": "A", "trigger": 'type = "track"', "action": "sendAction"},
        {"from_file": "others.yaml"},
        {"name": "A", "trigger": 'type = "track"', "action": "sendAction", "mapping": {"@path": "$.properties"}},
        "default",
        7,
    ],
)
def test_what_means_the_same_today_is_left_alone(subscription: Any) -> None:  # noqa: ANN401 - any value of a file
    """What version 0 could not hold, what says itself, and what no default mapping is added to."""
    own = {"type": "moesif", "settings": {"application_id": {"env": "K"}}, "subscriptions": [subscription]}
    assert changes_of({"destinations": {"crm": own}}) == []


@pytest.mark.parametrize(
    "own",
    [{"type": "other"}, {"type": "moesif", "settings": {"base_url": 7}}, {"type": ["moesif"]}, {}],
    ids=["no such vendor", "wrong settings", "no type", "nothing"],
)
def test_a_faulty_destination_keeps_its_meaning_too(own: dict[str, Any]) -> None:
    """Where nobody can tell whether fields would be added, the key is written: it changes nothing then."""
    one = {"name": "A", "trigger": "t", "action": "a", "mapping": {}}
    (change,) = changes_of({"destinations": {"crm": {**own, "subscriptions": [one]}}})
    assert (change.path, change.key, change.value) == (
        ("destinations", "crm", "subscriptions", 0),
        "use_defaults",
        False,
    )


REGISTRY = {"url": "http://registry:8081", "username": "u", "password": {"env": "P"}}


@pytest.mark.parametrize(
    ("registry", "is_changed"),
    [
        (REGISTRY, True),
        ({"url": "HTTP://user@[2001:db8::1]:8081/x", "token": {"env": "T"}}, True),
        ({"url": "http://registry", "client_cert_file": "c.pem"}, True),
        ({**REGISTRY, "url": "https://registry"}, False),
        ({**REGISTRY, "url": "http://127.0.0.1:8081"}, False),
        ({**REGISTRY, "url": "http://[::1]:8081"}, False),
        ({**REGISTRY, "url": 7}, False),
        ({**REGISTRY, "allow_http": False}, False),
        ({"url": "http://registry"}, False),
        (None, False),
    ],
)
def test_a_readable_way_to_a_registry_is_named(registry: Any, is_changed: bool) -> None:  # noqa: ANN401, FBT001 - any value; a table
    """Version 0 took it; today it is refused until the file says so."""
    value = {"destinations": {"crm": {"type": "moesif", "decode": {"format": "avro", "avro": {"registry": registry}}}}}
    found = [(one.path[-1], one.key, one.value, one.after) for one in changes_of(value)]
    assert found == ([("registry", "allow_http", True, "url")] if is_changed else [])


@pytest.mark.parametrize("own", [[], {"a": 7}, {"a": {"decode": 7}}])
def test_a_faulty_file_has_no_changes(own: object) -> None:
    """Its faults are for `check` to tell."""
    assert changes_of({"destinations": own}) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "version: 2\n",
            "version: found 2; this program reads versions up to 1: the file is for a newer segment-bridge",
        ),
        ("version: one\n", "version: found 'one'; allowed: 0 to 1"),
        ("version: true\n", "version: found True; allowed: 0 to 1"),
        ("version: -1\n", "version: found -1; allowed: 0 to 1"),
        ("- a\n", "there is no object of settings in it"),
        ("a: 1\na: 2\n", "the key stands here a second time"),
        ("a: [\n", "bridge.yaml:2:1: "),
    ],
)
def test_what_cannot_be_migrated_is_refused(tmp_path: Path, text: str, says: str) -> None:
    """By the name of the file, with nothing changed."""
    file = written(tmp_path, text)
    with pytest.raises(ConfigError) as refused:
        migration_of(file)
    assert str(refused.value).startswith(str(file))
    assert says in str(refused.value)
    assert said_of_old(file) is None


def test_a_file_that_would_come_out_otherwise_is_refused(tmp_path: Path) -> None:
    """The new text is read again before anybody gets it: lines that end in another way are not found, for one."""
    assert migration_of(written(tmp_path, "? version\n: 0\nkafka: {}\n")).new == "? version\n: 1\nkafka: {}\n"
    with pytest.raises(ConfigError, match="it is written so that it cannot be changed in its place"):
        migration_of(written(tmp_path, OWN.replace("\n", "\r")))


def test_writing_keeps_rights_and_links(tmp_path: Path) -> None:
    """A link stays a link, and what it leads to is changed; nothing is left beside it."""
    file, link = written(tmp_path, KAFKA, "real.yaml"), tmp_path / "bridge.yaml"
    file.chmod(0o640)
    link.symlink_to(file)
    migration_of(link).write()
    assert (link.is_symlink(), file.read_text(), file.stat().st_mode & 0o777) == (True, f"version: 1\n{KAFKA}", 0o640)
    assert names(tmp_path) == ["bridge.yaml", "real.yaml"]


def test_a_file_that_cannot_be_written_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left beside it either."""
    file = written(tmp_path, KAFKA)
    found = migration_of(file)

    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        found.write()
    assert (file.read_text(), names(tmp_path)) == (KAFKA, ["bridge.yaml"])


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It prints, tells, shows the change, and writes it; what is of today is left as it is."""
    file = written(tmp_path, OWN)
    assert typed("migrate", "--config", str(file)) == 0
    printed = capsys.readouterr()
    assert printed.out == MIGRATED
    assert printed.err.splitlines()[0].startswith("destinations.crm.subscriptions[0].use_defaults: false: fields that")
    assert typed("migrate", "--config", str(file), "--check") == 1
    assert capsys.readouterr().err.splitlines()[-1] == f"{file}: is of version 0, today's is 1"
    assert typed("migrate", "--config", str(file), "--diff", "--write") == 0
    printed = capsys.readouterr()
    added = [line for line in printed.out.splitlines() if line.startswith("+")]
    assert (added[1], added[2]) == ("+version: 1", "+        use_defaults: false")
    assert file.read_text() == MIGRATED
    assert typed("migrate", "--config", str(file), "--check") == 0
    assert capsys.readouterr().err == f"{file}: is of version 1 already\n"
    assert typed("migrate", "--config", str(file), "--check", "--write") == 2


def test_check_says_which_command_migrates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside what is wrong, and as a warning where nothing is; not of a file that says it is of today."""
    text = f"{KAFKA}destinations: {{crm: {{type: moesif, start: latest, settings: {{application_id: {{env: PATH}}}}, subscriptions: [{{name: A, trigger: 'type = \"track\"', action: sendAction, mapping: {{action_name: x}}}}]}}}}\n"  # noqa: E501 - a flow value
    file = written(tmp_path, text)
    assert typed("check", "--config", str(file)) == 0
    (line, *_) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        f"warning: {file}: if it was written for segment-bridge 0.1.0, it means something else today "
        f"(destinations.crm.subscriptions[0].use_defaults): `segment-bridge migrate --config {file} --diff` shows"
    )
    written(tmp_path, f"version: 1\n{text}")
    assert typed("check", "--config", str(file)) == 0
    assert "migrate" not in capsys.readouterr().err
    written(tmp_path, text.replace("start: latest", "begin: latest"))
    for command in ("check", "run"):
        assert typed(command, "--config", str(file)) == 2
        *wrong, last = capsys.readouterr().err.splitlines()
        assert (any("begin" in line for line in wrong), "segment-bridge migrate" in last) == (True, True)


def test_a_start_says_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In the log, and not again in each process of a supervisor."""
    file = written(tmp_path, OWN)
    _say_age(file)
    monkeypatch.setenv(ENVIRONMENT_KEY, "7")
    _say_age(file)
    (line,) = caplog.records
    assert (line.levelname, "segment-bridge migrate" in line.getMessage()) == ("WARNING", True)


@pytest.mark.parametrize(
    ("version", "says"),
    [
        (2, "this program reads version 1: the file is for a newer segment-bridge, install that"),
        (0, "segment-bridge migrate --config FILE --write makes version 1 of it"),
    ],
)
def test_another_version_is_refused_by_name(tmp_path: Path, version: int, says: str) -> None:
    """Older and newer, with what to do about it."""
    file = written(tmp_path, f"version: {version}\n{KAFKA}destinations: {{}}\n")
    with pytest.raises(ConfigError) as refused:
        load_without_secrets(file)
    assert str(refused.value).splitlines()[0] == f"{file}:1:10: version: found the number {version}; {says}"
