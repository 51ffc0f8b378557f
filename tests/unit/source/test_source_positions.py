"""Where partitions are read from: founding, lost offsets, topics made again, expired records; on a Kafka in memory."""

from __future__ import annotations

from typing import cast

import pytest
from confluent_kafka import KafkaError

from processor.errors import BrokerError, InvariantError
from processor.source.cluster import Cluster
from processor.source.control_topic import ControlTopic
from processor.source.deadline import Deadline
from processor.source.founding import Founding
from processor.source.notices import Notice, NoticeCode
from processor.source.partitions import Partition
from processor.source.positions import GroupMember, Placed, Positions
from tests.fake_clients import FakeClients
from tests.fake_kafka import CONTROL, FakeKafka
from tests.source_recorder import group_settings

P0, P1 = ("t", 0), ("t", 1)
ANEW = ("earliest", 77, 0)


class Stage:
    """Positions of a group on a Kafka in memory."""

    def __init__(self, start: str = "latest", on_expired: str = "stop") -> None:
        """Begin with no topics."""
        self.kafka = FakeKafka()
        self.clients = FakeClients(self.kafka)
        self.consumer = self.clients.group_consumer
        self.notices: list[Notice] = []
        cluster = Cluster(self.clients.admin())
        self.control = ControlTopic(CONTROL, "g", cluster, self.clients.reader, self.clients.producer)
        settings, member = group_settings(start, "g", on_expired), cast("GroupMember", self.consumer)
        self.positions = Positions(settings, member, cluster, self.control, self.notices.append, lambda: 77)

    def place(self, *waiting: Partition, owned: set[Partition] | None = None) -> Placed:
        """Return what is placed of these partitions."""
        return self.positions.place(set(waiting), set(waiting) if owned is None else owned, Deadline.after(5))

    def codes(self) -> list[NoticeCode]:
        """Return the kinds of the notices."""
        return [notice.code for notice in self.notices]


def test_founder_commits_all_partitions_and_then_the_record() -> None:
    """The owner of partition 0 applies the start to every partition, its own or not, and writes the record last."""
    stage = Stage("latest")
    stage.kafka.add("t", 10, 20)
    assert stage.place(P0) == Placed({P0: 10}, {"t": "id-1"})
    assert stage.kafka.committed == {P0: (10, "id-1"), P1: (20, "id-1")}
    assert stage.kafka.foundings() == [Founding("id-1", 2, "latest", 77, begun_count=2)]
    assert stage.kafka.calls.index("commit") < stage.kafka.calls.index("flush")
    assert stage.codes() == [NoticeCode.STARTED]


@pytest.mark.parametrize(("before", "kept"), [("id-1", ("latest", 5, 1)), ("old", ANEW), ("", ANEW)])
def test_where_a_group_began_is_kept_and_not_made_up(before: str, kept: tuple[str, int, int]) -> None:
    """A topic that grows keeps it; of one made again, or whose record is lost, nobody knows: `where` rests on it."""
    stage = Stage("earliest")
    stage.kafka.add("t", 10, 20)
    stage.kafka.committed = {P0: (10, "id-1"), P1: (0, "id-1")}
    stage.kafka.add_founding("t" if before else "other", before or "id-1", start="latest", at_ms=5)
    stage.positions.settle("t", Deadline.after(5))
    assert stage.kafka.foundings()[-1] == Founding("id-1", 2, *kept)


def test_others_wait_for_the_founder() -> None:
    """Without offset and record a partition other than 0 is not read, and nothing is committed."""
    stage = Stage()
    stage.kafka.add("t", 10, 20)
    assert stage.place(P1).offsets == {}
    assert (stage.kafka.committed, stage.codes()) == ({}, [NoticeCode.WAITING])


