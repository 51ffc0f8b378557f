"""Avro events through a real Kafka, a real schema registry and a real bridge process."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import fastavro
import pytest

from processor.source.avro import to_avro
from tests.bridge_process import ROOT, Deployment
from tests.kafka_harness import Kafka, random_name
from tests.numbered_events import event_id, track
from tests.registry_harness import Registry

pytestmark = [pytest.mark.kafka, pytest.mark.registry]

SCHEMA = json.loads((ROOT / "schemas" / "segment-event.avsc").read_text(encoding="utf-8"))
UNKNOWN_ID = 2_000_000_000


def avro_settings(registry: Registry) -> Mapping[str, Any]:
    """Return what a destination needs to read through the registry, with short waits."""
    asked = {"url": registry.url, "fetch_timeout_s": 1, "request_timeout_s": 1}
    return {"decode": {"format": "avro", "avro": {"registry": asked}}}


def avro_values(schema_id: int, numbers: Iterable[int]) -> list[bytes]:
    """Return events in Confluent's wire format."""
    schema = fastavro.parse_schema(SCHEMA)
    values = []
    for number in numbers:
        stream = io.BytesIO()
        fastavro.schemaless_writer(stream, schema, to_avro(json.loads(track(number))))
        values.append(b"\0" + schema_id.to_bytes(4) + stream.getvalue())
    return values


def test_avro_is_delivered_and_an_unknown_schema_is_a_dead_letter(
    kafka: Kafka, registry: Registry, tmp_path: Path
) -> None:
    """Events of a registered schema arrive; a record with an id that nobody knows is a letter, its bytes untouched."""
    schema_id = registry.register(random_name(), SCHEMA)
    with Deployment(kafka, tmp_path, own=avro_settings(registry)) as bridge:
        bridge.create_letter_topic()
        bridge.produce_values(avro_values(schema_id, range(40)))
        [unknown] = avro_values(UNKNOWN_ID, [40])
        bridge.produce_values([unknown], b"u40")
        bridge.produce_values(avro_values(schema_id, range(41, 80)))
        process = bridge.run()
        bridge.until(bridge.is_all_committed, "everything is committed")
        assert bridge.deliveries() == Counter(event_id(number) for number in range(80) if number != 40)
        [letter] = bridge.letters()
        assert (letter.key, letter.value) == (b"u40", unknown)
        assert letter.said["reason"] == "unknown_schema"
        assert process.stop() == 0


def test_registry_that_is_down_holds_the_reading(kafka: Kafka, registry: Registry, tmp_path: Path) -> None:
    """While no schema can be fetched nothing is dead-lettered or committed, and the page says why; then it goes on."""
    schema_id = registry.register(random_name(), SCHEMA)
    with Deployment(kafka, tmp_path, own=avro_settings(registry)) as bridge:
        bridge.create_letter_topic()
        bridge.produce_values(avro_values(schema_id, range(60)))
        registry.freeze()
        try:
            process = bridge.run()
            bridge.until(lambda: process.state() == ("held", "schema_registry_unreachable"), "it is held")
            bridge.produce_values(avro_values(schema_id, range(60, 120)))
            bridge.until(lambda: process.lag() == 120, "the lag is seen")
            assert sum(bridge.committed().values()) == 0
            assert bridge.letters() == []
            assert "the schema registry cannot be reached" in process.log()
        finally:
            registry.thaw()
        bridge.until(bridge.is_all_committed, "everything is committed")
        assert bridge.deliveries() == Counter(map(event_id, range(120)))
        assert bridge.letters() == []
        assert process.state() == ("running", "")
        assert process.stop() == 0
