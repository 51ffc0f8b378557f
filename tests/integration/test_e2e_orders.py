"""Orders of operators against a real Kafka: pause, resume and drain, and everything that may happen beside them."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from processor.cli.main import main
from processor.sandbox.faults import Latency, Status
from processor.settings import load_without_secrets
from processor.source.deadline import Deadline
from processor.source.ordering import desk
from processor.source.orders import Wanted
from tests.bridge_process import BridgeProcess, Deployment
from tests.kafka_harness import Kafka, KafkaCluster

pytestmark = pytest.mark.kafka

SOON_S = 5.0
"""A running process hears of an order within about a second; a busy machine is given more."""


class Operator:
    """Types commands of the program, in this process: a process for each would cost more than what it does."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        """Type nothing yet."""
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def typed(self, bridge: Deployment, *arguments: str) -> tuple[int | str | None, str]:
        """Return exit code and what is said."""
        self._monkeypatch.setenv("SEGMENT_BRIDGE_CONFIG", str(bridge.config))
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        return ended.value.code, "".join(self._capsys.readouterr())

    def __call__(self, bridge: Deployment, *arguments: str) -> str:
        """Return what a command says that goes well."""
        code, said = self.typed(bridge, *arguments)
        assert code == 0, said
        return said

    def refused(self, bridge: Deployment, *arguments: str) -> str:
        """Return what a command says that ends with 1."""
        code, said = self.typed(bridge, *arguments)
        assert code == 1, said
        return said


@pytest.fixture
def order(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Operator:
    """Return somebody who gives orders."""
    return Operator(capsys, monkeypatch)


def request_count(bridge: Deployment, vendor: str = "moveo") -> int:
    """Return how many lines the vendor's record has: each request that came has at least one."""
    return len(bridge.vendors.lines(vendor))


def swapped_users(bridge: Deployment, vendor: str = "moveo") -> list[str | None]:
    """Return the users of whom a later event was first accepted before an earlier one."""
    latest: dict[str | None, int] = {}
    seen: set[str | None] = set()
    found = []
    for line in bridge.accepted(vendor):
        assert line.seq is not None
        if line.id not in seen and line.seq < latest.get(line.user, -1):
            found.append(line.user)
        seen.add(line.id)
        latest[line.user] = max(line.seq, latest.get(line.user, -1))
    return found


def test_a_pause_outlives_its_processes_and_ends_at_once(kafka: Kafka, tmp_path: Path, order: Operator) -> None:
    """Paused, killed, started again: nothing is read, ready all the same; resumed, everything comes, and once."""
    with Deployment(kafka, tmp_path) as bridge:
        bridge.create_letter_topic()
        bridge.produce(300)
        first = bridge.run()
        bridge.until(bridge.is_all_committed, "everything is committed")
        said = order(bridge, "pause", "moveo", "--as", "ann", "--reason", "their release", "--wait", "30s")
        assert "moveo: paused by ann (their release) at 20" in said
        assert "moveo: done by 1 process" in said
        assert first.state() == ("paused", "")
        operator = first.report()["details"]["operator"]
        assert (operator["wanted"], operator["by"], operator["reason"]) == ("paused", "ann", "their release")
        assert "destination moveo: paused by ann (their release), ordered at 20" in first.log()
        bridge.produce(100)
        first.send(signal.SIGKILL)
        first.ended()
        second = bridge.run()
        bridge.until(lambda: second.state() == ("paused", "") and second.lag() == 100, "it is paused, with its lag")
        assert (second.get("/readyz")[0], second.get("/livez")[0]) == (200, 200)
        assert "moveo: paused by ann (their release) at 20" in order(bridge, "pause", "--list")
        assert second.report()["tally"]["records"]["consumed"] == 0
        assert sum(bridge.deliveries().values()) == 300
        order(bridge, "resume", "moveo", "--as", "bob")
        ordered_s = time.monotonic()
        bridge.until(lambda: sum(bridge.deliveries().values()) > 300, "it goes on")
        assert time.monotonic() - ordered_s < SOON_S
        bridge.until(bridge.is_all_committed, "everything is committed")
        assert bridge.deliveries() == Counter(bridge.event_ids)
        assert "moveo: before that it was running by bob" in order(bridge, "resume", "moveo")
        bridge.until(lambda: second.log().count("destination moveo: resumed by") == 2, "both are logged")
        assert second.state() == ("running", "")
        assert "moveo: not paused (running by" in order(bridge, "pause", "moveo", "--list")
        assert second.stop() == 0