@pytest.mark.parametrize("moment", ["describe_topics", "committed", "watermarks"])
def test_founding_in_the_middle_of_a_look_is_not_taken_for_a_loss(moment: str) -> None:
    """Offsets are read after the record: whenever the founder gets done, they are there once the record is seen."""
    stage = Stage()
    stage.kafka.add("t", 10, 20)

    def founded_now() -> None:
        stage.kafka.committed.update({P0: (10, "id-1"), P1: (20, "id-1")})
        stage.kafka.add_founding("t", partition_count=2)

    stage.kafka.answers = {moment: [founded_now]}
    assert stage.place(P1).offsets == {P1: 20}


def test_offsets_that_vanished_stop() -> None:
    """With a record of this very topic a missing offset is an error that names the command."""
    stage = Stage()
    stage.kafka.add("t", 10)
    stage.kafka.add_founding("t")
    with pytest.raises(BrokerError, match="segment-bridge offsets vendor --to") as caught:
        stage.place(P0)
    assert (caught.value.code, caught.value.fatal) == ("offsets_vanished", True)
    assert stage.kafka.committed == {}


def test_records_of_other_groups_do_not_count() -> None:
    """The control topic is shared by all groups of a cluster; odd records in it are passed over."""
    stage = Stage()
    stage.kafka.add("t", 10)
    stage.kafka.add_founding("t", group="another")
    stage.kafka.control += [(None, b"x"), (b"not json", b"x"), (b'["\xff","t"]', b"x")]
    stage.kafka.control += [(b'["g","gone"]', b"{}"), (b'["g","gone"]', None)]
    stage.kafka.control[-2] = (b'["g","gone"]', stage.kafka.control[0][1])
    assert stage.place(P0).offsets == {P0: 10}


def test_own_record_that_nobody_can_read_stops() -> None:
    """A damaged record of this group is not taken for none, which would apply the start again."""
    stage = Stage()
    stage.kafka.add("t", 10)
    stage.kafka.add_founding("t")
    stage.kafka.control[-1] = (stage.kafka.control[-1][0], b"{damaged")
    with pytest.raises(InvariantError, match="nobody can read"):
        stage.place(P0)


def test_partition_added_later_begins_at_its_beginning() -> None:
    """The owner of the new partition commits its beginning; the owner of partition 0 then writes the new count."""
    stage = Stage("latest")
    stage.kafka.add("t", 10, 20, start=3)
    stage.kafka.add_founding("t", partition_count=1)
    stage.kafka.committed[P0] = (10, "id-1")
    assert stage.place(P1).offsets == {P1: 3}
    assert stage.kafka.committed[P1] == (3, "id-1")
    assert stage.codes() == [NoticeCode.PARTITION_ADDED]
    assert stage.positions.unsettled({P0, P1}) == {"t"}
    stage.positions.settle("t", Deadline.after(5))
    assert stage.kafka.foundings()[-1].partition_count == 2
    assert stage.positions.unsettled({P0, P1}) == set()


def test_record_waits_until_every_partition_has_an_offset() -> None:
    """A count that is written too early would make a new partition look like a lost one."""
    stage = Stage()
    stage.kafka.add("t", 10, 20)
    stage.kafka.add_founding("t", partition_count=1)
    stage.kafka.committed[P0] = (10, "id-1")
    stage.positions.settle("t", Deadline.after(5))
    assert len(stage.kafka.foundings()) == 1


@pytest.mark.parametrize("committed", [None, (50, "old")])
def test_topic_made_again_begins_at_its_beginning(committed: tuple[int, str] | None) -> None:
    """Whether the broker dropped the old offset or not, it does not count."""
    stage = Stage("latest")
    stage.kafka.add("t", 100, topic_id="new")
    stage.kafka.add_founding("t", "old")
    if committed is not None:
        stage.kafka.committed[P0] = committed
    assert stage.place(P0) == Placed({P0: 0}, {"t": "new"})
    assert stage.kafka.committed == {P0: (0, "new")}
    assert [(notice.code, notice.level) for notice in stage.notices] == [(NoticeCode.TOPIC_RECREATED, "error")]


