"""Clients of a Kafka in memory that knows members of groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.fake_admin import FakeAdmin
from tests.fake_kafka import FakeKafka
from tests.lone_bridge import BridgeClients


class Admin(FakeAdmin):
    """An admin client that knows members of groups."""

    def __init__(self, kafka: FakeKafka, members: Mapping[str, Any]) -> None:
        """Answer with these members, or errors, by group."""
        super().__init__(kafka)
        self._members = members

    def describe_consumer_groups(self, group_ids: Iterable[str], **options: object) -> dict[str, Future[Any]]:
        """Return the groups."""
        assert options["request_timeout"]
        return {group_id: self._future("describe_consumer_groups", self._group(group_id)) for group_id in group_ids}

    def _group(self, group_id: str) -> Callable[[], object]:
        found = self._members.get(group_id, [])

        def answer() -> object:
            if isinstance(found, int):
                raise KafkaException(KafkaError(found))
            return SimpleNamespace(state=SimpleNamespace(name="STABLE" if found else "EMPTY"), members=found)

        return answer


class GroupClients(BridgeClients):
    """Clients whose admin knows members of groups."""

    def __init__(self, kafka: FakeKafka, members: Mapping[str, Any]) -> None:
        """Answer with these members."""
        super().__init__(kafka)
        self._members = members

    def admin(self) -> AdminClient:
        """Return an admin client."""
        return cast("AdminClient", Admin(self.kafka, self._members))


def member(client_id: str, *owned: tuple[str, int]) -> object:
    """Return a member as the client describes it."""
    assignment = SimpleNamespace(topic_partitions=[TopicPartition(*one) for one in owned])
    return SimpleNamespace(client_id=client_id, host="/10.0.0.7", member_id=f"{client_id}-1", assignment=assignment)