def test_a_pause_while_retrying_ends_what_is_on_its_way_and_keeps_the_rest(
    kafka: Kafka, tmp_path: Path, order: Operator
) -> None:
    """Half of the requests fail, some are asleep before a retry: nothing more is sent, and then all in order."""
    with Deployment(kafka, tmp_path) as bridge:
        bridge.create_letter_topic()
        bridge.vendors.set_faults(Status(status=503, rate=0.5), Latency(ms=100))
        process = bridge.run()
        bridge.produce(600)
        bridge.until(lambda: process.report().get("tally", {}).get("retries"), "requests are sent again")
        order(bridge, "pause", "moveo", "--wait", "30s")
        count = request_count(bridge)
        assert process.report()["gauges"]["in_flight_requests"] == 0
        bridge.produce(50)
        assert "paused by" in order(bridge, "pause", "--list")
        assert request_count(bridge) == count
        bridge.vendors.set_faults()
        order(bridge, "resume", "moveo")
        bridge.until(bridge.is_all_committed, "everything is committed")
        assert bridge.deliveries() == Counter(bridge.event_ids)
        assert swapped_users(bridge) == []
        assert process.stop() == 0


def test_a_drain_delivers_what_was_read_and_reads_no_more(kafka: Kafka, tmp_path: Path, order: Operator) -> None:
    """What is committed is exactly what the vendor has, while a part of the topic is unread; then all of it comes."""
    own = {"delivery": {"max_window_count": 100, "max_in_flight": 2}}
    with Deployment(kafka, tmp_path, own=own) as bridge:
        bridge.create_letter_topic()
        bridge.vendors.set_faults(Latency(ms=400))
        process = bridge.run()
        bridge.produce(3_000)
        bridge.until(lambda: bridge.vendors.item_count("moveo") > 0, "it is under load")
        assert "done by 1 process" in order(bridge, "drain", "moveo", "--wait", "60s")
        assert process.state() == ("drained", "")
        records = process.report()["tally"]["records"]
        delivered = sum(records["delivered"].values())
        assert (records["in_flight"], records["consumed"]) == (0, delivered)
        assert sum(bridge.committed().values()) == delivered == len(bridge.deliveries())
        assert 0 < delivered < 3_000
        bridge.vendors.set_faults(Status(status=503))
        order(bridge, "resume", "moveo")
        bridge.until(lambda: process.report()["tally"]["retries"], "the vendor is down")
        said = order.refused(bridge, "drain", "moveo", "--wait", "2s")
        assert "moveo: 0 of 1 processes have obeyed; not yet: 127.0.0.1" in said
        assert process.state() == ("running", "draining")
        bridge.vendors.set_faults()
        bridge.until(lambda: process.state() == ("drained", ""), "it drains on by itself")
        assert sum(bridge.committed().values()) == len(bridge.deliveries()) > delivered
        order(bridge, "resume", "moveo")
        bridge.until(bridge.is_all_committed, "everything is committed")
        assert bridge.deliveries() == Counter(bridge.event_ids)
        assert process.stop() == 0


def test_processes_that_start_while_paused_or_in_a_rebalance_send_nothing(
    kafka: Kafka, tmp_path: Path, order: Operator
) -> None:
    """Ordered before there is any process, and again while partitions move: nothing is lost, and order is kept."""
    with Deployment(kafka, tmp_path, partitions=6) as bridge:
        bridge.create_letter_topic()
        bridge.vendors.set_faults(Latency(ms=200))
        bridge.produce(2_000)
        assert "no process is in the group" in order(bridge, "drain", "moveo", "--wait", "30s")
        order(bridge, "pause", "moveo")
        processes = [bridge.run()]
        bridge.until(lambda: processes[0].state() == ("paused", ""), "it has partitions and is paused")
        assert "done by 1 process" in order(bridge, "pause", "moveo", "--wait", "30s")
        assert processes[0].report()["tally"]["records"]["consumed"] == 0
        assert bridge.accepted() == []
        order(bridge, "resume", "moveo")
        bridge.until(lambda: bridge.vendors.item_count("moveo") > 0, "it is under load")
        processes.append(bridge.run())
        bridge.until(lambda: bridge.member_count() == 2, "another process joins")
        assert "done by 2 processes" in order(bridge, "pause", "moveo", "--wait", "45s")
        count = request_count(bridge)
        assert [each.state()[0] for each in processes] == ["paused", "paused"]
        processes[0].send(signal.SIGKILL)
        processes[0].ended()
        bridge.until(lambda: len(processes[1].report()["partitions"]) == 6, "the other one takes over")
        bridge.until(lambda: processes[1].state() == ("paused", ""), "it is paused")
        assert "done by 1 process" in order(bridge, "pause", "moveo", "--wait", "45s")
        assert request_count(bridge) == count
        bridge.vendors.set_faults()
        order(bridge, "resume", "moveo")
        bridge.until(bridge.is_all_committed, "everything is committed")
        assert bridge.deliveries().keys() == set(bridge.event_ids)
        assert swapped_users(bridge) == []
        assert processes[1].stop() == 0


