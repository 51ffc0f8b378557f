"""Giving orders: what is written, what is swept away with it, and waiting for what becomes of it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from confluent_kafka import KafkaError

from processor.errors import BrokerError
from processor.source.deadline import Deadline
from processor.source.ordering import Desk, await_obeyed, desk
from processor.source.orders import (
    OBEYED,
    TRIPPED,
    Book,
    Member,
    Obeyed,
    Order,
    Tripped,
    Wanted,
    encode_key,
)
from processor.source.settings import KafkaSettings
from tests.fake_clients import FakeClients
from tests.fake_kafka import FakeKafka

HERE, GONE = "member-1", "member-9"


class Stage:
    """A desk for group g with one process in it, and the cluster."""

    def __init__(self, protocol: str = "classic") -> None:
        """Open it."""
        self.kafka = FakeKafka()
        self.kafka.add("events", 5, 5)
        self.kafka.members = {HERE: "host-1"}
        settings = KafkaSettings.model_validate(
            {"bootstrap_servers": "k:1", "topics": ["events"], "group_protocol": protocol}
        )
        self.desk = Desk(settings, "g", FakeClients(self.kafka))

    def give(self, wanted: Wanted = Wanted.PAUSED, by: str = "ann") -> tuple[Order, Order | None]:
        """Give an order."""
        return self.desk.give(wanted, by, "why", 1_000, Deadline.after(5))

    def say(self, kind: str, name: str, said: Obeyed | Tripped) -> None:
        """Write what a process says."""
        self.kafka.control.append((encode_key("g", kind, name), msgspec.json.encode(said)))

    def book(self) -> Book:
        """Return what the topic says."""
        book = Book("g")
        for key, value in self.kafka.control:
            book.take(key, value)
        return book


def obeyed(order: Order, member: str = HERE, *partitions: str) -> Obeyed:
    """Return that a process has obeyed an order."""
    return Obeyed(order.id, member, "host-1", 7, 2_000, partitions)


def tripped(member: str = HERE, accepted_by: str = "") -> Tripped:
    """Return that the guard of a process holds."""
    return Tripped(member, "host-1", 7, "100 refused", 2_000, accepted_by)


def test_an_order_is_written_and_what_was_in_force_is_told() -> None:
    """Each has an id of its own, also when it says the same again."""
    stage = Stage()
    first, nothing = stage.give()
    second, before = stage.give(Wanted.RUNNING, "bob")
    assert (nothing, before) == (None, first)
    assert (second.wanted, second.by, second.reason, second.at_ms) == (Wanted.RUNNING, "bob", "why", 1_000)
    assert stage.book().order == second
    assert stage.give()[0].id != first.id


def test_what_processes_that_are_gone_have_said_is_swept_away_with_an_order() -> None:
    """Otherwise what was left behind would grow with every process that was killed; the living keep their word."""
    stage = Stage()
    order, _ = stage.give()
    for number, member in enumerate((HERE, GONE)):
        stage.say(OBEYED, f"p{number}", obeyed(order, member))
        stage.say(TRIPPED, f"h{number}", tripped(member))
    stage.give()
    assert (set(stage.book().obeyed), set(stage.book().tripped)) == ({"p0"}, {"h0"})


def test_nothing_is_swept_away_where_nobody_tells_who_is_there() -> None:
    """Brokers may not describe groups of Kafka 4's protocol."""
    stage = Stage("consumer")
    stage.kafka.errors["describe_consumer_groups"] = [KafkaError.UNSUPPORTED_VERSION] * 2
    order, _ = stage.give()
    stage.say(OBEYED, "p0", obeyed(order, GONE))
    stage.give()
    assert set(stage.book().obeyed) == {"p0"}


def test_processes_that_are_gone_count_in_no_protocol() -> None:
    """What they have said to the order in force is not that of those who run."""
    stage = Stage("consumer")
    order, _ = stage.give()
    stage.say(OBEYED, "p0", obeyed(order, GONE, "events:0", "events:1"))
    stage.say(TRIPPED, "h0", tripped(GONE))
    standing = stage.desk.standing(Deadline.after(5))
    assert (standing.progress.is_done, standing.progress.missing) == (False, (Member(HERE, "host-1"),))
    assert (standing.progress.obeyed, standing.tripped) == ((), ())


