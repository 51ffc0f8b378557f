"""`lag` beside outside readers of a real Kafka: Kafka's own tool, and an admin client that knows nothing of ours."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, IsolationLevel, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from processor.lag.reading import LagReading
from processor.lag.report import as_json
from processor.sandbox.faults import Status
from processor.settings import load_without_secrets
from processor.source.deadline import Deadline
from tests.bridge_process import ENVIRON, ROOT, Deployment
from tests.kafka_harness import JVM_OPTIONS, QUIET, Kafka
from tests.kafka_jars import jars

pytestmark = pytest.mark.kafka

TOOL = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
MANY = 200
Figures = dict[int, tuple[int | None, int, int | None]]
"""By partition: committed, end, lag."""


def typed(bridge: Deployment, *arguments: str) -> tuple[int, str, str]:
    """Return exit code, output and errors of the command."""
    command = [sys.executable, "-m", "processor", *arguments, "--config", str(bridge.config)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    return done.returncode, done.stdout, done.stderr


def told(bridge: Deployment, page: str | None = None) -> dict[str, Any]:
    """Return what is told of the first destination, as `--json` prints it."""
    (name, *_) = bridge.vendor_names
    with closing(LagReading(load_without_secrets(bridge.config), [name], page=page)) as reading:
        looked = as_json(reading.look(Deadline.after(20)))
    assert looked["untold"] == []
    found: dict[str, Any] = looked["destinations"][name]
    return found


def figures(found: dict[str, Any]) -> Figures:
    """Return the figures of each partition that `lag` told."""
    return {each["partition"]: (each["committed"], each["end"], each["lag"]) for each in found["partitions"]}


def by_kafkas_tool(bridge: Deployment, kafka: Kafka) -> Figures:
    """Return the same by the tool that comes with Kafka."""
    command = ["java", *JVM_OPTIONS, "-cp", f"{jars()}/*", TOOL, "--bootstrap-server", kafka.bootstrap_servers]
    done = subprocess.run(
        [*command, "--describe", "--group", bridge.group_id()], capture_output=True, text=True, check=True, timeout=60
    )
    rows = [line.split() for line in done.stdout.splitlines() if bridge.topic in line]
    return {int(row[2]): (_number(row[3]), int(row[4]), _number(row[5])) for row in rows}


def _number(text: str) -> int | None:
    return None if text == "-" else int(text)


def outside(admin: AdminClient, bridge: Deployment, numbers: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Return committed and end of each partition by an admin client of the test's own."""
    wanted = [TopicPartition(bridge.topic, number) for number in numbers]
    question = [ConsumerGroupTopicPartitions(bridge.group_id(), wanted)]
    answer = admin.list_consumer_group_offsets(question, request_timeout=20)[bridge.group_id()].result(20)
    committed = {each.partition: each.offset for each in answer.topic_partitions}
    ends = admin.list_offsets({each: OffsetSpec.latest() for each in wanted}, request_timeout=20)
    return {each.partition: (committed[each.partition], future.result(20).offset) for each, future in ends.items()}


def test_lag_is_that_of_kafkas_own_tool_while_paused_and_idle(kafka: Kafka, tmp_path: Path) -> None:
    """To the record: while the vendor fails and partitions are paused, and after the end, with nobody in the group."""
    window = {"delivery": {"max_window_count": 50}}
    with Deployment(kafka, tmp_path, own=window) as bridge:
        bridge.create_letter_topic()
        bridge.vendors.set_faults(Status(status=503))
        bridge.produce(600)
        process = bridge.run()
        bridge.until(lambda: process.report().get("details", {}).get("gate") == "circuit_open", "the circuit opens")
        bridge.until(lambda: len(bridge.committed()) == 3, "the start is committed")
        seen = bridge.until(lambda: process.lag() == 600 and process.time_lag_s(), "its page knows the lag")
        found = told(bridge)
        assert figures(found) == by_kafkas_tool(bridge, kafka)
        assert (found["lag"], found["member_count"], found["group_state"]) == (600, 1, "STABLE")
        assert found["time_lag_s"] >= seen
        assert {each["owner"]["client_id"] for each in found["partitions"]} == {bridge.group_id()}
        assert {each["owner"]["host"] for each in found["partitions"]} == {"127.0.0.1"}
        assert {each["state"] for each in told(bridge, process.page_url())["partitions"]} == {"circuit open"}
        bridge.vendors.set_faults()
        bridge.until(bridge.is_all_committed, "all is committed", 90)
        working = told(bridge, process.page_url())
        assert (working["lag"], working["time_lag_s"], working["state"]) == (0, 0, "idle")
        assert 0 <= time.time() * 1000 - working["last_delivery_ms"] < 120_000
        assert process.stop() == 0
        bridge.produce(30)
        idle = told(bridge)
        assert figures(idle) == by_kafkas_tool(bridge, kafka)
        assert (idle["lag"], idle["state"], idle["member_count"], idle["last_delivery_ms"]) == (30, "no owner", 0, None)