def test_of_two_operators_at_once_the_last_wins_and_both_are_logged(kafka: Kafka, tmp_path: Path) -> None:
    """Whichever that is: the process, its log and the topic agree about it."""
    with Deployment(kafka, tmp_path) as bridge:
        bridge.create_letter_topic()
        process = bridge.run()
        bridge.until(lambda: process.state()[0] == "running", "it runs")
        settings, group_id = load_without_secrets(bridge.config).kafka, bridge.group_id()

        def give(name: str) -> None:
            wanted = Wanted.PAUSED if name.startswith("ann") else Wanted.RUNNING
            with desk(settings, group_id) as at:
                at.give(wanted, name, "", 0, Deadline.after(30))

        names = [f"{name}{number}" for number in range(3) for name in ("ann", "bob")]
        with ThreadPoolExecutor(len(names)) as operators:
            list(operators.map(give, names))
        with desk(settings, group_id) as at:
            winner = at.standing(Deadline.after(30)).order
        assert winner is not None
        for name in names:
            bridge.until(lambda: f"ed by {name}, ordered at" in process.log(), f"{name} is logged")  # noqa: B023 - called at once
        assert process.log().rindex(f"ed by {winner.by}, ordered at") == process.log().rindex(", ordered at") - len(
            f"ed by {winner.by}"
        )
        bridge.until(lambda: process.state()[0] == winner.wanted.value, "it does what is in force")
        assert process.report()["details"]["operator"]["by"] == winner.by
        assert process.stop() == 0


@pytest.mark.parametrize("is_made", [True, False])
def test_a_control_topic_that_is_gone_takes_no_pause_back(
    kafka: Kafka,
    tmp_path: Path,
    order: Operator,
    is_made: bool,  # noqa: FBT001 - a column of a table
) -> None:
    """Made again by somebody or not: what runs stays paused and says it anew, and what starts is paused as well."""
    with Deployment(kafka, tmp_path) as bridge:
        bridge.create_letter_topic()
        first = bridge.run()
        bridge.produce(50)
        bridge.until(bridge.is_all_committed, "everything is committed")
        order(bridge, "pause", "moveo", "--as", "ann", "--wait", "30s")
        control = f"{bridge.prefix}.control"
        kafka.delete_topic(control)
        if is_made:
            kafka.create_topic(control, config={"cleanup.policy": "compact"})
        bridge.until(lambda: "paused by ann" in order(bridge, "pause", "--list"), "it says it anew")
        assert not is_made or "is written anew" in first.log()
        bridge.produce(50)
        first.send(signal.SIGKILL)
        first.ended()
        second = bridge.run()
        bridge.until(lambda: second.state() == ("paused", ""), "it is paused")
        assert second.report()["details"]["operator"]["by"] == "ann"
        assert sum(bridge.deliveries().values()) == 50
        order(bridge, "resume", "moveo")
        bridge.until(bridge.is_all_committed, "everything is committed")
        assert bridge.deliveries() == Counter(bridge.event_ids)
        assert second.stop() == 0


def test_what_was_ordered_last_stays_in_force_through_an_outage(
    kafka_cluster: Callable[..., KafkaCluster], tmp_path: Path, order: Operator
) -> None:
    """While no broker answers a paused destination stays so, and says on its page that it hears nobody."""
    cluster = kafka_cluster(1)
    with Deployment(cluster, tmp_path) as bridge:
        bridge.create_letter_topic()
        process = bridge.run()
        bridge.produce(50)
        bridge.until(bridge.is_all_committed, "everything is committed")
        order(bridge, "pause", "moveo", "--wait", "30s")
        cluster.kill(1)
        bridge.until(lambda: process.report()["details"]["operator"]["trouble"], "it says that it hears nobody")
        assert "what was ordered last stays in force" in process.log()
        cluster.restart(1)
        bridge.produce(50)
        bridge.until(lambda: not process.report()["details"]["operator"]["trouble"], "orders are heard again")
        bridge.until(lambda: process.state() == ("paused", ""), "it is paused")
        assert sum(bridge.deliveries().values()) == 50
        order(bridge, "resume", "moveo")
        bridge.until(bridge.is_all_committed, "everything is committed")
        assert process.stop() == 0


