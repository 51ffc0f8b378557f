"""The rights that settings need, and the script that grants them."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka.admin import AdminClient

from processor.settings import Settings, load_without_secrets
from processor.settings.access import grants, lacking, spelt
from processor.settings.acl_script import acl_script
from processor.source.deadline import Deadline
from tests.fake_admin import FakeAdmin
from tests.fake_kafka import FakeKafka
from tests.markdown_pages import ROOT, page_text, rows

SHIPPED = ROOT / "examples" / "kafka-acls.sh"


def settings(folder: Path, *, prefix: str = "bridge") -> Settings:
    """Return settings with every kind of topic, two destinations with one list, and two that write to topics."""
    content = {
        "kafka": {"bootstrap_servers": "a:1", "topics": ["one", "two"], "group_prefix": prefix},
        "destinations": {
            "moesif": {
                "type": "moesif",
                "start": "latest",
                "settings": {"application_id": {"env": "NOT_SET_ANYWHERE"}},
                "suppressed_users": {"topic": "users"},
            },
            "copy": {
                "type": "kafka",
                "start": "latest",
                "group_id": "own-group",
                "settings": {"topic": "out"},
                "suppressed_users": {"topic": "users"},
            },
            "far": {"type": "kafka", "start": "latest", "settings": {"topic": "far", "bootstrap_servers": "b:1"}},
        },
        "dead_letters": {"topic": "letters"},
    }
    path = folder / "bridge.yaml"
    path.write_text(json.dumps(content))
    return load_without_secrets(path)


def test_every_topic_and_group_is_granted_once(tmp_path: Path) -> None:
    """Only what is needed, of a shared topic once; a topic on another cluster is granted there."""
    found = {(one.kind, one.name, *spelt(one.operations)) for one in grants(settings(tmp_path))}
    assert found == {
        ("topic", "one", "Read"),
        ("topic", "two", "Read"),
        ("topic", "segment-bridge.control", "Read", "Write"),
        ("topic", "segment-bridge.control", "Create"),
        ("topic", "letters", "Write"),
        ("topic", "users", "Read"),
        ("topic", "out", "Write"),
        ("group", "bridge.moesif", "Read"),
        ("group", "own-group", "Read"),
        ("group", "bridge.far", "Read"),
    }
    assert len(found) == len(grants(settings(tmp_path)))


def run(script: str, folder: Path, *arguments: str, **environ: str) -> list[list[str]]:
    """Return the calls of Kafka's tool that a script makes, word by word."""
    log = folder / "calls"
    log.write_text("")
    tool = folder / "tool"
    tool.write_text(
        f'#!/bin/sh\nfor word in "$@"; do printf "%s\\0" "$word"; done >> {shlex.quote(str(log))}\n'
        f'printf "\\n\\0" >> {shlex.quote(str(log))}\n'
    )
    tool.chmod(0o755)
    file = folder / "acls.sh"
    file.write_text(script)
    own = {"PATH": os.environ["PATH"], "KAFKA_ACLS": str(tool), **environ}
    subprocess.run(["sh", str(file), *arguments], env=own, check=True, capture_output=True, timeout=30)
    return [call.split("\0")[:-1] for call in log.read_text().split("\n\0")[:-1]]


def test_the_script_calls_the_tool_word_by_word(tmp_path: Path) -> None:
    """Names are quoted, whatever is in them; who may alter the cluster, where and who is granted can be said."""
    principal, prefix = "User:CN=the bridge,OU=it's", "a $(false) `false` \"'b"
    script = acl_script(settings(tmp_path, prefix=prefix), principal)
    calls = run(script, tmp_path, "add", BOOTSTRAP_SERVERS="x:1,y:2", COMMAND_CONFIG="a file")
    head = ["--bootstrap-server", "x:1,y:2", "--command-config", "a file", "--add", "--allow-principal", principal]
    assert [call[: len(head)] for call in calls] == [head] * len(grants(settings(tmp_path)))
    tails = [call[len(head) :] for call in calls]
    assert ["--group", f"{prefix}.moesif", "--operation", "Read"] in tails
    assert ["--topic", "segment-bridge.control", "--operation", "Read", "--operation", "Write"] in tails
    removing = run(script, tmp_path, "remove", PRINCIPAL="User:other")
    assert removing[0][:6] == [
        "--bootstrap-server",
        "localhost:9092",
        "--remove",
        "--force",
        "--allow-principal",
        "User:other",
    ]
    assert "# topic of far: on the cluster of its own, grant Write on far" in script


