"""The Avro form loses nothing on any event of the golden cases, and its shipped schema is the one in use."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastavro
import pytest

from processor.source.avro import event_schema, from_avro, to_avro
from processor.source.json_value import json_value

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "tests" / "vectors"
SCHEMA = fastavro.parse_schema(json.loads((ROOT / "schemas" / "segment-event.avsc").read_text()))


def _expanded(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a golden case's value with its abbreviations written out."""
    if isinstance(value, list):
        return [_expanded(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"$repeat"}:
        return value["$repeat"][0] * value["$repeat"][1]
    if set(value) == {"$list"}:
        return [_expanded(value["$list"][0])] * value["$list"][1]
    return {name: _expanded(member) for name, member in value.items()}


def _events(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for line in path.read_bytes().splitlines():
        vector = json_value(line)
        if isinstance(vector.get("event"), dict):
            yield vector["id"], _expanded(vector["event"])


def _canonical(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return text that differs wherever two values do: 19 from 19.0, true from 1, absent from null."""
    return json.dumps(value, sort_keys=True)


FILES = [path for path in sorted(VECTORS.glob("*/*.jsonl")) if any(True for _ in _events(path))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_event_survives_avro(path: Path) -> None:
    """JSON to Avro bytes to JSON is the identity on every event that is an object."""
    for name, event in _events(path):
        stream = io.BytesIO()
        fastavro.schemaless_writer(stream, SCHEMA, to_avro(event))
        stream.seek(0)
        back = from_avro(fastavro.schemaless_reader(stream, SCHEMA, None))  # type: ignore[arg-type]  # a record
        assert _canonical(back) == _canonical(event), name


def test_there_are_events_to_test_on() -> None:
    """The golden cases are found: a moved folder must not make the test above vacuous."""
    assert sum(1 for path in FILES for _ in _events(path)) > 2000


def test_the_shipped_schema_is_the_one_in_use() -> None:
    """`schemas/segment-event.avsc` is what the program builds; after a change of the form it is written anew."""
    assert json.loads((ROOT / "schemas" / "segment-event.avsc").read_text()) == event_schema()
