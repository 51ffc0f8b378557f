"""Reads the control topic from its beginning, by a consumer that joins no group, and says what is wrong with it."""

from __future__ import annotations

from typing import NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from processor.errors import BrokerError
from processor.source.trouble import broker_error


class ControlRecord(NamedTuple):
    """A record as it stands in the topic."""

    key: bytes | None
    value: bytes | None


class ControlReader:
    """The one partition of the control topic. One thread calls; the consumer belongs to the reader from now on."""

    def __init__(self, name: str, consumer: Consumer) -> None:
        """Begin at the beginning.

        Raises:
            BrokerError: The client refuses.
        """
        self._name = name
        self._consumer = consumer
        self.position = 0
        """The offset behind what was read; an end that was reached counts as read."""
        try:
            consumer.assign([TopicPartition(name, 0, OFFSET_BEGINNING)])
        except KafkaException as error:
            consumer.close()
            raise refused(name, error, "read") from error

    def end(self, timeout_s: float) -> int:
        """Return where the topic ends at this moment.

        Raises:
            BrokerError: The broker did not say so in time, or refused.
        """
        try:
            _, end = self._consumer.get_watermark_offsets(TopicPartition(self._name, 0), timeout_s, cached=False)
        except KafkaException as error:
            raise refused(self._name, error, "read") from error
        return end

    def read(self, timeout_s: float) -> ControlRecord | None:
        """Return the next record; None where none came in time, or the end was reached.

        Errors that the client reports while it tries again by itself are waited out.

        Raises:
            BrokerError: The topic must be read anew, from its beginning, or cannot be read at all (`fatal`).
        """
        try:
            message = self._consumer.poll(timeout_s)
        except KafkaException as error:
            raise refused(self._name, error, "read") from error
        if message is None:
            return None
        found, offset = message.error(), message.offset()
        if found is not None and found.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - the client's own spelling of a constant
            self._require_transient(found)
            return None
        if offset is not None:
            self.position = max(self.position, offset + (1 if found is None else 0))
        return ControlRecord(message.key(), message.value()) if found is None else None

    def _require_transient(self, error: KafkaError) -> None:
        trouble = refused(self._name, error, "read")
        if trouble.fatal or error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001 - the client's own spelling
            raise trouble

    def close(self) -> None:
        """Disconnect; nothing is committed."""
        self._consumer.close()


def refused(name: str, error: BaseException | KafkaError, doing: str) -> BrokerError:
    """Return what went wrong with the control topic and what the operator can do about it."""
    return broker_error(
        error,
        f"cannot {doing} control topic {name} (the bridge needs the rights Create, Describe, Read and Write "
        "on it; or make it beforehand with 1 partition and cleanup.policy=compact)",
    )


def late(name: str, doing: str) -> BrokerError:
    """Return that the control topic did not answer in time."""
    return BrokerError(f"cannot {doing} control topic {name} in time", code="_TIMED_OUT", fatal=False)
