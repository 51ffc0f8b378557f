"""Requests to a Kafka topic: the messages of one request in, one answer out, whatever happens on the way.

The broker acknowledges messages one by one, and a request is answered when all of its messages have been reported on.
Its order rests on three things: a client that fails any message for other reasons than the message itself writes
nothing behind it any more (`enable.gapless.guarantee`, no time-outs of single messages), such a client is given up
whole before anything is sent again, and what was acknowledged before that is not sent again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final, TypeAlias

from confluent_kafka import Producer

from processor.delivery.kafka_session import TIMED_OUT, Request, Session
from processor.delivery.producing import SAFE, MakeClient, new_client
from processor.destinations.target import FRAMING_BYTES, WRITTEN, Message, Target, code_of, messages, written
from processor.errors import BrokerError
from processor.model import Answer

_log = logging.getLogger(__name__)
_client_log = logging.getLogger(f"{__name__}.librdkafka")


def _is_news(record: logging.LogRecord) -> bool:
    """Return whether a line of the client's is more than that a property which is set on purpose is experimental."""
    return "enable.gapless.guarantee is experimental" not in record.getMessage()


_client_log.addFilter(_is_news)

PURGE_S: Final = 5.0
"""Longest wait for a client that was given up to say what it had not written."""
MAX_REMEMBERED_COUNT: Final = 100_000
"""Most messages that are remembered as written although their request failed."""

Properties: TypeAlias = Callable[[], Mapping[str, Any]]
"""Gives the client's properties, credentials in the open, as they are now."""


class KafkaTransport:
    """Writes the messages of one destination to its topic. Belongs to one event loop."""

    def __init__(self, target: Target, properties: Properties, *, client_class: MakeClient = Producer) -> None:
        """Prepare; the first request makes the first client."""
        self._target = target
        self._properties = properties
        self._client_class = client_class
        self._session: Session | None = None
        self._retired: set[Session] = set()
        self._is_careful = False
        self._written: dict[str, None] = {}

    async def send(
        self,
        method: str,  # noqa: ARG002 - there is but one
        url: str,  # noqa: ARG002 - the topic is the destination's
        headers: dict[str, str],  # noqa: ARG002 - messages carry their own
        content: bytes,
        deadline_s: float,
        set_out: Callable[[], None] = lambda: None,
    ) -> Answer:
        """Return the answer to one request, or why there is none. Raises nothing but cancellation.

        Within `deadline_s` seconds, and a little more where a client has to be given up, every message is written,
        refused, or certain not to be written any more but for what is on the wire at that moment.
        """
        try:
            session = self._ready_session()
        except BrokerError as error:
            _log.error("topic %s cannot be written: %s", self._target.topic, error.safe)
            return Answer(None, error=code_of(error.code), sent=False)
        request = Request(asyncio.get_running_loop())
        set_out()
        session.hand_over(request, self._waiting(request, content))
        await request.ended(deadline_s)
        if not request.is_done:
            session.give_up(TIMED_OUT)
            await request.ended(PURGE_S)
        if session.has_met_refusal:
            self._be_careful()
        if session.is_lost:
            self._replace(session)
        return self._answer(session, request)

    async def aclose(self) -> None:
        """Give up what is not written, and let go of every client."""
        if self._session is not None:
            self._session.give_up()
            self._replace(self._session)
        for session in list(self._retired):
            await asyncio.to_thread(session.join, PURGE_S)

    def _ready_session(self) -> Session:
        """Return a client that is not lost."""
        if self._session is not None and self._session.is_lost:
            self._replace(self._session)
        if self._session is None:
            properties = producer_properties(self._target, self._properties(), is_careful=self._is_careful)
            make = partial(new_client, self._client_class, properties, log=_client_log)
            self._session = Session(self._target.topic, make, is_careful=self._is_careful)
        return self._session

    def _replace(self, session: Session) -> None:
        """Use another client from now on; the lost one ends by itself."""
        if session is not self._session:
            return
        self._session = None
        self._retired = {one for one in self._retired if one.is_alive} | {session}

    def _be_careful(self) -> None:
        """Every further client writes messages one by one, so that one which the topic refuses can be told."""
        if not self._is_careful:
            self._is_careful = True
            _log.warning(
                "topic %s refuses messages that max_message_bytes lets through: from now on each is written alone",
                self._target.topic,
            )

    def _waiting(self, request: Request, content: bytes) -> Iterator[tuple[int, Message]]:
        """Yield the messages that are not in the topic yet, each with its position."""
        for position, message in enumerate(messages(content)):
            if message.name in self._written:
                request.names.append(message.name)
            else:
                yield position, message

    def _answer(self, session: Session, request: Request) -> Answer:
        """Return what became of a request; remember what was written of one that is sent again."""
        trouble = request.trouble if request.is_done else TIMED_OUT
        if not trouble:
            for name in request.names:
                self._written.pop(name, None)
            return Answer(None, body=written(request.refused), error=WRITTEN, sent=False)
        self._written.update(dict.fromkeys(request.names))
        while len(self._written) > MAX_REMEMBERED_COUNT:
            del self._written[next(iter(self._written))]
        return Answer(None, error=code_of(session.cause_of(trouble)), sent=request.is_in_doubt)


def producer_properties(target: Target, properties: Mapping[str, Any], *, is_careful: bool) -> dict[str, Any]:
    """Return the client's properties: those given, and those that order and safety rest on.

    A careful client writes every message in a batch of its own, so that a refusal is about that one alone. Any other
    client stops for good where a batch is refused: in it may be messages that the topic takes.
    """
    settings = target.settings
    return {
        **properties,
        **SAFE,
        "allow.auto.create.topics": False,
        "topic.metadata.propagation.max.ms": 5_000,
        "message.timeout.ms": 0,
        "queue.buffering.max.messages": 0,
        "queue.buffering.max.kbytes": 2_097_151,
        "linger.ms": settings.linger_ms,
        "compression.type": settings.compression,
        "message.max.bytes": settings.max_message_bytes + FRAMING_BYTES,
        "enable.gapless.guarantee": not is_careful,
        **({"batch.num.messages": 1} if is_careful else {}),
    }