def test_the_script_changes_nothing_unless_told(tmp_path: Path) -> None:
    """Without a word it says how it is used, and with `print` it shows what it would call."""
    script = acl_script(settings(tmp_path), "User:bridge")
    assert run(script, tmp_path, "print") == []
    shown = subprocess.run(["sh", str(tmp_path / "acls.sh"), "print"], capture_output=True, text=True, check=True)
    assert "'kafka-acls.sh' '--bootstrap-server' 'localhost:9092' '--add' '--allow-principal'" in shown.stdout
    refused = subprocess.run(["sh", str(tmp_path / "acls.sh")], capture_output=True, text=True, check=False)
    assert (refused.returncode, "usage: " in refused.stderr) == (2, True)


def test_looking_at_topics_is_granted_where_it_is_wanted(tmp_path: Path) -> None:
    """For `check --online`: what the bridge itself does without is not granted unasked."""
    own = settings(tmp_path)
    assert "DescribeConfigs" not in acl_script(own, "User:bridge")
    assert acl_script(own, "User:bridge", looks_at_topics=True).count("--operation DescribeConfigs") == 5


def test_the_shipped_script_is_the_program_s() -> None:
    """It is what the program writes for the example with SCRAM, and can be run as it is."""
    example = load_without_secrets(ROOT / "examples" / "kafka-scram.yaml")
    assert acl_script(example, "User:segment-bridge") == SHIPPED.read_text()
    assert SHIPPED.stat().st_mode & 0o111


def test_the_page_lists_the_operations_of_the_table(tmp_path: Path) -> None:
    """Each operation that a kind of topic or group needs stands on the page, and no other."""
    page = [
        (place, set(operations.split(", ")))
        for place, operations, _ in rows(page_text("docs/kafka-security.md"), "on", "operations", "what for")
    ]
    words = {
        "one": "kafka.topics",
        "segment-bridge.control": "kafka.control_topic",
        "letters": "dead_letters.topic",
        "users": "suppressed_users.topic",
        "out": "destination of type `kafka`",
        "own-group": "consumer group",
    }
    for one in grants(settings(tmp_path)):
        if one.name in words:
            assert [operations for place, operations in page if words[one.name] in place].count(
                set(spelt(one.operations))
            ) == 1, one
    assert len(page) == len(words) + 1


class Admin(FakeAdmin):
    """A cluster whose topics exist, and which grants what a test says."""

    def __init__(self, granted: dict[str, set[str] | None], *, group: set[str] | None) -> None:
        """Grant these operations on topics, and on the group."""
        kafka = FakeKafka()
        super().__init__(kafka)
        self._granted = granted
        self._group = group
        for name in granted:
            kafka.add(name, 1)

    def _topic(self, name: str) -> object:
        found: Any = super()._topic(name)
        found.authorized_operations = _operations(self._granted[name])
        return found

    def describe_consumer_groups(self, group_ids: Iterable[str], **_options: object) -> dict[str, Any]:
        """Return the group with what is granted on it."""
        found = SimpleNamespace(authorized_operations=_operations(self._group))
        return {group: self._future("describe_groups", lambda: found) for group in group_ids}


def _operations(names: set[str] | None) -> list[SimpleNamespace] | None:
    return None if names is None else [SimpleNamespace(name=name) for name in sorted(names)]


@pytest.mark.parametrize(
    ("granted", "group", "expected"),
    [
        ({"READ", "WRITE"}, {"READ"}, []),
        (None, None, []),
        (
            {"READ"},
            {"DESCRIBE"},
            [
                "kafka.control_topic: control topic segment-bridge.control: not granted: Write; grant it on this topic",
                "destinations.moesif: consumer group bridge.moesif: not granted: Read; grant it on this group",
                "destinations.copy: consumer group own-group: not granted: Read; grant it on this group",
                "destinations.far: consumer group bridge.far: not granted: Read; grant it on this group",
            ],
        ),
    ],
)
def test_what_is_lacking_is_told_with_its_key(
    granted: set[str] | None, group: set[str] | None, expected: list[str], tmp_path: Path
) -> None:
    """Of topics that are there: a missing one is no missing right, and a broker that does not tell lacks none."""
    admin = Admin({"one": granted, "segment-bridge.control": granted}, group=group)
    assert lacking(settings(tmp_path), cast("AdminClient", admin), Deadline.after(5)) == expected
