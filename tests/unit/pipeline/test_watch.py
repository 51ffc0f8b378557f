"""What is asked of the cluster from outside the consumer, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from processor.delivery.offsets import Key, OffsetTracker
from processor.errors import BrokerError
from processor.pipeline import watch as module
from processor.pipeline.pipeline import Pipeline
from processor.pipeline.report import Marks
from processor.pipeline.watch import Watch
from processor.source.cluster import Cluster
from processor.source.deadline import Deadline
from processor.source.first_records import FirstRecords
from processor.source.group_offsets import GroupOffsets
from tests.http_peer import eventually

P0: Key = ("events", 0)
LETTERS = "letters"


class FakeCluster:
    """Knows where a log ends and how many partitions there are; some questions fail."""

    def __init__(self) -> None:
        """Answer everything."""
        self.questions: list[str] = []
        self.failing: set[str] = set()
        self.partition_count: int | None = 12
        self.settings: dict[str, str] | None = {"cleanup.policy": "delete", "retention.ms": "60000"}
        self.time_ms: int | None = 1_000

    def log_ends(self, keys: list[Key], _deadline: Deadline) -> dict[Key, int]:
        """Return ends."""
        self._asked("ends")
        return dict.fromkeys(keys, 9)

    def topics(self, names: Sequence[str], _deadline: Deadline) -> dict[str, Any]:
        """Return what is known of topics; one that is gone is None."""
        self._asked("topics")
        state = None if self.partition_count is None else SimpleNamespace(partition_count=self.partition_count)
        return {**dict.fromkeys(names, state), "gone": None}

    def committed(self, keys: list[Key], _deadline: Deadline) -> dict[Key, Any]:
        """Return offsets of the group."""
        self._asked("committed")
        return {key: SimpleNamespace(offset=4) for key in keys}

    def configuration(self, topic: str, _deadline: Deadline) -> dict[str, str] | None:
        """Return the settings of a topic."""
        assert topic == "events"
        self._asked("settings")
        return self.settings

    def times_ms(self, offsets: dict[Key, int], _deadline: Deadline) -> dict[Key, int | None]:
        """Return how old the records there are."""
        self._asked(f"times {sorted(offsets.items())}")
        return dict.fromkeys(offsets, self.time_ms)

    def close(self) -> None:
        """Note it."""
        self._asked("close")

    def _asked(self, question: str) -> None:
        """Note a question, and fail if it is to fail."""
        self.questions.append(question)
        if question in self.failing:
            raise BrokerError("no leader", code="_TRANSPORT", fatal=False)


class FakePipeline:
    """Owns partitions and hears how many there are."""

    def __init__(self, *keys: Key) -> None:
        """Own these."""
        self.ledger = SimpleNamespace(tracker=OffsetTracker())
        self.assigned = asyncio.Event()
        self.counts: list[int] = []
        self.assign(*keys)

    def assign(self, *keys: Key) -> None:
        """Own more."""
        for key in keys:
            self.ledger.tracker.assign(key, 0)
            self.assigned.set()

    def set_known_partition_count(self, count: int) -> None:
        """Remember it."""
        self.counts.append(count)


def _watch(pipeline: FakePipeline, cluster: FakeCluster) -> tuple[Watch, Marks]:
    """Return a watch over a pipeline, and its marks."""
    marks = Marks()
    parts = cast("Cluster", cluster), cast("GroupOffsets", cluster), ["events"], cast("Pipeline", pipeline)
    first_records = cast("FirstRecords", cluster)
    return Watch(*parts, marks, first_records=first_records, letters_topic=LETTERS), marks


async def test_marks_and_counts_are_kept() -> None:
    """Ends, committed offsets and the number of partitions are asked for; topics that are gone count nothing."""
    pipeline, cluster = FakePipeline(P0), FakeCluster()
    watch, marks = _watch(pipeline, cluster)
    await watch.look()
    await watch.look()
    assert (marks.ends, marks.committed, pipeline.counts) == ({P0: 9}, {P0: 4}, [12])
    asked_once = ["topics", "ends", "committed", "settings"]
    assert cluster.questions == [*asked_once, "ends", "committed", f"times {[(P0, 0)]}"]


async def test_without_partitions_nothing_is_asked() -> None:
    """A process that owns nothing is nobody to ask for."""
    cluster = FakeCluster()
    watch, _ = _watch(FakePipeline(), cluster)
    await watch.look()
    assert cluster.questions == []


@pytest.mark.parametrize(
    ("failing", "counts", "ends"), [("topics", [], {P0: 9}), ("ends", [12], {}), ("committed", [12], {})]
)
async def test_a_question_that_fails_costs_no_other_answer(
    failing: str, counts: list[int], ends: dict[Key, int]
) -> None:
    """The marks stay as they were; the number of partitions is asked for again with the next look."""
    pipeline, cluster = FakePipeline(P0), FakeCluster()
    cluster.failing = {failing}
    watch, marks = _watch(pipeline, cluster)
    await watch.look()
    assert (pipeline.counts, marks.ends) == (counts, ends)
    cluster.failing = set()
    await watch.look()
    assert (pipeline.counts, marks.ends) == ([12], {P0: 9})


async def test_an_assignment_asks_at_once_how_many_partitions_there_are() -> None:
    """Until it knows, a process would take the whole of a limit that it may only have a share of."""
    pipeline, cluster = FakePipeline(), FakeCluster()
    watch, _ = _watch(pipeline, cluster)
    running = asyncio.create_task(watch.run())
    await asyncio.sleep(0)
    pipeline.assign(P0)
    await asyncio.wait_for(eventually(lambda: pipeline.counts == [12]), module.INTERVAL_S / 2)
    cluster.partition_count = 24
    pipeline.assign(("events", 1))
    await asyncio.wait_for(eventually(lambda: pipeline.counts == [12, 24]), module.INTERVAL_S / 2)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert cluster.questions[-1] == "close"


async def test_it_looks_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends move although nothing is assigned."""
    monkeypatch.setattr(module, "INTERVAL_S", 0.01)
    cluster = FakeCluster()
    watch, _ = _watch(FakePipeline(P0), cluster)
    running = asyncio.create_task(watch.run())
    await eventually(lambda: cluster.questions.count("ends") > 3)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_missing_topic_for_dead_letters_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """Before the first event needs it, and again only after it was there in between."""
    pipeline, cluster = FakePipeline(P0), FakeCluster()
    watch, _ = _watch(pipeline, cluster)
    for count in (None, None, 12, None):
        cluster.partition_count = count
        watch._counted_s = float("-inf")
        await watch.look()
    said = [record.getMessage() for record in caplog.records if "dead-letter topic letters" in record.getMessage()]
    assert len(said) == 2


