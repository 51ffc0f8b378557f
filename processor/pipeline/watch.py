"""Looks at the cluster from outside the consumer: ends of logs, committed offsets, partition counts.

The client's own numbers freeze while a partition is paused, which is just when somebody looks at them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from processor.delivery.offsets import Key
from processor.errors import BrokerError
from processor.pipeline.pipeline import Pipeline
from processor.pipeline.report import Marks
from processor.source.cluster import Cluster
from processor.source.deadline import Deadline

log = logging.getLogger(__name__)

INTERVAL_S = 2.0
PARTITION_COUNT_INTERVAL_S = 60.0
TIMEOUT_S = 10.0


class Watch:
    """Keeps the marks of one pipeline fresh. A cluster that does not answer leaves them as they were."""

    def __init__(
        self, cluster: Cluster, group_id: str, topics: Sequence[str], pipeline: Pipeline, marks: Marks
    ) -> None:
        """Ask about this group and these topics."""
        self._cluster = cluster
        self._group_id = group_id
        self._topics = topics
        self._pipeline = pipeline
        self._marks = marks
        self._counted_s = float("-inf")

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(INTERVAL_S)

    async def look(self) -> None:
        """Look once; the blocking calls run in a thread."""
        keys = [partition.key for partition in self._pipeline.ledger.tracker]
        if not keys:
            return
        try:
            ends, committed = await asyncio.to_thread(self._ask, keys)
            self._marks.ends, self._marks.committed = ends, committed
            await self._count_partitions()
        except BrokerError as error:
            log.debug("the ends of the partitions are not known: %s", error.safe)

    def _ask(self, keys: list[Key]) -> tuple[dict[Key, int], dict[Key, int]]:
        """Return ends and committed offsets. Runs in a thread."""
        ends = self._cluster.log_ends(keys, Deadline.after(TIMEOUT_S))
        committed = self._cluster.committed(self._group_id, Deadline.after(TIMEOUT_S))
        return ends, {key: one.offset for key, one in committed.items()}

    async def _count_partitions(self) -> None:
        """Tell the pipeline, once a minute, how many partitions there are: its share of group-wide limits."""
        now_s = asyncio.get_running_loop().time()
        if now_s - self._counted_s < PARTITION_COUNT_INTERVAL_S:
            return
        self._counted_s = now_s
        states = await asyncio.to_thread(self._cluster.topics, self._topics, Deadline.after(TIMEOUT_S))
        self._pipeline.set_known_partition_count(sum(state.partition_count for state in states.values() if state))
