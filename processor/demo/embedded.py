"""Kafka clients for the embedded Kafka, which answers nothing that a controller would have to.

Creating and describing topics times out there. So the demo's destinations get an admin client that answers these from
what the brokers do say; everything else is the production client.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from processor.source.clients import KafkaClients
from processor.source.properties import client_properties

ANSWER_S = 10.0


class EmbeddedAdmin(AdminClient):
    """An admin client that knows topics by the brokers' metadata; asking for a topic makes it."""

    def describe_topics(self, topics: TopicCollection, **_: object) -> dict[str, Future[Any]]:  # type: ignore[override]  # as it is called
        """Return each topic with its partitions, and an id that is the same for the same name."""
        return {topic: _answered(self._described(topic)) for topic in topics.topic_names}

    def create_topics(self, new_topics: Iterable[NewTopic], **_: object) -> dict[str, Future[Any]]:  # type: ignore[override]  # as it is called
        """Make topics by asking for them; their configuration is the cluster's."""
        for new in new_topics:
            self._described(new.topic)
        return {new.topic: _answered(None) for new in new_topics}

    def describe_configs(self, resources: Iterable[ConfigResource], **_: object) -> dict[ConfigResource, Future[Any]]:  # type: ignore[override]  # as it is called
        """Say, as a broker does without the right to look, that configurations cannot be read."""
        refusal = KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
        return {resource: _refused(refusal) for resource in resources}

    def _described(self, topic: str) -> SimpleNamespace:
        found = self.list_topics(topic, timeout=ANSWER_S).topics[topic]
        return SimpleNamespace(topic_id=str(uuid5(NAMESPACE_DNS, topic)), partitions=list(found.partitions.values()))


class EmbeddedClients(KafkaClients):
    """The production clients, but for the admin client."""

    def admin(self) -> AdminClient:
        """Return an admin client that the embedded Kafka can answer."""
        return EmbeddedAdmin(client_properties(self._kafka))


def _answered(value: object) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(value)
    return future


def _refused(error: BaseException) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_exception(error)
    return future