async def test_a_record_that_waits_unread_is_looked_at_once() -> None:
    """Only when a partition has stood still since the last look; when it has moved on, again."""
    pipeline, cluster = FakePipeline(P0), FakeCluster()
    watch, marks = _watch(pipeline, cluster)
    partition = pipeline.ledger.tracker.get(P0)
    await watch.look()
    assert marks.unread.age_s(partition, 3_500) is None
    for _ in range(3):
        await watch.look()
    assert marks.unread.age_s(partition, 3_500) == 2.5
    partition.reach(4)
    assert marks.unread.age_s(partition, 3_500) is None
    await watch.look()
    await watch.look()
    assert marks.unread.age_s(partition, 3_500) == 2.5
    partition.reach(9)
    await watch.look()
    assert marks.unread.age_s(partition, 3_500) is None
    assert [one for one in cluster.questions if "times" in one] == [f"times {[(P0, 0)]}", f"times {[(P0, 4)]}"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"cleanup.policy": "delete", "retention.ms": "60000"}, 60_000),
        ({"cleanup.policy": "compact,delete", "retention.ms": "0"}, 0),
        ({"cleanup.policy": "delete", "retention.ms": "-1"}, None),
        ({"cleanup.policy": "compact", "retention.ms": "60000"}, None),
        ({"cleanup.policy": "delete"}, None),
        (None, None),
    ],
)
async def test_retention_is_what_time_alone_deletes(settings: dict[str, str] | None, expected: int | None) -> None:
    """A topic that keeps records whatever their age, or that may not be looked at, has none."""
    cluster = FakeCluster()
    cluster.settings = settings
    watch, marks = _watch(FakePipeline(P0), cluster)
    await watch.look()
    assert marks.retention_ms == {"events": expected}


async def test_retention_is_asked_seldom_and_again_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of topics hardly ever change, so a look does not ask each time; a broker that failed is asked again."""
    cluster = FakeCluster()
    watch, marks = _watch(FakePipeline(P0), cluster)
    cluster.failing = {"settings"}
    await watch.look()
    assert marks.retention_ms == {}
    cluster.failing.clear()
    await watch.look()
    await watch.look()
    assert cluster.questions.count("settings") == 2
    monkeypatch.setattr(module, "RETENTION_INTERVAL_S", 0.0)
    await watch.look()
    assert cluster.questions.count("settings") == 3