def test_an_operator_lifts_the_guard_for_this_time_alone(kafka: Kafka, tmp_path: Path, order: Operator) -> None:
    """What was refused becomes dead letters, delivery goes on, the next trip holds again, and nothing is lost."""
    guard = {"window_count": 40, "refused_count": 20, "min_users": 5}
    endpoints = {"events": {"max_batch_count": 1}}
    own = {"delivery": {"guard": guard, "probe_interval_s": 3_600.0, "endpoints": endpoints}}
    with Deployment(kafka, tmp_path, own=own) as bridge:
        bridge.create_letter_topic()
        process = bridge.run()
        bridge.until(lambda: process.state()[0] == "running", "it runs")
        assert "no guard holds it" in order.refused(bridge, "resume", "moveo", "--accept-rejections")
        bridge.vendors.set_faults(Status(status=400))
        bridge.produce(200)
        bridge.until(lambda: process.state() == ("held", "guard_tripped"), "the guard holds")
        bridge.until(lambda: "the guard holds process" in order(bridge, "pause", "--list"), "the list tells it")
        letters = len(bridge.letters())
        said = order(bridge, "resume", "moveo", "--accept-rejections", "--as", "ann")
        assert "moveo: accepted by ann: the guard holds process" in said
        bridge.until(lambda: len(bridge.letters()) > letters + 5, "what was refused is in the dead-letter topic")
        bridge.until(lambda: process.report()["tally"]["events"]["holds"] == 2, "the guard holds again")
        assert process.state() == ("held", "guard_tripped")
        bridge.vendors.set_faults()
        bridge.until(lambda: has_lifted(bridge, process, order, "bob"), "another word lifts it")
        bridge.until(bridge.is_all_committed, "everything is committed")
        found = [letter.event_id for letter in bridge.letters()]
        assert sorted([*found, *map(str, bridge.deliveries().elements())]) == sorted(bridge.event_ids)
        assert "ann accepts what was refused" in process.log()
        assert "bob accepts what was refused" in process.log()
        assert process.stop() == 0


def has_lifted(bridge: Deployment, process: BridgeProcess, order: Operator, name: str) -> bool:
    """Accept what was refused, and return whether the process has heard it: for a moment the earlier trip is told."""
    order.typed(bridge, "resume", "moveo", "--accept-rejections", "--as", name)
    return f"{name} accepts what was refused" in process.log()


def test_one_destination_of_several_is_paused_alone(kafka: Kafka, tmp_path: Path, order: Operator) -> None:
    """Supervised: the others deliver on, and a process that is killed while paused comes back paused."""
    with Deployment(kafka, tmp_path, vendors=("moveo", "moesif")) as bridge:
        bridge.create_letter_topic()
        supervisor = bridge.run()
        bridge.produce(100)
        for name in bridge.vendor_names:
            bridge.until(lambda: bridge.is_all_committed(name), f"{name} has committed everything")  # noqa: B023 - called at once
        order(bridge, "pause", "moveo", "--wait", "30s")
        bridge.produce(100)
        bridge.until(lambda: bridge.is_all_committed("moesif"), "the other one delivers on")
        bridge.until(lambda: supervisor.state("moveo") == ("paused", ""), "the page says so, too")
        os.kill(supervisor.report("moveo")["process"]["pid"], signal.SIGKILL)
        bridge.until(lambda: is_back(supervisor), "it comes back paused")
        assert sum(bridge.deliveries("moveo").values()) == 100
        assert supervisor.get("/readyz")[0] == 200
        listed = order(bridge, "pause", "--list").splitlines()
        assert (listed[0].startswith("moveo: paused by"), listed[1]) == (True, "moesif: not paused")
        order(bridge, "resume", "moveo")
        bridge.until(lambda: bridge.is_all_committed("moveo"), "everything is committed")
        assert bridge.deliveries("moveo") == Counter(bridge.event_ids)
        assert supervisor.stop() == 0


def is_back(supervisor: BridgeProcess) -> bool:
    """Return whether the process of a destination was started again, and is paused."""
    report = supervisor.report("moveo")
    return (report["restart_count"], report["state"], report["reason"]) == (1, "paused", "")
