"""Sets a group's position by an operator's word: what settles offsets that vanished or records that expired."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import closing

from processor.source.clients import Clients, KafkaClients
from processor.source.cluster import Cluster, existing
from processor.source.control_topic import ControlTopic
from processor.source.deadline import Deadline
from processor.source.founding import Founding
from processor.source.partitions import Offsets
from processor.source.settings import KafkaSettings
from processor.source.start import start_offsets

TIMEOUT_S = 60.0


def set_positions(
    kafka: KafkaSettings,
    group_id: str,
    topics: Iterable[str],
    start: str,
    *,
    clients: Clients | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Offsets:
    """Return the offsets that are now the group's for every partition of these topics.

    No process of the group may run. The founding records are written after the offsets, as a founding does.

    Args:
        kafka: The cluster and the control topic.
        group_id: The group.
        topics: Topics to set.
        start: `earliest`, `latest` or an ISO 8601 time with a zone.
        clients: Makes the Kafka clients; the real ones unless given.
        timeout_s: The whole budget.

    Raises:
        BrokerError: A topic does not exist, a process of the group runs, a right is missing, or no answer came.
        ValueError: `start` is none of the allowed.
    """
    makers: Clients = KafkaClients(kafka, group_id) if clients is None else clients
    cluster, deadline = Cluster(makers.admin()), Deadline.after(timeout_s)
    states = existing(cluster, topics, deadline)
    partitions = [partition for topic, state in states.items() for partition in state.partitions(topic)]
    offsets = start_offsets(cluster, partitions, start, deadline)
    ids = {partition: states[partition[0]].topic_id for partition in partitions}
    with closing(ControlTopic(kafka.control_topic, group_id, cluster, makers.reader, makers.producer)) as control:
        control.read(deadline)  # a control topic that cannot be used shows before anything is changed
        cluster.set_committed(group_id, offsets, ids, deadline)
        for topic, state in states.items():
            control.write(topic, Founding(*state, start, time.time_ns() // 1_000_000, state.partition_count), deadline)
    return offsets
