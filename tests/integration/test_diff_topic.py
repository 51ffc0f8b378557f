"""`diff` over a time range of a real topic, as a person types it: the right records, decoded, and no group."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import fastavro
import pytest

from processor.source.avro import to_avro
from tests.bridge_process import ROOT
from tests.kafka_harness import Kafka, random_name
from tests.registry_harness import Registry

pytestmark = pytest.mark.kafka

START_MS = 1_769_846_400_000
"""2026-01-31T08:00:00Z."""
SCHEMA = json.loads((ROOT / "schemas" / "segment-event.avsc").read_text(encoding="utf-8"))


def event(number: int) -> dict[str, Any]:
    """Return an event of a user of its own."""
    return {
        "type": "track",
        "event": "E",
        "userId": f"u{number}",
        "messageId": f"m{number}",
        "properties": {"n": number},
    }


class World:
    """A topic with an event in each second, and two files that map them differently."""

    def __init__(self, kafka: Kafka, folder: Path) -> None:
        """Make the topic and no file."""
        self.kafka = kafka
        kept = {"retention.ms": "-1"}  # the events are old by their own time, and the broker would delete them
        self.topic, self.prefix = kafka.create_topic(partitions=3, config=kept), random_name("group")
        self._folder = folder

    def produce(self, values: list[bytes]) -> None:
        """Put records on the topic, one a second, over its partitions in turn."""
        for number, value in enumerate(values):
            self.kafka.producer.produce(
                self.topic, value, b"k", number % 3, timestamp=START_MS + 1_000 * number, headers=[("h", b"v")]
            )
        assert self.kafka.producer.flush(30) == 0

    def file(self, name: str, path: str, **own: Any) -> str:  # noqa: ANN401 - any setting of the destination
        """Return a file whose mapping takes a value from a path."""
        mapping = {
            "action_name": {"@path": "$.event"},
            "user_id": {"@path": "$.userId"},
            "metadata": {"n": {"@path": path}},
        }
        subscription = {"name": "All", "trigger": 'type = "track"', "action": "sendAction", "mapping": mapping}
        settings = {"application_id": {"env": "NOT_SET_ANYWHERE"}}
        destination = {"type": "moesif", "start": "latest", "settings": settings, "subscriptions": [subscription]}
        kafka = {"bootstrap_servers": self.kafka.bootstrap_servers, "topics": [self.topic], "group_prefix": self.prefix}
        file = self._folder / name
        file.write_text(json.dumps({"kafka": kafka, "destinations": {"crm": {**destination, **own}}}), encoding="utf-8")
        return str(file)

    def groups(self) -> set[str]:
        """Return the groups of these files that the cluster knows."""
        found = self.kafka.admin.list_consumer_groups(request_timeout=20).result(20)
        return {group.group_id for group in found.valid if group.group_id.startswith(self.prefix)}


def diff(*arguments: str) -> tuple[int, dict[str, Any], str]:
    """Return exit code, report and errors of the command, which finds no key of the vendor."""
    command = [sys.executable, "-m", "processor", "diff", *arguments, "-d", "crm", "--json", "--examples", "100"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=90)
    return done.returncode, json.loads(done.stdout or "{}"), done.stderr


def places(report: dict[str, Any]) -> list[str]:
    """Return where the first change was found, in the order of reading."""
    return [example["at"] for example in report["fields"][0]["examples"]]


def test_a_time_range_is_compared_without_a_group(kafka: Kafka, tmp_path: Path) -> None:
    """From the first second on, before the last one; all partitions, none of them moved, and no group for anybody."""
    world = World(kafka, tmp_path)
    world.produce([json.dumps(event(number)).encode() for number in range(30)])
    old, new = world.file("old.yaml", "$.properties.n"), world.file("new.yaml", "$.properties.m")
    code, report, errors = diff(old, new, "--from", "2026-01-31T08:00:03Z", "--to", "2026-01-31T09:00:09+01:00")
    assert (code, report["records"], report["changed_records"]) == (1, 6, 6), errors
    assert places(report) == [f"{world.topic}[{number}]@{offset}" for number in range(3) for offset in (1, 2)]
    code, report, errors = diff(old, old, "--from", "earliest")
    assert (code, report["records"], errors) == (0, 30, "")
    assert diff(old, new, "--from", "2026-01-31T08:00:25Z")[1]["records"] == 5
    assert diff(old, new, "--from", "2026-01-31T08:01:00Z")[1]["records"] == 0
    assert diff(old, new, "--from", "earliest", "--limit", "7")[1]["records"] == 7
    assert world.groups() == set()
    assert kafka.committed(f"{world.prefix}.crm") == {}


def test_another_topic_and_one_that_is_not_there(kafka: Kafka, tmp_path: Path) -> None:
    """Topics are those of the new file unless they are named; a missing one is a failure, no empty range."""
    world, other = World(kafka, tmp_path), World(kafka, tmp_path)
    other.produce([json.dumps(event(number)).encode() for number in range(4)])
    old, new = world.file("old.yaml", "$.properties.n"), world.file("new.yaml", "$.properties.m")
    assert diff(old, new, "--from", "earliest")[1]["records"] == 0
    assert diff(old, new, "--from", "earliest", "--topic", other.topic)[1]["records"] == 4
    code, report, errors = diff(old, new, "--from", "earliest", "--topic", "missing")
    assert (code, report, errors) == (1, {}, "Kafka: no such topic: missing\n")


def test_suppressed_users_of_a_topic_are_known(kafka: Kafka, tmp_path: Path) -> None:
    """A list that moves from a file to a topic changes nothing but who is on it."""
    world = World(kafka, tmp_path)
    world.produce([json.dumps(event(number)).encode() for number in range(6)])
    users = kafka.create_topic(config={"cleanup.policy": "compact"})
    kafka.produce(users, [b"", b""], key=lambda number: b"u%d" % number)
    ids = tmp_path / "ids.txt"
    ids.write_text("u0\nu1\nu2\n")
    old = world.file("old.yaml", "$.properties.n", suppressed_users={"file": str(ids)})
    new = world.file("new.yaml", "$.properties.n", suppressed_users={"topic": users})
    code, report, errors = diff(old, new, "--from", "earliest")
    assert (code, report["changed_records"]) == (1, 1), errors
    [changed] = report["changed_outcomes"]
    assert (changed["old"], changed["at"]) == ("skipped: suppressed_user", [f"{world.topic}[2]@0"])
    assert world.groups() == set()


@pytest.mark.registry
def test_records_are_decoded_as_their_destination_does(kafka: Kafka, registry: Registry, tmp_path: Path) -> None:
    """Avro through a registry and events that are wrapped; who does not read them so dead-letters them."""
    world = World(kafka, tmp_path)
    schema, schema_id = fastavro.parse_schema(SCHEMA), registry.register(random_name(), SCHEMA)
    values = []
    for number in range(6):
        stream = io.BytesIO()
        fastavro.schemaless_writer(stream, schema, to_avro(event(number)))
        values.append(b"\0" + schema_id.to_bytes(4) + stream.getvalue())
    world.produce(values)
    avro = {"format": "avro", "avro": {"registry": {"url": registry.url}}}
    old, new = (
        world.file("old.yaml", "$.properties.n", decode=avro),
        world.file("new.yaml", "$.properties.m", decode=avro),
    )
    code, report, errors = diff(old, new, "--from", "earliest")
    assert (code, report["changed_payloads"]) == (1, 6), errors
    assert report["outcomes"] == {"old": {"delivered": 6}, "new": {"delivered": 6}}
    plain = world.file("plain.yaml", "$.properties.n")
    report = diff(old, plain, "--from", "earliest")[1]
    assert report["outcomes"] == {"old": {"delivered": 6}, "new": {"dead-lettered: invalid_json": 6}}
    wrapped = world.file("wrapped.yaml", "$.n", decode=avro, event_path="properties")
    report = diff(old, wrapped, "--from", "earliest")[1]
    assert set(report["outcomes"]["new"]) != {"delivered"}
