"""Where groups stand, by the rules of the destinations themselves, against a Kafka in memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from confluent_kafka import KafkaError

from processor.errors import BrokerError
from processor.lag.groups import Owner
from processor.lag.places import Look, Onlooker, Place
from processor.settings import Settings, load_without_secrets
from processor.source.clients import Clients
from processor.source.deadline import Deadline
from processor.source.founding import Step
from processor.source.orders import GIVEN, ORDER, Order, Wanted, encode_key
from tests.fake_kafka import FakeKafka
from tests.group_clients import GroupClients, member

P0, P1 = ("events", 0), ("events", 1)
GROUP = "segment-bridge.one"


def settings(folder: Path, start: str = "earliest", topics: str = "events") -> Settings:
    """Return the settings of one destination."""
    file = folder / "bridge.yaml"
    file.write_text(
        f"kafka: {{bootstrap_servers: 'x:1', topics: [{topics}]}}\n"
        f"destinations: {{one: {{type: moesif, start: '{start}', settings: {{application_id: {{env: NO_KEY}}}}}}}}\n"
    )
    return load_without_secrets(file)


def kafka(*ends: int, start: int = 0) -> FakeKafka:
    """Return a cluster with the topic."""
    made = FakeKafka()
    made.add("events", *ends, start=start)
    return made


def looked(cluster: FakeKafka, own: Settings, members: Mapping[str, Any] | None = None) -> Look:
    """Return one look."""
    clients = GroupClients(cluster, members or {})
    onlooker = Onlooker(own, ["one"], lambda _kafka, _group_id: cast("Clients", clients))
    try:
        return onlooker.look(Deadline.after(5))
    finally:
        onlooker.close()


def test_a_group_goes_on_at_its_offsets(tmp_path: Path) -> None:
    """With its owners; offsets are asked before the ends, and no control topic is made for the question."""
    cluster = kafka(10, 20)
    cluster.committed = {P0: (4, "id-1"), P1: (20, "")}
    found = looked(cluster, settings(tmp_path), {GROUP: [member("bridge", P1)]})
    assert found.places["one"] == [
        Place(P0, Step.RESUME, 4, 4, 0, 10, "id-1"),
        Place(P1, Step.RESUME, 20, 20, 0, 20, "id-1"),
    ]
    assert dict(found.groups["one"].owners) == {P1: Owner("bridge", "10.0.0.7", "bridge-1")}
    assert cluster.calls.index("committed") < cluster.calls.index("list_offsets")
    assert (cluster.calls.count("committed"), "watermarks" in cluster.calls) == (1, False)


@pytest.mark.parametrize(
    ("start", "position"), [("earliest", 2), ("latest", 10), ("1970-01-01T00:00:00.007Z", 7), ("2026-01-31T08:00Z", 10)]
)
def test_a_group_that_never_committed_begins_at_its_start(tmp_path: Path, start: str, position: int) -> None:
    """The fake's offsets are its times, in milliseconds; no control topic is made for the question."""
    cluster = kafka(10, start=2)
    (found,) = looked(cluster, settings(tmp_path, start)).places["one"]
    assert found == Place(P0, Step.FOUND, None, position, 2, 10, "id-1")
    assert "create_topics" not in cluster.calls


def test_offsets_of_a_topic_made_again_count_for_nothing(tmp_path: Path) -> None:
    """The metadata of an offset says which topic it is of."""
    cluster = kafka(10, 10)
    cluster.committed = {P0: (7, "id-0"), P1: (7, "id-1")}
    first, second = looked(cluster, settings(tmp_path, "latest")).places["one"]
    assert (first.step, first.committed, first.position) == (Step.RECREATED, None, 0)
    assert (second.step, second.committed, second.position) == (Step.RESUME, 7, 7)


def test_a_founding_record_tells_lost_offsets_and_added_partitions(tmp_path: Path) -> None:
    """A partition that the group had has vanished; one behind it is new, whatever `start` says."""
    cluster = kafka(10, 10)
    cluster.add_founding("events", partition_count=1, group=GROUP)
    first, second = looked(cluster, settings(tmp_path, "latest")).places["one"]
    assert (first.step, first.position) == (Step.VANISHED, None)
    assert (second.step, second.position) == (Step.ADDED, 0)


def test_a_log_that_starts_above_the_offset(tmp_path: Path) -> None:
    """Reading would go on at the start; the offset is told as it is."""
    cluster = kafka(10, start=6)
    cluster.committed = {P0: (4, "id-1")}
    (found,) = looked(cluster, settings(tmp_path)).places["one"]
    assert (found.committed, found.position, found.log_start) == (4, 6, 6)


def test_a_control_topic_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    """The rest is told all the same."""
    cluster = kafka(10)
    cluster.add_founding("events", group=GROUP)
    cluster.cleanup_policy = "delete"
    found = looked(cluster, settings(tmp_path))
    assert found.places["one"][0].step is Step.FOUND
    (text,) = found.untold
    assert text.startswith(
        "one: whether it has begun, or is paused: control topic segment-bridge.control has cleanup.policy=delete"
    )


@pytest.mark.parametrize(
    ("wanted", "paused_by"), [(Wanted.PAUSED, "ann (why)"), (Wanted.DRAINED, "ann (why)"), (Wanted.RUNNING, None)]
)
def test_what_stops_a_destination_is_seen(tmp_path: Path, wanted: Wanted, paused_by: str | None) -> None:
    """Also of a group that has begun everywhere; an order that lets it run stops nothing."""
    cluster = kafka(10)
    cluster.committed = {P0: (4, "id-1")}
    cluster.add_founding("events", group=GROUP)
    order = Order("o1", wanted, "ann", 1_000, "why")
    cluster.control.append((encode_key(GROUP, ORDER, GIVEN), msgspec.json.encode(order)))
    assert looked(cluster, settings(tmp_path)).paused_by("one") == paused_by


def test_a_topic_that_does_not_exist_is_told(tmp_path: Path) -> None:
    """Beside those that do."""
    cluster = kafka(10)
    found = looked(cluster, settings(tmp_path, topics="events, other"))
    assert ([place.partition for place in found.places["one"]], list(found.missing)) == ([P0], ["other"])


@pytest.mark.parametrize("code", [KafkaError.GROUP_ID_NOT_FOUND, KafkaError.COORDINATOR_NOT_AVAILABLE])
def test_a_group_that_nobody_has_made_has_no_members(tmp_path: Path, code: int) -> None:
    """That is known, and not an error."""
    group = looked(kafka(10), settings(tmp_path), {GROUP: code}).groups["one"]
    assert (group.is_known, group.state, group.member_count) == (True, "EMPTY", 0)


def test_members_that_may_not_be_seen_are_not_known(tmp_path: Path) -> None:
    """Lag needs only the offsets."""
    found = looked(kafka(10), settings(tmp_path), {GROUP: KafkaError.GROUP_AUTHORIZATION_FAILED})
    assert (found.groups["one"].is_known, found.groups["one"].member_count) == (False, 0)
    (text,) = found.untold
    assert text.startswith(f"one: who owns its partitions: cannot describe group {GROUP}:")


def test_a_cluster_that_does_not_answer_is_an_error(tmp_path: Path) -> None:
    """No figures are made of silence."""
    cluster = kafka(10)
    cluster.errors["list_offsets"] = [KafkaError._TRANSPORT]
    with pytest.raises(BrokerError, match="cannot read where partitions start and end"):
        looked(cluster, settings(tmp_path))
