"""Kafka producers as everything here uses them: made, found to be lost, and let go of without a message forgotten."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeAlias

from confluent_kafka import KafkaError, KafkaException

from processor.errors import BrokerError

TOO_LARGE: Final = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE})
PURGED: Final = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})  # noqa: SLF001 - names of librdkafka's own codes

SAFE: Final[Mapping[str, Any]] = {
    "enable.idempotence": True,
    "acks": "all",
    "partitioner": "murmur2_random",  # messages of one key share a partition, the one that any Java producer takes
}
"""Properties on which it rests that nothing is lost and that messages of one key keep their order."""

Report: TypeAlias = Callable[[KafkaError | None, Any], None]
"""Called by `Client.poll` when a message is acknowledged, or with why it never will be."""


class Client(Protocol):
    """What is used of `confluent_kafka.Producer`."""

    def produce(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        *,
        on_delivery: Report | None = None,
        headers: list[tuple[str, str | bytes | None]] | None = None,
        timestamp: int = 0,
    ) -> None:
        """Queue a message."""

    def poll(self, timeout: float = -1) -> int:
        """Serve what happened."""

    def purge(self) -> None:
        """Give up every message that is not acknowledged."""


MakeClient: TypeAlias = Callable[[dict[str, Any]], Client]


def new_client(
    make: MakeClient, properties: Mapping[str, Any], on_error: Callable[[KafkaError], None], log: logging.Logger
) -> Client:
    """Return a client; what it says of no single message goes to `on_error`, and its log to `log`.

    Raises:
        BrokerError: It refuses its configuration.
    """
    try:
        return make({**properties, "error_cb": on_error, "logger": log})
    except KafkaException as error:
        code = str(error.args[0].name())
        raise BrokerError(f"the Kafka client refuses its configuration: {error}", code=code, fatal=True) from error


def serve(client: Client, timeout_s: float) -> KafkaError | None:
    """Hear what a client has to say, at most so long; return why it is of no use any more, should that be so.

    A fatal error does not come to `on_error`: the Python client raises it.
    """
    try:
        client.poll(timeout_s)
    except KafkaException as error:
        found: KafkaError = error.args[0]
        return found
    return None


def let_go(client: Client) -> None:
    """Give up what a client has not written, and hear what it has still to say of it."""
    client.purge()
    serve(client, 0)
