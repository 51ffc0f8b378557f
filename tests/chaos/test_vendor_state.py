"""What the vendors hold in the end is what the events say, worked out from the events alone, for 200,000 of them.

Run by `make proof`, not by `make test`. `SEED` of the environment repeats a run.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pytest
from confluent_kafka import Consumer, TopicPartition

from processor.model import Record
from processor.sandbox.moengage_settings import MoEngageWorkspace
from processor.sandbox.settings import SandboxSettings
from tests.bridge_process import Deployment
from tests.kafka_harness import QUIET, Kafka
from tests.reference import moengage, moesif, moveo
from tests.reference.comparison import exact
from tests.reference.odd_events import mixed_events
from tests.reference.settings import EVERYTHING

EVENT_COUNT = 200_000
PROMPT: Mapping[str, Mapping[str, Any]] = {
    "moengage": {"users_per_minute": 10_000_000, "events_per_minute": 10_000_000}
}
"""Settings under which what is sent is sent as fast as it comes."""
ROOMY: SandboxSettings = SandboxSettings(moengage=MoEngageWorkspace(user_attribute_count=100_000))
"""A workspace whose quota of names is never used up: whose name is the last that fits would hang on who came first."""
OF_THE_REQUEST = frozenset({"late_count", "repeat_count"})
TO_DELETE_NOBODY = frozenset({"unknown_user"})
"""MoEngage refuses to delete whom it does not know, which is as good as done."""

_State = dict[str, Mapping[str, Any]]


class _Reference(Protocol):
    """A vendor's slow reference."""

    def take(self, event: object, record_ms: int, coordinates: tuple[str, int, int], now_ms: int) -> None: ...

    def state(self) -> list[dict[str, Any]]: ...


REFERENCES: Mapping[str, Callable[..., _Reference]] = {
    "moveo": moveo.Reference,
    "moesif": moesif.Reference,
    "moengage": moengage.Reference,
}


def _worked_out(vendor: str, records: Sequence[Record], now_ms: int) -> Sequence[Mapping[str, Any]]:
    """Return what a vendor should know of what stands in these records, by the reference that knows no bridge."""
    reference = REFERENCES[vendor](**EVERYTHING[vendor])
    for record in records:
        try:
            event = json.loads(record.value or b"")
        except ValueError:
            continue
        reference.take(event, record.timestamp_ms, (record.topic, record.partition, record.offset), now_ms)
    return reference.state()


def _records(kafka: Kafka, topic: str, count: int) -> list[Record]:
    """Return the records of a topic's one partition with the coordinates and times that the broker knows them by."""
    consumer = Consumer({**QUIET, "bootstrap.servers": kafka.bootstrap_servers, "group.id": "nobody"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    records: list[Record] = []
    try:
        while len(records) < count:
            for message in consumer.consume(1_000, 10):
                assert message.error() is None, message.error()
                offset, value, key = message.offset(), message.value(), message.key()
                assert offset is not None
                records.append(Record(topic, 0, offset, message.timestamp()[1], key=_bytes(key), value=_bytes(value)))
    finally:
        consumer.close()
    return records


def _bytes(value: str | bytes | None) -> bytes | None:
    """Return a key or value as the broker has it."""
    return value.encode() if isinstance(value, str) else value


def _by_user(state: Sequence[Mapping[str, Any]]) -> _State:
    """Return a vendor's state by what it is about, as far as it hangs on the events alone.

    Not when a request came, or came again; not in which order Moesif has a visitor's actions beside those of the user
    whom they are found to belong to, nor MoEngage the events of two users beside each other who are merged later, for
    these are two lanes until then; and not which of a company's actions are the
    last thousand that are listed, for they are its users'.
    """
    shown: _State = {}
    for one in state:
        kept = {key: value for key, value in one.items() if key not in OF_THE_REQUEST}
        if one.get("kind") == "company":
            kept.pop("transaction_ids", None)
        elif "transaction_ids" in kept:
            kept["transaction_ids"] = sorted(kept["transaction_ids"])
        if kept.get("merged_from"):
            kept["events"] = sorted(map(exact, kept["events"]))
        shown[f"{one.get('kind')} {one.get('id')}"] = kept
    return shown


def _differences(vendor: str, found: _State, wanted: _State) -> list[tuple[str, str, str, object, object]]:
    """Return where the states differ: of whom, in which member, what was found and what was wanted."""
    return [
        (vendor, name, key, found[name].get(key), one.get(key))
        for name, one in wanted.items()
        for key in one.keys() | found[name].keys()
        if exact(found[name].get(key)) != exact(one.get(key))
    ]


@pytest.mark.proof
@pytest.mark.kafka
@pytest.mark.timeout(1_800)
def test_vendors_hold_what_the_events_say(kafka: Kafka, tmp_path: Path, seed: int) -> None:
    """Nothing that was let through is refused, and what is read back equals one event after the other in its order."""
    events = list(mixed_events(seed, int(time.time() * 1000), EVENT_COUNT))
    settings = {name: {"settings": {**EVERYTHING[name], **PROMPT.get(name, {})}} for name in REFERENCES}
    own: Mapping[str, Any] = {"destinations": settings}
    with Deployment(kafka, tmp_path, partitions=1, vendors=tuple(REFERENCES), root=own, sandbox=ROOMY) as deployed:
        deployed.create_letter_topic()
        deployed.produce_values([one.value for one in events], lambda index: events[index].key or b"")
        records = _records(kafka, deployed.topic, EVENT_COUNT)
        deployed.run()
        for vendor in REFERENCES:
            deployed.until(partial(deployed.is_all_committed, vendor), f"{vendor} is done", 900)
        now_ms = int(time.time() * 1000)  # as for the bridge all events are of the past

        refusals = Counter(line.reason for line in deployed.vendors.lines(result="refused"))
        assert not refusals.keys() - TO_DELETE_NOBODY
        reasons = Counter(letter.said["reason"] for letter in deployed.letters())
        assert not [reason for reason in reasons if reason.startswith("http_")]
        for vendor in REFERENCES:
            found, wanted = _by_user(deployed.vendors.state(vendor)), _by_user(_worked_out(vendor, records, now_ms))
            assert len(wanted) > 1_000, vendor
            assert found.keys() == wanted.keys()
            assert _differences(vendor, found, wanted)[:5] == []
