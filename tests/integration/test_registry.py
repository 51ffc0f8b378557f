"""Avro records through a real schema registry."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import fastavro
import pytest

from processor.errors import TransientError
from processor.model import Record, Rejected
from processor.source.avro import to_avro
from processor.source.decode import Decoder, SchemaNeeded
from processor.source.decode_settings import DecodeSettings
from tests.kafka_harness import random_name
from tests.registry_harness import Registry

pytestmark = pytest.mark.registry

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "segment-event.avsc").read_text())
EVENT = {
    "type": "track",
    "userId": None,
    "event": "Order Completed",
    "properties": {"total": 19.0, "items": [{"sku": "s", "tags": ["a"]}], "id": 2**70},
    "context": {"app": {"name": "Shop"}},
}


def _decoder(registry: Registry, **settings: object) -> Decoder:
    asked = {"url": registry.url, **settings}
    return Decoder(DecodeSettings.model_validate({"format": "avro", "avro": {"registry": asked}}))


def _record(schema_id: int, value: bytes) -> Record:
    return Record("t", 0, 0, 0, value=b"\0" + schema_id.to_bytes(4) + value)


def _written(schema: Any, datum: object) -> bytes:  # noqa: ANN401 - a schema is any JSON value
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(schema), datum)
    return stream.getvalue()


async def _decoded(decoder: Decoder, record: Record) -> Any:  # noqa: ANN401 - any outcome
    try:
        return decoder.decode(record)
    except SchemaNeeded as needed:
        await decoder.fetch(needed.schema_id)
        return decoder.decode(record)


async def test_our_event_schema_goes_through_a_registry(registry: Registry) -> None:
    """A registry takes the shipped schema, and an event written with it comes back as it was."""
    schema_id = registry.register(random_name(), SCHEMA)
    [(_, event)] = await _decoded(_decoder(registry), _record(schema_id, _written(SCHEMA, to_avro(EVENT))))
    assert event == EVENT


async def test_what_another_producer_wrote_is_read(registry: Registry) -> None:
    """Bytes of Confluent's own serializer decode, its schema registered by itself."""
    from confluent_kafka.schema_registry import SchemaRegistryClient  # noqa: PLC0415 - warns unless imported before
    from confluent_kafka.schema_registry.avro import AvroSerializer  # noqa: PLC0415 - as above
    from confluent_kafka.serialization import MessageField, SerializationContext  # noqa: PLC0415 - as above

    schema = {"type": "record", "name": "Order", "fields": [{"name": "type", "type": "string"}]}
    decoder = _decoder(registry)
    with SchemaRegistryClient({"url": registry.url}) as client:
        serializer = AvroSerializer(client, json.dumps(schema))
        value = serializer({"type": "track"}, SerializationContext(random_name(), MessageField.VALUE))
    [(_, event)] = await _decoded(decoder, Record("t", 0, 0, 0, value=value))
    assert event == {"type": "track"}


async def test_schema_references_are_followed(registry: Registry) -> None:
    """A schema that builds on another subject's is read."""
    subject = random_name()
    city = {"type": "record", "name": "City", "namespace": "a", "fields": [{"name": "name", "type": "string"}]}
    user = {"type": "record", "name": "User", "namespace": "a", "fields": [{"name": "city", "type": "a.City"}]}
    registry.register(subject, city)
    schema_id = registry.register(random_name(), user, [("a.City", subject, 1)])
    [(_, event)] = await _decoded(_decoder(registry), _record(schema_id, b"\x04SF"))
    assert event == {"city": {"name": "SF"}}


async def test_an_id_that_the_registry_does_not_know_is_a_dead_letter(registry: Registry) -> None:
    """The real registry's "not found" is understood as such."""
    outcome = await _decoded(_decoder(registry), _record(2_000_000_000, b""))
    assert outcome == Rejected("unknown_schema", "the schema registry does not know schema 2000000000")


async def test_a_wrong_path_is_no_unknown_schema(registry: Registry) -> None:
    """A registry asked at the wrong address also says 404, and no record may be lost over that."""
    schema_id = registry.register(random_name(), SCHEMA)
    with pytest.raises(TransientError, match="status 404: check its address"):
        await _decoder(registry, url=registry.url.replace("v7", "v99")).fetch(schema_id)


async def test_a_registry_that_stands_still_holds_and_is_used_when_it_is_back(registry: Registry) -> None:
    """While the registry answers nothing, fetching fails in time; afterwards the very same record decodes."""
    schema_id = registry.register(random_name(), SCHEMA)
    record = _record(schema_id, _written(SCHEMA, to_avro(EVENT)))
    decoder = _decoder(registry, fetch_timeout_s=0.5)
    registry.freeze()
    try:
        with pytest.raises(TransientError, match="did not answer in time"):
            await _decoded(decoder, record)
    finally:
        registry.thaw()
    patient = _decoder(registry)
    [(_, event)] = await _decoded(patient, record)
    assert event == EVENT
