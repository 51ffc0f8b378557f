"""Looks at the cluster from outside the consumer: ends of logs, committed offsets, partition counts, retention.

The client's own numbers freeze while a partition is paused, which is just when somebody looks at them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial

from processor.delivery.offsets import Key
from processor.errors import BrokerError
from processor.pipeline.pipeline import Pipeline
from processor.pipeline.report import Marks
from processor.source.cluster import Cluster
from processor.source.deadline import Deadline
from processor.source.first_records import FirstRecords
from processor.source.group_offsets import GroupOffsets

log = logging.getLogger(__name__)

INTERVAL_S = 2.0
PARTITION_COUNT_INTERVAL_S = 60.0
RETENTION_INTERVAL_S = 600.0
TIMEOUT_S = 10.0


class Watch:
    """Keeps the marks of one pipeline fresh. A cluster that does not answer leaves them as they were."""

    def __init__(
        self,
        cluster: Cluster,
        offsets: GroupOffsets,
        topics: Sequence[str],
        pipeline: Pipeline,
        marks: Marks,
        *,
        first_records: FirstRecords,
        letters_topic: str,
    ) -> None:
        """Ask about these topics and the group's offsets of them, and whether the dead-letter topic is there."""
        self._first_records = first_records
        self._letters_topic = letters_topic
        self._lacks_letters = False
        self._cluster = cluster
        self._offsets = offsets
        self._topics = topics
        self._pipeline = pipeline
        self._marks = marks
        self._counted_s = float("-inf")
        self._retention_s = float("-inf")

    async def run(self) -> None:
        """Look again and again until cancelled."""
        try:
            while True:
                await self.look()
                await self._pause()
        finally:
            await asyncio.to_thread(self._offsets.close)

    async def look(self) -> None:
        """Look once; the blocking calls run in threads."""
        keys = [partition.key for partition in self._pipeline.ledger.tracker]
        if not keys:
            return
        for ask in (self._count_partitions, partial(self._mark, keys), self._look_at_unread, self._ask_retention):
            try:
                await ask()
            except BrokerError as error:
                log.debug("the cluster does not say where the partitions end: %s", error.safe)

    async def _mark(self, keys: list[Key]) -> None:
        """Keep where the partitions end and what is committed."""
        self._marks.ends, self._marks.committed = await asyncio.to_thread(self._ask, keys)

    def _ask(self, keys: list[Key]) -> tuple[dict[Key, int], dict[Key, int]]:
        """Return ends and committed offsets. Runs in a thread."""
        ends = self._cluster.log_ends(keys, Deadline.after(TIMEOUT_S))
        committed = self._offsets.committed(keys, Deadline.after(TIMEOUT_S))
        return ends, {key: one.offset for key, one in committed.items()}

    async def _look_at_unread(self) -> None:
        """Learn how old the records are that wait unread in partitions that stand still."""
        wanted = self._marks.unread.wanted(self._pipeline.ledger.tracker, self._marks.ends)
        if wanted:
            found = await asyncio.to_thread(self._first_records.times_ms, wanted, Deadline.after(TIMEOUT_S))
            self._marks.unread.learn(wanted, found)

    async def _ask_retention(self) -> None:
        """Ask once in a while after which time records are deleted."""
        now_s = asyncio.get_running_loop().time()
        if now_s - self._retention_s >= RETENTION_INTERVAL_S:
            self._marks.retention_ms = await asyncio.to_thread(self._retentions)
            self._retention_s = now_s

    def _retentions(self) -> dict[str, int | None]:
        """Return the retention of each topic. Runs in a thread."""
        deadline = Deadline.after(TIMEOUT_S)
        return {topic: _retention_ms(self._cluster.configuration(topic, deadline)) for topic in self._topics}

    async def _count_partitions(self) -> None:
        """Tell the pipeline, once a minute and after an assignment, how many partitions there are.

        Its share of group-wide limits follows from that.
        """
        now_s = asyncio.get_running_loop().time()
        if now_s - self._counted_s < PARTITION_COUNT_INTERVAL_S:
            return
        topics = (*self._topics, self._letters_topic)
        states = await asyncio.to_thread(self._cluster.topics, topics, Deadline.after(TIMEOUT_S))
        self._counted_s = now_s
        self._look_for_letters(has_topic=states.pop(self._letters_topic) is not None)
        self._pipeline.set_known_partition_count(sum(state.partition_count for state in states.values() if state))

    def _look_for_letters(self, *, has_topic: bool) -> None:
        """Say once that the dead-letter topic is not there: the first event that needs it will hold everything."""
        if not has_topic and not self._lacks_letters:
            log.error(
                "dead-letter topic %s does not exist, or may not be seen: the first event that cannot be delivered "
                "will hold the destination",
                self._letters_topic,
            )
        self._lacks_letters = not has_topic

    async def _pause(self) -> None:
        """Return when it is time to look again: after a while, or at once when partitions were assigned.

        Until it knows how many partitions there are, a process takes the whole of what it may only have a share of.
        """
        assigned = self._pipeline.assigned
        with suppress(TimeoutError):
            await asyncio.wait_for(assigned.wait(), INTERVAL_S)
        if assigned.is_set():
            assigned.clear()
            self._counted_s = float("-inf")


def _retention_ms(configuration: Mapping[str, str] | None) -> int | None:
    """Return after which time records of a topic with this configuration may be deleted, None if time deletes none."""
    if configuration is None or "delete" not in configuration.get("cleanup.policy", ""):
        return None
    retention_ms = int(configuration.get("retention.ms", "-1"))
    return retention_ms if retention_ms >= 0 else None