def test_lag_lies_between_two_outside_readings_while_records_flow(kafka: Kafka, tmp_path: Path) -> None:
    """Committed and end of each partition, and so the lag between them; rates are those of the test."""
    with Deployment(kafka, tmp_path) as bridge:
        bridge.create_letter_topic()
        process = bridge.run()
        bridge.until(lambda: process.state()[0] == "running", "it runs")
        admin = AdminClient({**QUIET, "bootstrap.servers": kafka.bootstrap_servers})
        bridge.produce(500)
        bridge.until(lambda: sum(bridge.committed().values()) > 0, "something is committed")
        flowing = subprocess.Popen(
            [sys.executable, "-c", _FLOW, kafka.bootstrap_servers, bridge.topic],
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        )
        try:
            bridge.until(
                lambda: sum(end for _, end in outside(admin, bridge, range(3)).values()) > 600, "they are written"
            )
            with closing(LagReading(load_without_secrets(bridge.config), ["moveo"])) as reading:
                looks = (_bracketed(admin, bridge, reading) for _ in range(1_000))
                moved = list(islice(filter(None, looks), 10))
            assert len(moved) == 10, "too little happened between the readings"
            code, output, _ = typed(bridge, "lag", "--json", "--interval", "1")
            rates = json.loads(output)["destinations"]["moveo"]
            assert (code, rates["rate_in"] > 0, rates["rate_out"] > 0) == (0, True, True)
            assert rates["state"] == "flowing"
        finally:
            flowing.kill()
            flowing.wait(20)


def _bracketed(admin: AdminClient, bridge: Deployment, reading: LagReading) -> bool:
    """Hold one look against outside readings before and after it; return whether anything moved in between."""
    before = outside(admin, bridge, range(3))
    found = figures(as_json(reading.look(Deadline.after(20)))["destinations"]["moveo"])
    after = outside(admin, bridge, range(3))
    for number, (committed, end, lag) in found.items():
        assert committed is not None
        assert before[number][0] <= committed <= after[number][0]
        assert before[number][1] <= end <= after[number][1]
        assert lag == end - committed
        assert before[number][1] - after[number][0] <= lag <= after[number][1] - before[number][0]
    return before != after


_FLOW = """
import sys, time
from confluent_kafka import Producer
from tests.numbered_events import track
producer = Producer({"bootstrap.servers": sys.argv[1]})
number = 10_000
while True:
    for _ in range(20):
        producer.produce(sys.argv[2], track(number), b"u%d" % (number % 50))
        number += 1
    producer.flush(10)
    time.sleep(0.05)
"""
"""Writes a few hundred events a second until it is killed."""


def start_at(bridge: Deployment, start: str) -> None:
    """Let the destination begin there."""
    content = json.loads(bridge.config.read_text())
    content["destinations"]["moveo"]["start"] = start
    bridge.config.write_text(json.dumps(content))


