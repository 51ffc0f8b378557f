"""The Kafka clients of one destination, made on demand: the seam at which tests put their own."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from processor.config import secrets_in
from processor.config.masking import masked
from processor.errors import ConfigError
from processor.source.properties import (
    admin_properties,
    consumer_properties,
    producer_properties,
    reader_properties,
    topic_properties,
)
from processor.source.settings import KafkaSettings
from processor.source.trouble import kafka_error, told

log = logging.getLogger("processor.source.librdkafka")


OnCommit: TypeAlias = Callable[[KafkaError | None, list[TopicPartition]], None]
"""Hears what became of a commit: why it failed as a whole, or each partition, which may have failed alone."""


class Clients(Protocol):
    """Makes clients for one group."""

    def consumer(self, on_error: Callable[[KafkaError], None], on_commit: OnCommit) -> Consumer:
        """Return the group's consumer; both are called from its own calls."""

    def reader(self) -> Consumer:
        """Return a consumer that joins no group."""

    def topic_reader(self, purpose: str) -> Consumer:
        """Return a consumer that joins no group, for topics as large as those of events."""

    def producer(self) -> Producer:
        """Return an idempotent producer."""

    def admin(self) -> AdminClient:
        """Return an admin client."""


MakeClients: TypeAlias = Callable[[KafkaSettings, str], Clients]
"""Makes the clients of a group; the demo and tests give their own."""


class KafkaClients:
    """Makes the real clients; what they log goes to `logging`."""

    def __init__(self, kafka: KafkaSettings, group_id: str) -> None:
        """Connect nothing yet."""
        self._kafka = kafka
        self._group_id = group_id

    def consumer(self, on_error: Callable[[KafkaError], None], on_commit: OnCommit) -> Consumer:
        """Return the group's consumer; both are called from its own calls."""
        properties = consumer_properties(self._kafka, self._group_id)
        return Consumer({**properties, "error_cb": on_error, "on_commit": on_commit}, logger=log)

    def reader(self) -> Consumer:
        """Return a consumer that joins no group."""
        return Consumer(reader_properties(self._kafka, self._group_id), logger=log)

    def topic_reader(self, purpose: str) -> Consumer:
        """Return a consumer that joins no group, for topics as large as those of events."""
        return Consumer(topic_properties(self._kafka, self._group_id, purpose), logger=log)

    def producer(self) -> Producer:
        """Return an idempotent producer."""
        return Producer(producer_properties(self._kafka, f"{self._group_id}.control"), logger=log)

    def admin(self) -> AdminClient:
        """Return an admin client; the first client of every command, so it is here that unusable properties show."""
        return admin_client(self._kafka, f"{self._group_id}.admin", logger=log)


def admin_client(kafka: KafkaSettings, client_id: str, **own: Any) -> AdminClient:  # noqa: ANN401 - the client's own arguments
    """Return an admin client with properties or arguments of the caller's own besides those of the settings.

    Raises:
        ConfigError: The client takes each property, but not all of them together, or not the file that one names.
    """
    arguments: Any = {**admin_properties(kafka, client_id), **own}
    try:
        return AdminClient(arguments)
    except KafkaException as error:
        text = masked(told(kafka_error(error)), secrets_in(kafka))
        raise ConfigError(f"kafka.properties: the Kafka client cannot be made: {text}") from error
