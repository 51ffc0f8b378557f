"""The Kafka clients of one destination, made on demand: the seam at which tests put their own."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from confluent_kafka import Consumer, KafkaError, Producer
from confluent_kafka.admin import AdminClient

from processor.source.properties import admin_properties, consumer_properties, producer_properties, reader_properties
from processor.source.settings import KafkaSettings

log = logging.getLogger("processor.source.librdkafka")


class Clients(Protocol):
    """Makes clients for one group."""

    def consumer(self, on_error: Callable[[KafkaError], None]) -> Consumer:
        """Return the group's consumer; `on_error` is called from its own calls."""

    def reader(self) -> Consumer:
        """Return a consumer that joins no group."""

    def producer(self) -> Producer:
        """Return an idempotent producer."""

    def admin(self) -> AdminClient:
        """Return an admin client."""


class KafkaClients:
    """Makes the real clients; what they log goes to `logging`."""

    def __init__(self, kafka: KafkaSettings, group_id: str) -> None:
        """Connect nothing yet."""
        self._kafka = kafka
        self._group_id = group_id

    def consumer(self, on_error: Callable[[KafkaError], None]) -> Consumer:
        """Return the group's consumer; `on_error` is called from its own calls."""
        properties = consumer_properties(self._kafka, self._group_id)
        return Consumer({**properties, "error_cb": on_error}, logger=log)

    def reader(self) -> Consumer:
        """Return a consumer that joins no group."""
        return Consumer(reader_properties(self._kafka, self._group_id), logger=log)

    def producer(self) -> Producer:
        """Return an idempotent producer."""
        return Producer(producer_properties(self._kafka, f"{self._group_id}.control"), logger=log)

    def admin(self) -> AdminClient:
        """Return an admin client."""
        return AdminClient(admin_properties(self._kafka, f"{self._group_id}.admin"), logger=log)
