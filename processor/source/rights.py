"""What the authorizer of Kafka grants to the principal that asks, of topics and groups. Nothing is read or written.

The broker itself says which operations it would let this principal do (KIP-430). A cluster without an authorizer
grants all of them; one that is older than that does not tell.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from processor.errors import BrokerError
from processor.source.coordinator import coordinated
from processor.source.deadline import Deadline
from processor.source.trouble import broker_error

Operations = frozenset[str]
"""Names of operations such as `READ`."""

_MISSING: Final = "UNKNOWN_TOPIC_OR_PART"
_HIDDEN: Final = "TOPIC_AUTHORIZATION_FAILED"
_GROUP_HIDDEN: Final = "GROUP_AUTHORIZATION_FAILED"


class TopicView(NamedTuple):
    """A topic as a principal sees it."""

    partition_count: int | None
    """None where there is no such topic, or it may not be seen."""
    operations: Operations | None
    """What is granted; None where the broker does not tell. Nothing at all where the topic may not be seen."""

    @property
    def is_missing(self) -> bool:
        """Say whether there is no such topic. One that may not be seen may be there."""
        return self.partition_count is None and self.operations is None

    @property
    def is_hidden(self) -> bool:
        """Say whether it may not be seen, be there one or not."""
        return self.partition_count is None and self.operations is not None


def topic_views(admin: AdminClient, topics: Iterable[str], deadline: Deadline) -> dict[str, TopicView]:
    """Return the topics as this principal sees them.

    Raises:
        BrokerError: No answer within the deadline, or a refusal that is not about a topic.
    """
    asked = TopicCollection(sorted(set(topics)))
    doing = "cannot ask what is granted of topics"
    try:
        futures = admin.describe_topics(asked, include_authorized_operations=True, request_timeout=deadline.request_s)
    except (KafkaException, ValueError) as error:
        raise broker_error(error, doing) from error
    return {topic: _view(future, deadline, f"cannot describe topic {topic}") for topic, future in futures.items()}


def group_operations(admin: AdminClient, group_id: str, deadline: Deadline) -> Operations | None:
    """Return what this principal may do with a group, be there such a group or not; None where that is not told.

    Not asked through a consumer: where the group may not be seen, that one goes on looking for its coordinator.

    Raises:
        BrokerError: No answer within the deadline.
    """
    try:
        return coordinated(lambda: _group_operations(admin, group_id, deadline), deadline)
    except BrokerError as error:
        if error.code == _GROUP_HIDDEN:
            return frozenset()
        raise


def _group_operations(admin: AdminClient, group_id: str, deadline: Deadline) -> Operations | None:
    doing = f"cannot ask what is granted of group {group_id}"
    try:
        future = admin.describe_consumer_groups(
            [group_id], include_authorized_operations=True, request_timeout=deadline.request_s
        )[group_id]
    except (KafkaException, ValueError) as error:
        raise broker_error(error, doing) from error
    return _granted(_result(future, deadline, doing))


def cluster_operations(admin: AdminClient, deadline: Deadline) -> Operations | None:
    """Return what this principal may do with the cluster as a whole; None where that is not told.

    Raises:
        BrokerError: No answer within the deadline.
    """
    doing = "cannot ask what is granted of the cluster"
    future = admin.describe_cluster(include_authorized_operations=True, request_timeout=deadline.request_s)
    return _granted(_result(future, deadline, doing))


def _view(future: Future[Any], deadline: Deadline, doing: str) -> TopicView:
    try:
        found = _result(future, deadline, doing)
    except BrokerError as error:
        if error.code == _MISSING:
            return TopicView(None, None)
        if error.code == _HIDDEN:
            return TopicView(None, frozenset())
        raise
    return TopicView(len(found.partitions), _granted(found))


def _granted(found: Any) -> Operations | None:  # noqa: ANN401 - a description of whatever was asked about
    operations = found.authorized_operations
    return None if operations is None else frozenset(operation.name for operation in operations)


def _result(future: Future[Any], deadline: Deadline, doing: str) -> Any:  # noqa: ANN401 - whatever the client answers
    try:
        return future.result(deadline.request_s)
    except KafkaException as error:
        raise broker_error(error, doing) from error
    except TimeoutError as error:
        raise BrokerError(f"{doing}: no answer in time", code="_TIMED_OUT", fatal=False) from error