def test_topic_that_changes_between_two_looks_waits() -> None:
    """Answers about two topics of one name are not mixed: the partition waits for the next look."""
    stage = Stage()
    stage.kafka.add("t", 10)
    stage.kafka.add_founding("t")
    stage.kafka.answers = {"committed": [lambda: stage.kafka.add("t", 4, topic_id="id-2")]}
    assert stage.place(P0) == Placed({}, {})
    assert stage.place(P0).offsets == {P0: 0}


def test_topic_that_changes_during_a_founding_is_not_founded() -> None:
    """Ends of one topic are never committed for its successor."""
    stage = Stage("latest")
    stage.kafka.add("t", 10)
    again = lambda: stage.kafka.add("t", 4, topic_id="id-2")  # noqa: E731 - one line beside its use
    stage.kafka.answers = {"list_offsets": [again]}
    stage.positions.settle("t", Deadline.after(5))
    assert (stage.kafka.committed, stage.kafka.foundings()) == ({}, [])


def test_expired_records_stop_and_are_counted() -> None:
    """Each partition's loss is one notice; nothing is committed."""
    stage = Stage()
    stage.kafka.add("t", 30, 30, start=25)
    stage.kafka.committed = {P0: (5, "id-1"), P1: (25, "id-1")}
    with pytest.raises(BrokerError, match="on_expired: continue") as caught:
        stage.place(P0, P1)
    assert caught.value.code == "records_expired"
    assert [(notice.code, notice.partition, notice.count) for notice in stage.notices] == [
        (NoticeCode.RECORDS_EXPIRED, 0, 20)
    ]
    assert stage.kafka.committed[P0] == (5, "id-1")


def test_expired_records_are_stepped_over_where_allowed() -> None:
    """The new position is committed at once, so that the loss is counted once."""
    stage = Stage(on_expired="continue")
    stage.kafka.add("t", 30, start=25)
    stage.kafka.committed = {P0: (5, "id-1")}
    assert stage.place(P0).offsets == {P0: 25}
    assert stage.kafka.committed == {P0: (25, "id-1")}
    assert stage.codes() == [NoticeCode.RECORDS_EXPIRED]


def test_established_group_needs_no_control_topic_to_go_on() -> None:
    """A control topic that is away delays no restart."""
    stage = Stage()
    stage.kafka.add("t", 30)
    stage.kafka.committed = {P0: (5, "id-1")}
    stage.kafka.errors = {"watermarks": [KafkaError._TRANSPORT], "create_topics": [KafkaError._TRANSPORT]}
    assert stage.place(P0).offsets == {P0: 5}
    assert CONTROL not in stage.kafka.topics


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("describe_topics", KafkaError._TRANSPORT),
        ("committed", KafkaError.COORDINATOR_LOAD_IN_PROGRESS),
        ("watermarks", KafkaError._TIMED_OUT),
        ("list_offsets", KafkaError._TIMED_OUT),
        ("commit", KafkaError.REBALANCE_IN_PROGRESS),
        ("flush", KafkaError._TIMED_OUT),
        ("flush", KafkaError.NOT_ENOUGH_REPLICAS),
        ("create_topics", KafkaError._TIMED_OUT),
    ],
)
def test_trouble_that_may_pass_leaves_partitions_waiting(call: str, code: int) -> None:
    """Whatever fails on the way, the partition waits, the trouble is said, and the next look succeeds."""
    stage = Stage("latest")
    stage.kafka.add("t", 10)
    stage.kafka.errors = {call: [code]}
    assert stage.place(P0) == Placed({}, {})
    assert stage.codes()[-1] is NoticeCode.WAITING
    assert stage.place(P0).offsets == {P0: 10}


