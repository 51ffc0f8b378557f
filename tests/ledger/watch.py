"""The outside reader of an end-to-end run: committed offsets and members of every group, again and again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import ConsumerGroupState, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from processor.errors import BrokerError
from processor.source.deadline import Deadline
from tests.kafka_harness import Kafka
from tests.ledger.evidence import Moment, Sample
from tests.ledger.fleet import Expected

INTERVAL_S = 0.2
ANSWER_S = 10.0


class OffsetWatch:
    """Samples every group on a thread of its own, from `start` to `stop`. It asks the brokers and never the bridge."""

    def __init__(
        self,
        kafka: Kafka,
        topic: str,
        partition_count: int,
        groups: Mapping[str, str],
        expected: Callable[[str], Expected],
        moment: Callable[[], Moment],
    ) -> None:
        """Watch these groups, by vendor."""
        self._admin = kafka.admin
        self._topic = topic
        self._partitions = [(topic, number) for number in range(partition_count)]
        self._groups = groups
        self._offsets = {vendor: kafka.offsets(group_id) for vendor, group_id in groups.items()}
        self._expected = expected
        self._moment = moment
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="offset-watch", daemon=True)
        self.samples: dict[str, list[Sample]] = {vendor: [] for vendor in groups}
        self.missed: list[str] = []
        """Looks that the brokers did not answer; they are made again."""

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()
        self._thread.join(2 * ANSWER_S)
        for reader in self._offsets.values():
            reader.close()

    def latest(self, vendor: str) -> Sample | None:
        """Return the newest look at a vendor's group."""
        samples = self.samples[vendor]
        return samples[-1] if samples else None

    def _run(self) -> None:
        while not self._stopping.wait(INTERVAL_S):
            for vendor in self._groups:
                try:
                    self.samples[vendor].append(self._look(vendor))
                except (BrokerError, KafkaException, TimeoutError) as error:
                    self.missed.append(f"{vendor}: {error}")

    def _look(self, vendor: str) -> Sample:
        """Return what the brokers say; the moment is read when all of them have answered."""
        group_id = self._groups[vendor]
        expected = self._expected(vendor)
        described = self._admin.describe_consumer_groups([group_id], request_timeout=ANSWER_S)[group_id]
        offsets = self._offsets[vendor].committed(self._partitions, Deadline.after(ANSWER_S))
        group = described.result(ANSWER_S)
        committed = {number: one.offset for (_, number), one in offsets.items()}
        owners = self._owners(group) if group.state is ConsumerGroupState.STABLE else {}
        return Sample(
            self._moment(),
            time.monotonic(),
            committed,
            owners,
            self._is_settled(group, owners, expected),
            expected.disturbance_count,
        )

    def _owners(self, group: Any) -> dict[int, str]:  # noqa: ANN401 - the client's class is not exported
        """Return the name of the process that owns each partition."""
        return {
            one.partition: member.client_id
            for member in group.members
            for one in member.assignment.topic_partitions
            if one.topic == self._topic
        }

    def _is_settled(self, group: Any, owners: Mapping[int, str], expected: Expected) -> bool:  # noqa: ANN401 - as above
        """Return whether the processes that are to run, and no others, own every partition."""
        names = {member.client_id for member in group.members}
        return names == expected.names and len(owners) == len(self._partitions)


def letter_count(admin: AdminClient, topic: str) -> int:
    """Return how many letters the dead-letter topic holds, which has one partition and keeps all."""
    whole = TopicPartition(topic, 0)
    asked = admin.list_offsets({whole: OffsetSpec.latest()}, request_timeout=ANSWER_S)
    return int(asked[whole].result(ANSWER_S).offset)
