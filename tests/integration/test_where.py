"""`where` against a real Kafka: copies, what destinations have passed, dead letters, and nothing that is not there."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import fastavro
import pytest

from processor.sandbox.faults import Refuse
from processor.search.report import as_json
from processor.search.whereabouts import whereabouts
from processor.settings import load_without_secrets
from processor.source.avro import to_avro
from tests.bridge_process import ENVIRON, ROOT, Deployment
from tests.kafka_harness import Kafka
from tests.numbered_events import track

pytestmark = pytest.mark.kafka


def typed(bridge: Deployment, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
    """Return exit code, output and errors of a command."""
    done = subprocess.run(
        [sys.executable, "-m", "processor", *arguments, "--config", str(bridge.config)],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **ENVIRON},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    return done.returncode, done.stdout, done.stderr


def asked(
    bridge: Deployment, message_id: str, *, since: str = "earliest", topics: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the answer, as `--json` prints it."""
    settings = load_without_secrets(bridge.config)
    return as_json(whereabouts(settings, message_id, since, topics, lambda records, _most: records))


def test_an_event_is_found_with_what_became_of_it(kafka: Kafka, tmp_path: Path) -> None:
    """A copy that was delivered, one in a batch body that was refused, one that nobody has come to yet."""
    with Deployment(kafka, tmp_path, partitions=1, vendors=("moveo", "moesif")) as bridge:
        bridge.create_letter_topic()
        bridge.vendors.set_faults(Refuse(ids=frozenset({"m8"})))
        batch = {"batch": [json.loads(track(7)), json.loads(track(8, messageId="m-refused"))]}
        bridge.produce_values([track(1, messageId="m-fine"), json.dumps(batch).encode(), b'{"messageId": "m-broken"'])
        process = bridge.run("--destination", "moveo")
        bridge.until(bridge.is_all_committed, "all is committed")
        assert process.stop() == 0
        bridge.produce_values([track(1, messageId="m-fine")])
        found = asked(bridge, "m-fine")
        first, second = found["copies"]
        assert found["dead_letters"] == []
        assert [(one["topic"], one["partition"], one["offset"]) for one in (first, second)] == [
            (bridge.topic, 0, 0),
            (bridge.topic, 0, 3),
        ]
        moveo = {"progress": "passed", "committed": 3, "records_before_it": None, "skipped": None, "rejected": None}
        assert first["destinations"]["moveo"].items() >= moveo.items()
        assert len(first["destinations"]["moveo"]["sends"]) == 1
        assert first["destinations"]["moesif"].items() >= {"progress": "not yet", "records_before_it": 0}.items()
        assert second["destinations"]["moveo"].items() >= {"progress": "not yet", "records_before_it": 0}.items()
        assert second["destinations"]["moesif"]["records_before_it"] == 3
        found = asked(bridge, "m-refused")
        (copy,), (letter,) = found["copies"], found["dead_letters"]
        assert (copy["offset"], copy["event_index"]) == (1, 1)
        assert letter.items() >= {"destination": "moveo", "reason": "http_400", "topic": bridge.letter_topic}.items()
        source = {"topic": bridge.topic, "partition": 0, "offset": 1}
        assert (letter["source"], letter["is_of_batch_body"], letter["status"]) == (source, True, 400)
        assert letter["time_ms"] >= copy["timestamp_ms"]
        found = asked(bridge, "m-broken")
        assert [(one["offset"], one["undecodable"]) for one in found["copies"]] == [(2, "invalid_json")]
        assert [one["reason"] for one in found["dead_letters"]] == ["invalid_json"]
        code, output, _ = typed(bridge, "where", "--message-id", "m-refused")
        assert (code, output.count("m-refused")) == (0, 0)
        assert f"{bridge.topic}[0] at offset 1" in output
        assert f"dead letter of moveo at {bridge.letter_topic}[0]" in output
        code, event, _ = typed(bridge, "where", "--message-id", "m-fine", "--event")
        assert (code, json.loads(event)["messageId"]) == (0, "m-fine")
        code, explained, _ = typed(bridge, "explain", "--destination", "moesif", stdin=event)
        assert (code, len(json.loads(explained)["payloads"])) == (0, 1)


def test_what_is_not_there_is_not_found(kafka: Kafka, tmp_path: Path) -> None:
    """No such event, an event before the time, another topic; a missing dead-letter topic is no error."""
    with Deployment(kafka, tmp_path, partitions=2) as bridge:
        bridge.produce(20)
        found = asked(bridge, "m1")
        assert (found["found"], len(found["copies"]), found["has_dead_letter_topic"]) == (True, 1, False)
        found = asked(bridge, "m99")
        assert (found["found"], found["copies"]) == (False, [])
        assert not asked(bridge, "m1", since="2999-01-01T00:00:00Z")["found"]
        other = kafka.create_topic()
        assert not asked(bridge, "m1", topics=(other,))["found"]
        kafka.produce(other, [track(1)])
        found = asked(bridge, "m1", topics=(other,))
        assert found["copies"][0]["destinations"]["moveo"]["progress"] == "not read"
        code, output, errors = typed(bridge, "where", "--message-id", "m99")
        assert (code, output.startswith("m99: not found since "), errors) == (1, True, "")
        code, _, errors = typed(bridge, "where", "--message-id", "m1", "--topic", "missing")
        assert (code, errors) == (1, "Kafka: no such topic: missing\n")
        groups = kafka.admin.list_consumer_groups(request_timeout=20).result(20)
        assert not [group for group in groups.valid if group.group_id.startswith(bridge.prefix)]


def test_avro_is_decoded_as_its_destination_does(kafka: Kafka, tmp_path: Path) -> None:
    """By the schema of a file, without a registry."""
    file = ROOT / "schemas" / "segment-event.avsc"
    avro = {"decode": {"format": "avro", "avro": {"schema_file": str(file)}}}
    schema = fastavro.parse_schema(json.loads(file.read_text(encoding="utf-8")))
    with Deployment(kafka, tmp_path, partitions=1, own=avro) as bridge:
        for number in range(3):
            stream = io.BytesIO()
            fastavro.schemaless_writer(stream, schema, to_avro(json.loads(track(number))))
            bridge.produce_values([stream.getvalue()])
        found = asked(bridge, "m2")
        assert [one["offset"] for one in found["copies"]] == [2]
        assert len(found["copies"][0]["destinations"]["moveo"]["sends"]) == 1