@pytest.mark.parametrize(
    ("call", "code", "text"),
    [
        ("create_topics", KafkaError.CLUSTER_AUTHORIZATION_FAILED, "cannot create control topic"),
        ("watermarks", KafkaError.TOPIC_AUTHORIZATION_FAILED, "cannot read control topic"),
        ("read", KafkaError.TOPIC_AUTHORIZATION_FAILED, "cannot read control topic"),
        ("flush", KafkaError.TOPIC_AUTHORIZATION_FAILED, "cannot write control topic"),
        ("committed", KafkaError.GROUP_AUTHORIZATION_FAILED, "cannot read the offsets of group g"),
        ("commit", KafkaError.GROUP_AUTHORIZATION_FAILED, "cannot commit the start"),
    ],
)
def test_missing_right_stops_and_is_named(call: str, code: int, text: str) -> None:
    """What only an operator can change is an error with a text that says what was tried."""
    stage = Stage("latest")
    stage.kafka.add("t", 10)
    stage.kafka.add_founding("other")
    if call == "create_topics":
        del stage.kafka.topics[CONTROL]
    stage.kafka.errors = {call: [code]}
    with pytest.raises(BrokerError, match=text) as caught:
        stage.place(P0)
    assert caught.value.fatal


def test_control_topic_made_by_somebody_else_meanwhile_is_fine() -> None:
    """Two processes that make the control topic at once do not disturb each other."""
    stage = Stage("latest")
    stage.kafka.add("t", 10)
    stage.kafka.errors = {"create_topics": [KafkaError.TOPIC_ALREADY_EXISTS]}
    stage.kafka.answers = {"create_topics": [lambda: stage.kafka.add(CONTROL, 0, topic_id="control")]}
    assert stage.place(P0).offsets == {P0: 10}


@pytest.mark.parametrize("code", [KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.UNSUPPORTED_VERSION])
def test_policy_that_may_not_be_looked_at_is_believed(code: int) -> None:
    """Without the right to describe configurations, or a broker that does, the control topic is used as it is."""
    stage = Stage("latest")
    stage.kafka.add("t", 10)
    stage.kafka.errors = {"describe_configs": [code]}
    assert stage.place(P0).offsets == {P0: 10}


def test_policy_that_is_not_told_in_time_is_asked_for_again() -> None:
    """Time that ran out is no operator's word: nothing is founded on a topic whose records may expire."""
    stage = Stage("latest")
    stage.kafka.add("t", 10)
    stage.kafka.errors = {"describe_configs": [KafkaError._TIMED_OUT]}
    assert stage.place(P0).offsets == {}
    assert (stage.kafka.control, stage.codes()) == ([], [NoticeCode.WAITING])
    assert stage.place(P0).offsets == {P0: 10}


def test_missing_topic_is_said_and_waited_for() -> None:
    """A topic that does not exist has no partitions to place, and no founding."""
    stage = Stage()
    assert stage.place(P0) == Placed({}, {})
    assert stage.codes() == [NoticeCode.TOPIC_MISSING]
    stage.positions.settle("t", Deadline.after(5))
    assert stage.kafka.control == []


def test_settled_topic_is_looked_at_again_when_it_changed() -> None:
    """More partitions, or another id, make the founding record worth another look."""
    stage = Stage()
    stage.kafka.add("t", 10)
    stage.place(P0)
    state = Cluster(stage.clients.admin()).topics(["t"], Deadline.after(5))["t"]
    assert state is not None
    stage.positions.noticed("t", state)
    assert stage.positions.unsettled({P0}) == set()
    stage.positions.noticed("t", state._replace(partition_count=2))
    assert stage.positions.unsettled({P0}) == {"t"}


def test_reader_is_let_go_when_nothing_waits() -> None:
    """No connection is kept for a topic that is read once in a long while."""
    stage = Stage()
    stage.kafka.add("t", 10)
    stage.place(P0)
    stage.positions.rest()
    stage.positions.rest()
    assert stage.kafka.calls.count("reader closed") == 1


