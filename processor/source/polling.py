"""One reading of the client: the first record as soon as it is there, and what else has come with it."""

from __future__ import annotations

from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaException, Message


class Polled(NamedTuple):
    """What the client gave, and the error that ended it, if one did.

    The client has moved on behind the messages, so they count although an error came after them.
    """

    messages: list[Message[Any, Any]]
    error: KafkaException | None = None


def polled(consumer: Consumer, timeout_s: float, max_count: int) -> Polled:
    """Return what comes next, at most `max_count` messages; nothing where nothing comes in time.

    What is there is not waited for more of.
    """
    messages: list[Message[Any, Any]] = []
    try:
        first = consumer.poll(timeout_s)
        if first is not None:
            messages.append(first)
            messages.extend(consumer.consume(max_count - 1, 0) if max_count > 1 else ())
    except KafkaException as error:
        return Polled(messages, error)
    return Polled(messages)