def test_guards_that_hold_are_accepted_by_name_and_once() -> None:
    """Not those of processes that are gone, and not those that somebody has accepted already."""
    stage = Stage()
    stage.give()
    for name, said in {"h0": tripped(), "h1": tripped(GONE), "h2": tripped(accepted_by="bob")}.items():
        stage.say(TRIPPED, name, said)
    assert stage.desk.accept("ann", Deadline.after(5)) == (tripped(accepted_by="ann"),)
    accepted = {name: one.accepted_by for name, one in stage.book().tripped.items()}
    assert accepted == {"h0": "ann", "h1": "", "h2": "bob"}
    count = len(stage.kafka.control)
    assert (stage.desk.accept("ann", Deadline.after(5)), len(stage.kafka.control)) == ((), count)


def test_what_is_in_force_is_told_with_who_has_obeyed_it() -> None:
    """Before anybody gave an order, after one, and when the process has obeyed."""
    stage = Stage()
    assert stage.desk.standing(Deadline.after(5)).order is None
    order, _ = stage.give()
    stage.say(TRIPPED, "h0", tripped())
    standing = stage.desk.standing(Deadline.after(5))
    assert (standing.order, standing.progress.missing) == (order, (Member(HERE, "host-1"),))
    assert (standing.members, standing.tripped) == ((Member(HERE, "host-1"),), (tripped(),))
    stage.say(OBEYED, "p0", obeyed(order))
    assert stage.desk.standing(Deadline.after(5)).progress.is_done


def test_without_members_it_is_done_when_all_partitions_are_obeyed_for() -> None:
    """A topic that is missing has none."""
    stage = Stage("consumer")
    stage.kafka.errors["describe_consumer_groups"] = [KafkaError.UNSUPPORTED_VERSION] * 3
    order, _ = stage.give()
    stage.say(OBEYED, "p0", obeyed(order, HERE, "events:0"))
    assert not stage.desk.standing(Deadline.after(5)).progress.is_done
    stage.say(OBEYED, "p1", obeyed(order, HERE, "events:1"))
    assert stage.desk.standing(Deadline.after(5)).progress.is_done


def waited(stage: Stage, order: Order, happening: Callable[[], object]) -> tuple[bool, str]:
    """Return whether it is done and which order is in force after waiting; something happens in the first pause."""
    happenings = [happening]
    deadline = Deadline.after(0.3)
    standing = await_obeyed(stage.desk, order, deadline, lambda _: happenings.pop()() if happenings else None)
    assert standing.order is not None
    return standing.progress.is_done, standing.order.by


def test_waiting_ends_when_all_have_obeyed_when_time_is_up_or_when_another_order_is_given() -> None:
    """An outage of the brokers in between is waited out."""
    stage = Stage()
    order, _ = stage.give()
    stage.kafka.errors["watermarks"] = [KafkaError._TIMED_OUT]
    assert waited(stage, order, lambda: None) == (False, "ann")
    assert waited(stage, order, lambda: stage.give(Wanted.RUNNING, "bob")) == (False, "bob")
    order, _ = stage.give()
    assert waited(stage, order, lambda: stage.say(OBEYED, "p0", obeyed(order))) == (True, "ann")


def test_waiting_does_not_outlast_a_right_that_is_missing() -> None:
    """Nothing would come of it."""
    stage = Stage()
    order, _ = stage.give()
    stage.kafka.errors["describe_consumer_groups"] = [KafkaError.GROUP_AUTHORIZATION_FAILED]
    with pytest.raises(BrokerError, match="cannot describe group g"):
        await_obeyed(stage.desk, order, Deadline.after(60), lambda _: pytest.fail("it waits"))
    stage.kafka.errors["describe_consumer_groups"] = [KafkaError._TIMED_OUT] * 2
    with pytest.raises(BrokerError, match="cannot describe group g"):
        await_obeyed(stage.desk, order, Deadline.after(0), lambda _: pytest.fail("it waits"))


def test_a_group_that_nobody_knows_has_no_members() -> None:
    """As newer brokers say of one that never was; one whose coordinator moves is asked again."""
    stage = Stage()
    stage.kafka.errors["describe_consumer_groups"] = [KafkaError.NOT_COORDINATOR, KafkaError.GROUP_ID_NOT_FOUND]
    order, _ = stage.give()
    assert stage.book().order == order
    assert stage.kafka.calls.count("describe_consumer_groups") == 2


def test_a_desk_is_closed_behind_its_block() -> None:
    """Also its reader."""
    kafka = FakeKafka()
    settings = KafkaSettings.model_validate({"bootstrap_servers": "k:1", "topics": ["events"]})
    with desk(settings, "g", FakeClients(kafka)) as at:
        assert at.standing(Deadline.after(5)).order is None
        assert "create_topics" not in kafka.calls, "asking makes no topic"
        at.give(Wanted.PAUSED, "ann", "", 0, Deadline.after(5))
    assert "reader closed" in kafka.calls