@pytest.mark.parametrize(
    ("topic_id", "position", "expected"),
    [("id-1", 5, 25), ("id-1", 27, 27), ("another", 27, None)],
)
def test_position_that_the_broker_refused(topic_id: str, position: int, expected: int | None) -> None:
    """Below the log it moves up, within it goes on, and of another topic there is nothing to go on with."""
    stage = Stage(on_expired="continue")
    stage.kafka.add("t", 30, start=25)
    assert stage.positions.out_of_range(P0, position, topic_id, Deadline.after(5), is_truncated=False) == expected


def test_position_beyond_the_end_stops() -> None:
    """A log that has become shorter lost records: nobody but an operator knows where to go on."""
    stage = Stage()
    stage.kafka.add("t", 30)
    with pytest.raises(BrokerError, match="lies beyond the end") as caught:
        stage.positions.out_of_range(P0, 31, "id-1", Deadline.after(5), is_truncated=False)
    assert (caught.value.code, caught.value.fatal) == ("position_beyond_end", True)


def test_position_in_a_truncated_log_stops() -> None:
    """The log has grown past the position again: going on would step over records that nobody has read."""
    stage = Stage(on_expired="continue")
    stage.kafka.add("t", 30, start=10)
    with pytest.raises(BrokerError, match="beyond the place where it was truncated") as caught:
        stage.positions.out_of_range(P0, 20, "id-1", Deadline.after(5), is_truncated=True)
    assert (caught.value.code, caught.value.fatal) == ("position_beyond_end", True)
    assert stage.positions.out_of_range(P0, 20, "of before", Deadline.after(5), is_truncated=True) is None


@pytest.mark.parametrize(("call", "text"), [("committed", "cannot read the offsets"), ("commit", "cannot commit")])
def test_refusal_of_a_single_partition_counts(call: str, text: str) -> None:
    """The client may answer for the whole request and refuse one partition of it."""
    stage = Stage("latest")
    stage.kafka.add("t", 10)
    stage.kafka.refused = {call: {P0: KafkaError.TOPIC_AUTHORIZATION_FAILED}}
    with pytest.raises(BrokerError, match=text):
        stage.place(P0)


@pytest.mark.parametrize("deadline_s", [0.0])
def test_budget_that_is_used_up_is_no_answer(deadline_s: float) -> None:
    """Reading the control topic ends with the deadline."""
    stage = Stage()
    stage.kafka.add_founding("t")
    with pytest.raises(BrokerError, match="in time") as caught:
        stage.control.read(Deadline.after(deadline_s))
    assert not caught.value.fatal


def test_error_that_the_reader_recovers_from_is_waited_out() -> None:
    """The client reports trouble while it retries; the record is read all the same."""
    stage = Stage()
    stage.kafka.add_founding("t")
    stage.kafka.errors = {"read": [KafkaError._TRANSPORT]}
    assert set(stage.control.read(Deadline.after(5))) == {"t"}


def test_reader_that_lost_its_place_begins_anew() -> None:
    """A control topic that was made again is read from its beginning at the next look."""
    stage = Stage()
    stage.kafka.add_founding("t")
    stage.kafka.errors = {"read": [KafkaError._AUTO_OFFSET_RESET]}
    with pytest.raises(BrokerError) as caught:
        stage.control.read(Deadline.after(5))
    assert not caught.value.fatal
    assert set(stage.control.read(Deadline.after(5))) == {"t"}


@pytest.mark.parametrize("start", ["earliest", "latest", "2026-01-01T00:00:00Z"])
def test_invalid_offset_is_never_committed(start: str) -> None:
    """A leader that died makes the admin client return an invalid offset as a success: it is no position."""
    stage = Stage(start)
    stage.kafka.add("t", -1001, start=-1001)
    assert stage.place(P0).offsets == {}
    assert (stage.kafka.committed, stage.codes()) == ({}, [NoticeCode.WAITING])