def test_a_group_that_never_committed_is_measured_from_its_start(kafka: Kafka, tmp_path: Path) -> None:
    """Nothing is made by asking: no group, no control topic."""
    with Deployment(kafka, tmp_path, partitions=1) as bridge:
        base = int(time.time()) - 600
        for seconds in (1, 2, 3):
            kafka.producer.produce(bridge.topic, b"{}", b"k", timestamp=1_000 * (base + seconds))
        assert kafka.producer.flush(20) == 0
        later = {seconds: datetime.fromtimestamp(base + seconds, UTC).isoformat() for seconds in (2, 500)}
        for start, lag in (("earliest", 3), ("latest", 0), (later[2], 2), (later[500], 0)):
            start_at(bridge, start)
            found = told(bridge)
            assert (found["lag"], found["state"]) == (lag, "not started")
            assert figures(found) == {0: (None, 3, lag)}
        topics = kafka.admin.list_topics(timeout=20).topics
        assert f"{bridge.prefix}.control" not in topics
        groups = kafka.admin.list_consumer_groups(request_timeout=20).result(20)
        assert not [group for group in groups.valid if group.group_id.startswith(bridge.prefix)]


def commit(kafka: Kafka, bridge: Deployment, offset: int, metadata: str = "") -> None:
    """Make this the group's offset of the first partition."""
    wanted = [TopicPartition(bridge.topic, 0, offset, metadata=metadata)]
    question = [ConsumerGroupTopicPartitions(bridge.group_id(), wanted)]
    kafka.admin.alter_consumer_group_offsets(question, request_timeout=20)[bridge.group_id()].result(20)


def test_what_is_gone_from_a_log_is_told(kafka: Kafka, tmp_path: Path) -> None:
    """Records below the start of the log; offsets beyond its end; offsets of a topic that was made again."""
    with Deployment(kafka, tmp_path, partitions=1) as bridge:
        kafka.produce(bridge.topic, [b"{}"] * 10)
        commit(kafka, bridge, 2)
        wanted = [TopicPartition(bridge.topic, 0, 5)]
        for future in kafka.admin.delete_records(wanted, request_timeout=20).values():
            future.result(20)
        found = told(bridge)
        assert figures(found) == by_kafkas_tool(bridge, kafka) == {0: (2, 10, 8)}
        assert (found["state"], found["expired"]) == ("expired", 3)
        assert found["time_lag_s"] > 0
        commit(kafka, bridge, 14)
        beyond = told(bridge)
        assert (beyond["state"], beyond["lag"]) == ("beyond end", 0)
        commit(kafka, bridge, 9, "the-id-of-another-topic")
        again = told(bridge)
        assert (figures(again), again["expired"]) == ({0: (None, 10, 5)}, 0)


def test_what_nobody_can_see_is_not_unfinished(kafka: Kafka, tmp_path: Path) -> None:
    """Aborted transactions and compaction leave offsets without records; an open one ends the log for us."""
    with Deployment(kafka, tmp_path, partitions=1) as bridge:
        kafka.produce(bridge.topic, [b"{}"] * 3)
        commit(kafka, bridge, 3)
        producer = Producer({**QUIET, "bootstrap.servers": kafka.bootstrap_servers, "transactional.id": bridge.prefix})
        producer.init_transactions(20)
        for end in (producer.abort_transaction, producer.abort_transaction):
            producer.begin_transaction()
            producer.produce(bridge.topic, b"{}", b"k", 0)
            producer.flush(20)
            end(20)
        found = told(bridge)
        assert figures(found) == by_kafkas_tool(bridge, kafka) == {0: (3, 7, 4)}
        assert found["time_lag_s"] == 0
        producer.begin_transaction()
        producer.produce(bridge.topic, b"{}", b"k", 0)
        producer.flush(20)
        wanted = {TopicPartition(bridge.topic, 0): OffsetSpec.latest()}
        answer = kafka.admin.list_offsets(wanted, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=20)
        (visible,) = [future.result(20).offset for future in answer.values()]
        assert figures(told(bridge)) == {0: (3, visible, visible - 3)}
        producer.commit_transaction(20)
        seen = told(bridge)
        assert (seen["lag"], seen["time_lag_s"] > 0) == (6, True)


