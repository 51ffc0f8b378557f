"""Requests to a Kafka topic: the messages of one request in, one answer out, whatever happens on the way.

The broker acknowledges messages one by one, and a request is answered when all of its messages have been reported on.
Its order rests on three things: a client that fails any message for other reasons than the message itself writes
nothing behind it any more (`enable.gapless.guarantee`, no time-outs of single messages), such a client is given up
whole before anything is sent again, and what was acknowledged before that is not sent again.

Where a broker refuses a batch, nobody knows for which of its messages. Then a careful client takes over until so many
messages have gone well: each of them travels alone, and one of a key only when the one before it is settled.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
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

PURGE_S: Final = 5.0
"""Longest wait for a client that was given up to say what it had not written."""
LAST_PART_SHARE: Final = 0.5
"""With less than this part of a request's time left no more of it is handed over: the client would be given up for what
is late only because it goes one by one. The next attempt goes on from there."""
CAREFUL_COUNT: Final = 10_000
"""Messages in a row that are written alone without a refusal before they travel together again."""
MAX_REMEMBERED_COUNT: Final = 100_000
"""Most messages that are remembered as written although their request failed."""

Properties: TypeAlias = Callable[[], Mapping[str, Any]]
"""Gives the client's properties, credentials in the open, as they are now."""


def _is_news(record: logging.LogRecord) -> bool:
    """Return whether a line of the client's is more than that a property which is set on purpose is experimental."""
    return "enable.gapless.guarantee is experimental" not in record.getMessage()


_client_log.addFilter(_is_news)


class KafkaTransport:
    """Writes the messages of one destination to its topic. Belongs to one event loop."""

    def __init__(self, target: Target, properties: Properties, *, client_class: MakeClient = Producer) -> None:
        """Prepare; the first request makes the first client."""
        self._target = target
        self._properties = properties
        self._client_class = client_class
        self._session: Session | None = None
        self._retired: set[Session] = set()
        self._careful_left_count = 0
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
        request = Request()
        set_out()
        with session.in_use():
            is_told = await self._write(session, request, content, deadline_s)
        if session.has_met_refusal:
            self._be_careful()
        elif session is self._session and session.is_careful:
            self._note_careful(request)
        if session.is_lost:
            self._replace(session)
        return self._answer(session, request, is_told=is_told)

    async def _write(self, session: Session, request: Request, content: bytes, deadline_s: float) -> bool:
        """Return whether every message of a request has been reported on; behind trouble none is handed over."""
        waiting = self._waiting(request, content)
        began_s = time.monotonic()
        for messages_of_part in _parts(waiting) if session.is_careful else [waiting]:
            left_s = began_s + deadline_s - time.monotonic()
            if left_s < LAST_PART_SHARE * deadline_s:
                return False
            part = session.hand_over(request, messages_of_part)
            await part.ended(left_s)
            if not part.is_done:
                session.give_up(TIMED_OUT)
                await part.ended(PURGE_S)
            if not part.is_done or request.trouble:
                return part.is_done
        return True

    async def aclose(self) -> None:
        """Give up what is not written, and let go of every client."""
        if self._session is not None:
            self._replace(self._session)
        retired = list(self._retired)
        for session in retired:
            session.give_up()
        for session in retired:
            await asyncio.to_thread(session.join, PURGE_S)

    def _ready_session(self) -> Session:
        """Return a client that is not lost."""
        if self._session is not None and self._session.is_lost:
            self._replace(self._session)
        if self._session is None:
            is_careful = self._careful_left_count > 0
            properties = producer_properties(self._target, self._properties(), is_careful=is_careful)
            make = partial(new_client, self._client_class, properties, log=_client_log)
            self._session = Session(self._target.topic, make, is_careful=is_careful)
        return self._session

    def _replace(self, session: Session) -> None:
        """Use another client from now on; this one ends when its requests have."""
        if session is not self._session:
            return
        self._session = None
        self._retired = {one for one in self._retired if one.is_alive} | {session}
        session.retire()

    def _be_careful(self) -> None:
        """Let the next client write messages one by one, so that one which the topic refuses can be told."""
        if self._careful_left_count == 0:
            _log.warning(
                "topic %s refuses messages that max_message_bytes lets through: each is written alone until %d in a "
                "row were taken",
                self._target.topic,
                CAREFUL_COUNT,
            )
        self._careful_left_count = CAREFUL_COUNT
        if self._session is not None and not self._session.is_careful:
            self._replace(self._session)  # another request made it before this refusal was heard of

    def _note_careful(self, request: Request) -> None:
        """Count what was written alone since the last refusal; after enough of it messages travel together again."""
        if request.refused:
            self._careful_left_count = CAREFUL_COUNT
            return
        self._careful_left_count = max(0, self._careful_left_count - len(request.names))
        if self._careful_left_count == 0 and self._session is not None:
            _log.info("topic %s has taken all messages for a while: they are written together", self._target.topic)
            self._replace(self._session)

    def _waiting(self, request: Request, content: bytes) -> Iterator[tuple[int, Message]]:
        """Yield the messages that are not in the topic yet, each with its position."""
        for position, message in enumerate(messages(content)):
            if message.name in self._written:
                request.names.append(message.name)
            else:
                yield position, message

    def _answer(self, session: Session, request: Request, *, is_told: bool) -> Answer:
        """Return what became of a request; remember what was written of one that is sent again."""
        trouble = request.trouble if is_told else TIMED_OUT
        if not trouble:
            for name in request.names:
                self._written.pop(name, None)
            return Answer(None, body=written(request.refused), error=WRITTEN, sent=False)
        self._written.update(dict.fromkeys(request.names))
        while len(self._written) > MAX_REMEMBERED_COUNT:
            del self._written[next(iter(self._written))]
        return Answer(None, error=code_of(session.cause_of(trouble)), sent=request.is_in_doubt)


def _parts(waiting: Iterable[tuple[int, Message]]) -> Iterator[list[tuple[int, Message]]]:
    """Yield messages in parts, one behind the other, none of which holds two of one key: order needs no more."""
    part: list[tuple[int, Message]] = []
    keys: set[bytes] = set()
    for position, message in waiting:
        if message.key in keys:
            yield part
            part, keys = [], set()
        part.append((position, message))
        if message.key is not None:
            keys.add(message.key)
    if part:
        yield part


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
        **({"batch.num.messages": 1} if is_careful else {"enable.gapless.guarantee": True}),
    }
