"""What the vendors hold in the end is what the events say, one by one and in order, for 200,000 of them.

Run by `make proof`, not by `make test`. `SEED` of the environment repeats a run.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka import Consumer, TopicPartition

from processor.config.secret import PLAIN_SECRETS
from processor.destinations import destination_class
from processor.destinations.plan import Plan
from processor.model import Payload, Record
from processor.sandbox.moengage_settings import MoEngageWorkspace
from processor.sandbox.settings import SandboxKeys, SandboxSettings
from processor.sandbox.standins import StandIns
from processor.source.decode import Decoder
from processor.source.decode_settings import DecodeSettings
from tests.bridge_process import Deployment
from tests.kafka_harness import QUIET, Kafka
from tests.reference.odd_events import mixed_events

EVENT_COUNT = 200_000
VENDORS = ("moveo", "moesif", "moengage")
KEYS = SandboxKeys()
EVERYTHING: Mapping[str, Mapping[str, Any]] = {
    "moveo": {"alias_include_previous_id": True},
    "moesif": {},
    "moengage": {
        "page_events": True,
        "screen_events": True,
        "group_attributes": True,
        "alias": "merge",
        "delete_users": True,
        "device_elements": True,
        "users_per_minute": 10_000_000,
        "events_per_minute": 10_000_000,
    },
}
"""Settings under which as much as possible of what the events say is sent, as fast as it comes."""
ROOMY: SandboxSettings = SandboxSettings(moengage=MoEngageWorkspace(user_attribute_count=100_000))
"""A workspace whose quota of names is never used up: whose name is the last that fits would hang on who came first."""
OF_THE_REQUEST = frozenset({"late_count", "repeat_count"})
TO_DELETE_NOBODY = frozenset({"unknown_user"})
"""MoEngage refuses to delete whom it does not know, which is as good as done."""

_State = dict[str, Mapping[str, Any]]


class _Sequential:
    """Sends what events come to one after the other, each in its own order, as nobody would who is in a hurry."""

    def __init__(self, vendor: str, url: str) -> None:
        """Make the plan of the same settings, decoding all of each event and mapping it alone."""
        kind = destination_class(vendor)
        settings = {**_settings(vendor, url), **EVERYTHING[vendor]}
        destination = kind.create(vendor, kind.settings_model.model_validate(settings, context={PLAIN_SECRETS: True}))
        self._plan = Plan.compile(destination, "default")
        self._endpoints = destination.endpoints
        self._decoder = Decoder(DecodeSettings())
        self._client = httpx.Client(headers=_headers(vendor), timeout=60)
        self._waiting: list[Payload] = []

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def take(self, record: Record, now_ms: int) -> None:
        """Send what a record comes to; payloads of one endpoint in a row share a request."""
        decoded = self._decoder.decode(record)
        for known_by, value in decoded if isinstance(decoded, list) else ():
            for payload in self._plan.map(value, known_by, now_ms).payloads:
                endpoint = self._endpoints[payload.endpoint]
                waiting = [one.body for one in self._waiting]
                size = endpoint.envelope.body_bytes(len(waiting) + 1, sum(map(len, waiting)) + len(payload.body))
                is_full = len(waiting) >= endpoint.max_batch_count or size > endpoint.max_body_bytes
                repeats = endpoint.one_per_lane and any(set(one.lanes) & set(payload.lanes) for one in self._waiting)
                if waiting and (self._waiting[0].endpoint != payload.endpoint or is_full or repeats):
                    self.flush(now_ms)
                self._waiting.append(payload)

    def flush(self, now_ms: int) -> None:
        """Send what waits."""
        if self._waiting:
            endpoint = self._endpoints[self._waiting[0].endpoint]
            body = endpoint.envelope.join([one.body for one in self._waiting], now_ms)
            answer = self._client.request(endpoint.method, endpoint.url, content=body)
            assert answer.is_success or "Not Found" in answer.text, (answer.status_code, answer.text[:300])
            self._waiting.clear()


def _settings(vendor: str, url: str) -> dict[str, Any]:
    """Return the settings of a vendor's stand-in with plain keys."""
    match vendor:
        case "moveo":
            return {
                "api_key": KEYS.moveo_api_keys[0],
                "endpoint": f"{url}/api/analytic/external/segment-destination",
            }
        case "moesif":
            return {"application_id": KEYS.moesif_application_ids[0], "base_url": url}
    key = KEYS.moengage_api_keys[0]
    return {"api_id": KEYS.moengage_workspace_id, "api_key": key, "region": "DC_03", "base_url": url}


def _headers(vendor: str) -> dict[str, str]:
    """Return what a vendor's stand-in asks for in every request."""
    json_type = {"Content-Type": "application/json"}
    match vendor:
        case "moveo":
            return json_type | {"Authorization": KEYS.moveo_api_keys[0]}
        case "moesif":
            return json_type | {"X-Moesif-Application-Id": KEYS.moesif_application_ids[0]}
    basic = httpx.BasicAuth(KEYS.moengage_workspace_id, KEYS.moengage_api_keys[0])
    request = next(basic.auth_flow(httpx.Request("GET", "http://localhost")))
    return json_type | {"Authorization": request.headers["Authorization"], "MOE-APPKEY": KEYS.moengage_workspace_id}


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
            kept["events"] = sorted(map(json.dumps, kept["events"]))
        shown[f"{one.get('kind')} {one.get('id')}"] = kept
    return shown


def _differences(vendor: str, found: _State, wanted: _State) -> list[tuple[str, str, str, object, object]]:
    """Return where the states differ: of whom, in which member, what was found and what was wanted."""
    return [
        (vendor, name, key, found[name].get(key), one.get(key))
        for name, one in wanted.items()
        for key in one.keys() | found[name].keys()
        if found[name].get(key) != one.get(key)
    ]


@pytest.mark.proof
@pytest.mark.kafka
@pytest.mark.timeout(1_800)
def test_vendors_hold_what_the_events_say(kafka: Kafka, tmp_path: Path, seed: int) -> None:
    """Nothing that was let through is refused, and what is read back equals one event after the other in its order."""
    events = list(mixed_events(seed, int(time.time() * 1000), EVENT_COUNT))
    own: Mapping[str, Any] = {"destinations": {name: {"settings": EVERYTHING[name]} for name in VENDORS}}
    deployment = Deployment(kafka, tmp_path, partitions=1, vendors=VENDORS, root=own, sandbox=ROOMY)
    with deployment as deployed, StandIns(ROOMY) as plain:
        deployed.create_letter_topic()
        deployed.produce_values([one.value for one in events], lambda index: events[index].key or b"")
        records = _records(kafka, deployed.topic, EVENT_COUNT)
        deployed.run()
        for vendor in VENDORS:
            deployed.until(partial(deployed.is_all_committed, vendor), f"{vendor} is done", 900)
            now_ms = int(time.time() * 1000)  # as for the bridge all events are of the past
            with closing(_Sequential(vendor, plain.url)) as sequential:
                for record in records:
                    sequential.take(record, now_ms)
                sequential.flush(now_ms)

        refusals = Counter(line.reason for line in deployed.vendors.lines(result="refused"))
        assert not refusals.keys() - TO_DELETE_NOBODY
        reasons = Counter(letter.said["reason"] for letter in deployed.letters())
        assert not [reason for reason in reasons if reason.startswith("http_")]
        for vendor in VENDORS:
            found, wanted = (_by_user(one.state(vendor)) for one in (deployed.vendors, plain))
            assert len(wanted) > 1_000, vendor
            assert found.keys() == wanted.keys()
            assert _differences(vendor, found, wanted)[:5] == []