def test_many_partitions_are_told_in_one_go(kafka: Kafka, tmp_path: Path) -> None:
    """Two hundred of them, all behind, within the time of one look; as an outside reader says, to the record."""
    with Deployment(kafka, tmp_path, partitions=MANY) as bridge:
        kafka.produce(bridge.topic, [b"{}"] * (5 * MANY), key=lambda index: b"k%d" % index)
        consumer = Consumer({**QUIET, "bootstrap.servers": kafka.bootstrap_servers, "group.id": bridge.group_id()})
        consumer.commit(offsets=[TopicPartition(bridge.topic, number, 1) for number in range(MANY)], asynchronous=False)
        consumer.close()
        code, output, errors = typed(bridge, "lag", "--json", "--interval", "0", "--timeout", "10")
        assert (code, errors) == (0, "")
        found = json.loads(output)["destinations"]["moveo"]
        admin = AdminClient({**QUIET, "bootstrap.servers": kafka.bootstrap_servers})
        expected = {
            number: (committed, end, max(0, end - committed))
            for number, (committed, end) in outside(admin, bridge, range(MANY)).items()
        }
        assert figures(found) == expected
        assert sum(each["time_lag_s"] > 0 for each in found["partitions"]) == sum(
            1 for _, _, lag in expected.values() if lag
        )
        code, output, _ = typed(bridge, "lag", "--interval", "0")
        assert (code, len(output.splitlines())) == (0, MANY + 3)


def test_bounds_and_troubles_end_with_a_code(kafka: Kafka, tmp_path: Path) -> None:
    """A script needs nothing but that; what is wrong stands on stderr."""
    with Deployment(kafka, tmp_path, partitions=2) as bridge:
        kafka.produce(bridge.topic, [b"{}"] * 4, partition=1)
        bounds = ("lag", "moveo", "--interval", "0")
        code, _, errors = typed(bridge, *bounds, "--max-lag", "3", "--max-age", "1h")
        assert (code, errors) == (1, "moveo: lag 4 is above 3\n")
        content = json.loads(bridge.config.read_text())
        content["kafka"]["topics"].append("missing")
        bridge.config.write_text(json.dumps(content))
        code, output, errors = typed(bridge, *bounds)
        assert (code, errors) == (0, "warning: topic missing does not exist\n")
        assert f"{bridge.topic}[1]" in output


def test_watch_looks_again_until_interrupted(kafka: Kafka, tmp_path: Path) -> None:
    """A line of JSON each time; what is written in between is seen, and the rate of it."""
    with Deployment(kafka, tmp_path, partitions=1) as bridge:
        command = [sys.executable, "-m", "processor", "lag", "--json", "--watch", "--interval", "0.3"]
        environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **ENVIRON}
        with subprocess.Popen(
            [*command, "--config", str(bridge.config)], env=environ, stdout=subprocess.PIPE, text=True
        ) as watching:
            assert watching.stdout is not None
            first = json.loads(watching.stdout.readline())["destinations"]["moveo"]
            assert (first["lag"], first["rate_in"]) == (0, None)
            kafka.produce(bridge.topic, [b"{}"] * 7)
            looks = (json.loads(line)["destinations"]["moveo"] for line in watching.stdout)
            grown = next(look for look in looks if look["lag"] == 7)
            assert grown["rate_in"] > 0
            watching.send_signal(2)
            assert watching.wait(20) == 130
            watching.stdout.read()


def test_nothing_is_said_of_a_kafka_that_is_not_there(tmp_path: Path, kafka: Kafka) -> None:
    """But where it was looked for; no figure is shown."""
    with Deployment(kafka, tmp_path, partitions=1) as bridge:
        content = json.loads(bridge.config.read_text())
        content["kafka"]["bootstrap_servers"] = "127.0.0.1:1"
        bridge.config.write_text(json.dumps(content))
        code, output, errors = typed(bridge, "lag")
        assert (code, output) == (1, "")
        assert errors.startswith("Kafka: 127.0.0.1:1 cannot be used:")
        assert errors.count("\n") == 1
