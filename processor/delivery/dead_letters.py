"""The producer of dead letters: a letter is kept until the broker has acknowledged it.

One thread owns the Kafka client. `DeadLetters.send` hands a letter over and returns at once; its callback runs on the
event loop when, and only when, the letter is in the topic. Until then the letter counts against the caller's window,
which therefore bounds how many there are: a topic that cannot be written fills the window, and reading stops.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer
from msgspec import Struct

from processor.delivery.dead_letter_book import Acknowledged, Failure, LetterBook, Posted
from processor.delivery.dead_letter_form import DeadLetter, Mask, message_of, sealed
from processor.delivery.dead_letter_settings import DeadLetterSettings
from processor.delivery.producing import PURGED, SAFE, TOO_LARGE, Client, MakeClient, let_go, new_client, serve
from processor.errors import BrokerError, InvariantError

__all__ = ["DeadLetter", "DeadLetters"]

_log = logging.getLogger(__name__)
_client_log = logging.getLogger(f"{__name__}.librdkafka")

_POLL_S: Final = 0.05
_IDLE_S: Final = 0.5
_TIMED_OUT: Final = frozenset({KafkaError._MSG_TIMED_OUT})  # noqa: SLF001 - a name of librdkafka's own codes

OnState = Callable[[bool, str], None]
"""Called on the event loop with whether the topic can be written and, when not, a message that is safe to log."""
OnCrash = Callable[[BaseException], None]
"""Called on the event loop when the thread has ended by a bug: nothing further may be committed."""


class _Stop(Struct, frozen=True):
    """The thread ends when every letter is written, or at this time."""

    at_s: float


class DeadLetters:
    """Writes dead letters; all methods are for the event loop's thread.

    A letter may be written twice when an acknowledgement is lost on the way, never not at all.
    """

    def __init__(
        self,
        settings: DeadLetterSettings,
        properties: Mapping[str, Any],
        *,
        mask: Mask,
        on_state: OnState,
        on_crash: OnCrash,
        client_class: MakeClient = Producer,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; `properties` are librdkafka's, with addresses and credentials in plain text."""
        self._settings = settings
        self._properties = producer_properties(settings, properties)
        self._mask = mask
        self._on_state = on_state
        self._on_crash = on_crash
        self._client_class = client_class
        self._clock = clock
        self._book = LetterBook(settings)
        self._inbox: queue.SimpleQueue[tuple[DeadLetter, Acknowledged] | _Stop] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="dead-letters", daemon=True)
        self._client: Client | None = None
        self._fatal = ""
        self._latest_error = ""
        self._told = ""
        self._stop_at_s: float | None = None
        self._crash: BaseException | None = None
        self._is_closing = False

    @property
    def waiting_count(self) -> int:
        """Return how many letters the thread holds that are not acknowledged."""
        return len(self._book)

    @property
    def omitted_count(self) -> int:
        """Return how many letters were written without their value since the start."""
        return self._book.omitted_count

    @property
    def failure_counts(self) -> dict[str, int]:
        """Return how many attempts to write a letter failed since the start, by why."""
        return dict(self._book.failure_counts)

    def start(self) -> None:
        """The thread runs, and reports to the event loop that called this.

        Raises:
            BrokerError: The client refuses its configuration.
        """
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._client = self._new_client()
        self._thread.start()

    def send(self, letter: DeadLetter, acknowledged: Acknowledged) -> None:
        """The letter is on its way; `acknowledged` is called once, when the broker has it. Never waits.

        How many may wait is bounded by the caller's window of unfinished records, and by nothing else.

        Raises:
            InvariantError: `close` was called before, or the thread has ended by a bug.
        """
        if self._is_closing or self._crash is not None:
            raise InvariantError("a dead letter was sent although nobody writes it any more")
        self._inbox.put((letter, acknowledged))

    async def close(self, timeout_s: float) -> int:
        """Return how many letters were not acknowledged in the time given; their records are for the next owner.

        Raises:
            InvariantError: The thread has ended by a bug.
        """
        self._is_closing = True
        self._inbox.put(_Stop(self._clock() + timeout_s))
        await self._ended
        self._thread.join()
        if self._crash is not None:
            raise InvariantError("the thread that writes dead letters has ended by a bug") from self._crash
        return len(self._book)

    def _run(self) -> None:
        try:
            while not self._is_over():
                self._turn()
            self._drop_client()
        except BaseException as error:  # noqa: BLE001 - a thread's death must not be silent
            self._crash = error
            _log.exception("the thread that writes dead letters has ended by a bug")
            self._tell(partial(self._on_crash, error))
        self._tell(self._end)

    def _end(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)

    def _is_over(self) -> bool:
        if self._stop_at_s is None:
            return False
        return not len(self._book) or self._clock() >= self._stop_at_s

    def _turn(self) -> None:
        """One round: take in letters, hand over those that are due, serve reports, say how it stands."""
        self._take_in()
        while self._hand_over():
            pass
        if self._client is not None:
            error = serve(self._client, _POLL_S if self._book.flying_count else 0)
            if error is not None:
                self._fatal = self._described(error)
        if self._fatal:
            self._replace_client()
        self._report_state()

    def _take_in(self) -> None:
        """Take every letter that came; wait for one only while there is nothing to serve."""
        with suppress(queue.Empty):
            item = self._inbox.get(timeout=self._patience_s())
            while True:
                if isinstance(item, _Stop):
                    self._stop_at_s = item.at_s
                else:
                    letter, acknowledged = item
                    # An answer may be a thousand times as large as what is kept of it, and a letter may wait for long.
                    self._book.add(sealed(letter, self._mask), acknowledged)
                item = self._inbox.get_nowait()

    def _patience_s(self) -> float:
        if self._book.flying_count:
            return 0.0
        due_s = self._book.wait_s(self._clock())
        return _IDLE_S if due_s is None else min(due_s, _POLL_S if self._stop_at_s is not None else _IDLE_S)

    def _hand_over(self) -> bool:
        """Return whether a letter was handed to the client, so that another may be tried."""
        posted = self._book.take(self._clock())
        if posted is None:
            return False
        client = self._ready_client()
        if client is None:
            self._book.put_back(posted.sequence)
            return False
        return self._produce(client, posted)

    def _produce(self, client: Client, posted: Posted) -> bool:
        message = message_of(posted.letter, posted.form)
        report = partial(self._reported, client, posted.sequence)
        topic = self._settings.topic
        try:
            client.produce(topic, message.value, message.key, on_delivery=report, headers=message.headers)
        except BufferError:
            self._book.put_back(posted.sequence)
            return False
        except KafkaException as error:
            self._refused(posted.sequence, error.args[0], Failure.TOO_LARGE)
        return not self._fatal

    def _reported(self, client: Client, sequence: int, error: KafkaError | None, _message: object) -> None:
        if error is None:
            self._latest_error = ""
            acknowledged = self._book.written(sequence)
            if acknowledged is not None:
                self._tell(acknowledged)
        elif client is self._client and error.code() not in PURGED:
            self._refused(sequence, error, Failure.REQUEST_TOO_LARGE)

    def _refused(self, sequence: int, error: KafkaError, when_too_large: Failure) -> None:
        failure = when_too_large if error.code() in TOO_LARGE else Failure.UNWRITABLE
        self._book.failed(sequence, failure, self._described(error), self._clock())
        if error.fatal():
            self._fatal = self._described(error)

    def _noticed(self, error: KafkaError) -> None:
        """Called by the client for errors that are about no single letter; only a fatal one needs an answer."""
        self._latest_error = error.name()
        if error.fatal():
            self._fatal = self._described(error)

    def _described(self, error: KafkaError) -> str:
        """Return what happened in words that are safe to log: names alone. A time-out says nothing of its cause."""
        cause = f" after {self._latest_error}" if error.code() in _TIMED_OUT and self._latest_error else ""
        return f"dead-letter topic {self._settings.topic}: {error.name()}{cause}"

    def _ready_client(self) -> Client | None:
        if self._client is None:
            try:
                self._client = self._new_client()
            except BrokerError as error:
                self._book.stumbled(error.safe, self._clock())
        return self._client

    def _new_client(self) -> Client:
        return new_client(self._client_class, self._properties, self._noticed, _client_log)

    def _replace_client(self) -> None:
        """The lost client is gone, and everything that it had not written waits for the next one."""
        self._drop_client()
        self._book.client_lost(self._fatal, self._clock())
        self._fatal = ""

    def _drop_client(self) -> None:
        """Hear what the client has still to say, so that no acknowledged letter is sent again, and let go of it."""
        client = self._client
        if client is None:
            return
        serve(client, 0)
        self._client = None
        let_go(client)

    def _report_state(self) -> None:
        if self._book.trouble != self._told:
            self._told = self._book.trouble
            self._tell(partial(self._on_state, not self._told, self._told))

    def _tell(self, call: Callable[[], None]) -> None:
        """The event loop makes this call; a loop that is closed has nobody left to tell, and nothing is committed."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call)


def producer_properties(settings: DeadLetterSettings, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the client's properties: those given, and those that the promise to lose nothing rests on."""
    return {
        **properties,
        **SAFE,
        "linger.ms": settings.linger_ms,
        "message.max.bytes": settings.max_message_bytes,
        "message.timeout.ms": int(settings.delivery_timeout_s * 1000),
        "queue.buffering.max.kbytes": settings.queue_bytes // 1024,
    }
