"""A listener that writes down everything the consumer thread says, and the settings to run one in a test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from processor.errors import ProcessorError
from processor.model import Record
from processor.source.consumer import ConsumerThread
from processor.source.intake import size_bytes
from processor.source.notices import Notice, NoticeCode
from processor.source.partitions import Offsets, Partition
from processor.source.settings import ConsumerSettings, GroupSettings, KafkaSettings
from processor.source.window import Window
from tests.kafka_harness import Kafka, random_name, until


class Recorder:
    """A pipeline that is done with every record at once, or with none while `is_finishing` is false."""

    def __init__(self, window: Window | None = None) -> None:
        """Start with nothing heard."""
        self.window = window
        self.is_finishing = True
        self.events: list[tuple[str, object]] = []
        self.records: list[Record] = []
        self.ends: Offsets = {}
        self.positions: Offsets = {}
        self.notices: list[Notice] = []
        self.failures: list[ProcessorError] = []
        self.threads: set[int] = set()

    def assigned(self, partitions: Offsets) -> None:
        """Write it down; reading starts here."""
        self._heard("assigned", dict(partitions))
        self.positions.update(partitions)

    def hand_over(self, records: list[Record], ends: Offsets) -> None:
        """Write it down, and settle it unless nothing is to be finished."""
        self.threads.add(threading.get_ident())
        self.records.extend(records)
        self.ends.update(ends)
        if self.is_finishing:
            self.positions.update(
                {(record.topic, record.partition): record.offset + 1 for record in records} | dict(ends)
            )
            self.settle(records)

    def revoked(self, partitions: set[Partition]) -> Offsets:
        """Write it down and give the offsets that are done."""
        self._heard("revoked", set(partitions))
        return {partition: self.positions.pop(partition) for partition in partitions}

    def lost(self, partitions: set[Partition]) -> None:
        """Write it down and forget the partitions."""
        self._heard("lost", set(partitions))
        for partition in partitions:
            self.positions.pop(partition)

    def failed(self, error: ProcessorError) -> None:
        """Write it down."""
        self._heard("failed", str(error))
        self.failures.append(error)

    def said(self, notice: Notice) -> None:
        """Write it down."""
        self.threads.add(threading.get_ident())
        self.notices.append(notice)

    def settle(self, records: Iterable[Record]) -> None:
        """Give records back to the window."""
        if self.window is not None:
            done = list(records)
            self.window.settle(len(done), sum(size_bytes(record) for record in done))

    def names(self) -> list[str]:
        """Return what happened to partitions, in order."""
        return [name for name, _ in self.events]

    def partitions(self) -> set[Partition]:
        """Return the partitions that are ours at the moment."""
        return set(self.positions)

    def codes(self) -> list[NoticeCode]:
        """Return the kinds of the notices that are worth saying, in order."""
        return [notice.code for notice in self.notices if not notice.is_repeat]

    def count(self, code: NoticeCode) -> int:
        """Return what the notices of a kind count together, repeats included."""
        return sum(notice.count for notice in self.notices if notice.code is code)

    def offsets(self, partition: Partition) -> list[int]:
        """Return the offsets that were handed over for a partition, in order."""
        return [record.offset for record in self.records if (record.topic, record.partition) == partition]

    def _heard(self, name: str, what: object) -> None:
        self.threads.add(threading.get_ident())
        self.events.append((name, what))


class Source:
    """A consumer thread with its window and recorder."""

    def __init__(self, kafka: KafkaSettings, group: GroupSettings, window: Window | None = None) -> None:
        """Start nothing yet."""
        self.window = Window(100_000, 48_000_000) if window is None else window
        self.recorder = Recorder(self.window)
        self.thread = ConsumerThread(kafka, group, self.window, self.recorder)

    def __enter__(self) -> Source:  # noqa: PYI034 - nobody inherits from it
        """Join the group."""
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the group, whatever happened."""
        self.thread.stop()
        assert self.thread.join(30), "the consumer thread does not end"

    def stop(self, *, drain: bool = True) -> None:
        """Return when the group is left."""
        self.thread.stop(drain)
        assert self.thread.join(30), "the consumer thread does not end"

    def until_read(self, count: int) -> None:
        """Return when so many records were handed over."""
        until_together([self], lambda: len(self.recorder.records) >= count, f"{count} records are read")

    def until_assigned(self, count: int) -> None:
        """Return when so many partitions are ours."""
        until_together([self], lambda: len(self.recorder.positions) == count, f"{count} partitions are ours")

    def until_said(self, code: NoticeCode) -> Notice:
        """Return the first notice of this kind."""
        until(lambda: code in self.recorder.codes(), f"notice {code.value}")
        return next(notice for notice in self.recorder.notices if notice.code is code)

    def paused_count(self) -> int:
        """Return how many partitions the thread has paused."""
        session = self.thread.session
        return 0 if session is None else len(session.assignment.ownership.paused)

    def failure(self) -> ProcessorError:
        """Return the error that stopped the source, once the thread has ended."""
        until(lambda: self.recorder.failures, "the source fails")
        assert self.thread.join(30)
        return self.recorder.failures[0]


def until_together(sources: Sequence[Source], condition: Callable[[], Any], what: str) -> None:
    """Return when something is true of sources; fail at once when one has failed, and with where each stands."""

    def watched() -> Any:  # noqa: ANN401 - whatever the condition gives
        assert [source.recorder.failures for source in sources] == [[] for _ in sources], what
        return condition()

    try:
        until(watched, what)
    except AssertionError as error:
        told = [(each.recorder.positions, each.paused_count(), each.recorder.events[-5:]) for each in sources]
        raise AssertionError(f"{error}\npositions, paused and last events: {told}") from error


def until_balanced(one: Source, two: Source, count: int) -> None:
    """Return when two sources have so many partitions each."""
    sources = (one, two)
    until_together(
        sources, lambda: all(len(each.recorder.positions) == count for each in sources), "the group is balanced"
    )


def until_both_read(one: Source, two: Source, count: int) -> None:
    """Return when two sources have handed over so many records together."""
    sources = (one, two)
    until_together(
        sources, lambda: sum(len(each.recorder.records) for each in sources) >= count, f"{count} records are read"
    )


def kafka_settings(kafka: Kafka, topics: Iterable[str], protocol: str = "classic", **consumer: int) -> KafkaSettings:
    """Return settings with short pauses and a control topic of one's own per Kafka.

    A member that a starved broker lost joins anew, and its old name keeps a classic group waiting for a whole session.
    """
    quick: Mapping[str, int] = {
        "session_timeout_ms": 6_000,
        "heartbeat_interval_ms": 500,
        "start_retry_ms": 100,
        "metadata_refresh_ms": 1_000,
        "pause_grace_ms": 50,
        **consumer,
    }
    return KafkaSettings.model_validate(
        {
            "bootstrap_servers": kafka.bootstrap_servers,
            "topics": tuple(topics),
            "group_protocol": protocol,
            "consumer": ConsumerSettings.model_validate(quick),
        }
    )


def group_settings(start: str = "earliest", group_id: str | None = None, on_expired: str = "stop") -> GroupSettings:
    """Return the settings of a group, a new one unless named."""
    return GroupSettings.model_validate(
        {
            "destination": "vendor",
            "group_id": random_name("group") if group_id is None else group_id,
            "start": start,
            "on_expired": on_expired,
        }
    )
