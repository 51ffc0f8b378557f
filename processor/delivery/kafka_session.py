"""One Kafka producer from its first message until it is given up, with the thread that hears its reports.

The event loop hands messages over, the thread serves the client and gives it up. Once it is lost nothing more is handed
to it, and every message that it had is reported on: as written, as refused, or as given up.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Final, Protocol

from confluent_kafka import KafkaError, KafkaException
from msgspec import Struct, field

from processor.delivery.producing import PURGED, TOO_LARGE, Client, let_go, serve
from processor.destinations.target import Message

_log = logging.getLogger(__name__)

_POLL_S: Final = 0.1
_LAST_REPORTS_S: Final = 10.0
"""Longest time that a lost client is asked for its last reports."""
_REFUSALS: Final = TOO_LARGE | {KafkaError.INVALID_RECORD, KafkaError.INVALID_TIMESTAMP}
"""What a broker says of a batch for what is in it."""
TIMED_OUT: Final = "_MSG_TIMED_OUT"
_CLOSED: Final = "_STATE"
_SAYS_NOTHING: Final = frozenset({KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT})  # noqa: SLF001 - names of the client's own codes
"""What follows from a cause that was told before."""


class Make(Protocol):
    """Makes a client."""

    def __call__(self, *, on_error: Callable[[KafkaError], None]) -> Client:
        """Return one that tells `on_error` what it has to say of no single message."""


class Request(Struct):
    """What is known of the messages of one request. The event loop hands them over, the thread notes what it hears."""

    names: list[str] = field(default_factory=list)
    """Messages that are in the topic."""
    refused: dict[int, str] = field(default_factory=dict)
    """Positions of messages that the topic will never take, each with Kafka's code."""
    trouble: str = ""
    """Kafka's code for what keeps other messages from being written; empty where nothing does."""
    is_in_doubt: bool = False
    """Whether messages may be in the topic that were not acknowledged."""


class Part:
    """Messages of a request that were handed over together, and whether all of them have been reported on.

    The event loop counts what it has handed over and seals the part; the thread reports.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Nothing is handed over."""
        self._loop = loop
        self._ended = loop.create_future()
        self._sealed_count: int | None = None
        self._reported_count = 0
        self.handed_count = 0

    @property
    def is_done(self) -> bool:
        """Return whether every message that was handed over has been reported on."""
        return self._ended.done()

    def seal(self) -> None:
        """No more messages are handed over."""
        self._sealed_count = self.handed_count
        if self._reported_count == self._sealed_count:
            self._end()

    def reported(self) -> None:
        """One more message is reported on. On the thread."""
        self._reported_count += 1
        if self._reported_count == self._sealed_count:
            with suppress(RuntimeError):  # the loop has ended: nobody waits any more
                self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)

    async def ended(self, timeout_s: float) -> None:
        """Return when all is reported, or after that time."""
        await asyncio.wait([self._ended], timeout=timeout_s)


class Session:
    """One client and its thread."""

    def __init__(self, topic: str, make: Make, *, is_careful: bool) -> None:
        """Make the client and serve it.

        A careful client has a batch for each message, so that a refusal is about that one alone.

        Raises:
            BrokerError: The client refuses its configuration.
        """
        self._topic = topic
        self._client = make(on_error=self._noticed)
        self.is_careful = is_careful
        self._lock = threading.Lock()
        self._lost = threading.Event()
        self._cause = ""
        self._latest_error = ""
        self._use_count = 0
        self._is_retired = False
        self._handed_count = 0
        self._reported_count = 0
        self.has_met_refusal = False
        """Whether the broker refused a batch in which any message may be the guilty one."""
        self._thread = threading.Thread(target=self._run, name="kafka-topic", daemon=True)
        self._thread.start()

    @property
    def is_lost(self) -> bool:
        """Return whether nothing may be handed over any more."""
        return self._lost.is_set()

    @property
    def is_alive(self) -> bool:
        """Return whether the client is still there."""
        return self._thread.is_alive()

    def cause_of(self, trouble: str) -> str:
        """Return a code that says more where the trouble is only that time ran out."""
        return self._latest_error if trouble == TIMED_OUT and self._latest_error else trouble

    # -- on the event loop

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """A request is under way: a client that has retired stays for it."""
        self._use_count += 1
        try:
            yield
        finally:
            self._use_count -= 1
            self._leave()

    def retire(self) -> None:
        """No more requests come; the client is given up when those under way have ended."""
        self._is_retired = True
        self._leave()

    def _leave(self) -> None:
        if self._is_retired and self._use_count == 0:
            self.give_up()

    def hand_over(self, request: Request, waiting: Iterable[tuple[int, Message]]) -> Part:
        """Give the client messages of a request, each with its position, as far as it takes them."""
        part = Part(asyncio.get_running_loop())
        with self._lock:  # in between the client could be emptied, and what comes behind would be written
            for position, message in waiting:
                if not self._takes(request, part, position, message):
                    break
        part.seal()
        return part

    def _takes(self, request: Request, part: Part, position: int, message: Message) -> bool:
        """Return whether further messages may follow this one."""
        if self._lost.is_set():
            request.trouble = request.trouble or self._cause
            return False
        report = partial(self._reported, request, part, position, message.name)
        try:
            self._client.produce(
                self._topic,
                message.value,
                message.key,
                on_delivery=report,
                headers=list(message.headers),
                timestamp=message.timestamp_ms,
            )
        except BufferError:
            request.trouble = request.trouble or "_QUEUE_FULL"
            return False
        except KafkaException as error:
            return self._refused_at_once(request, position, error.args[0])
        self._handed_count += 1
        part.handed_count += 1
        return True

    def _refused_at_once(self, request: Request, position: int, error: KafkaError) -> bool:
        """Note why the client does not take a message; return whether that is about this message alone."""
        if error.code() in TOO_LARGE:
            request.refused[position] = error.name()
            return True
        request.trouble = request.trouble or error.name()
        self.give_up(error.name())
        return False

    def give_up(self, cause: str = _CLOSED) -> None:
        """Write nothing more; the thread reports on everything that is left and ends."""
        self._cause = self._cause or cause
        self._lost.set()

    def join(self, timeout_s: float) -> None:
        """Return when the thread has ended, or after that time. Not on the event loop: it waits."""
        self._thread.join(timeout_s)

    # -- on the thread

    def _reported(
        self, request: Request, part: Part, position: int, name: str, error: KafkaError | None, _message: object
    ) -> None:
        """Hear what became of one message."""
        self._reported_count += 1
        if error is None:
            self._latest_error = ""
            request.names.append(name)
        elif error.code() in _REFUSALS and self.is_careful:
            request.refused[position] = error.name()
        else:
            self._failed(request, error)
        part.reported()

    def _failed(self, request: Request, error: KafkaError) -> None:
        """A message was not written, for no fault of its own as far as is known: neither is any behind it."""
        code = error.code()
        if code in PURGED:
            request.trouble = request.trouble or self._cause
            request.is_in_doubt = request.is_in_doubt or code == KafkaError._PURGE_INFLIGHT  # noqa: SLF001 - the client's own spelling
            return
        self.has_met_refusal = self.has_met_refusal or code in _REFUSALS
        request.trouble = request.trouble or error.name()
        self.give_up(error.name())

    def _noticed(self, error: KafkaError) -> None:
        """Hear what is about no single message, and may pass."""
        if not self._latest_error or error.code() not in _SAYS_NOTHING:
            self._latest_error = error.name()

    def _run(self) -> None:
        """Serve the client to its end; a bug ends it as well, and the next request has another one.

        Also then the client must write nothing more: the next one writes the same messages.
        """
        try:
            self._serve()
        except Exception:  # noqa: BLE001 - whatever it is: it ends here, since a thread's own end prints its text
            _log.exception("the thread that serves a topic's client has ended by a bug")
            self.give_up("_FAIL")
            with self._lock:
                self._client.purge()

    def _serve(self) -> None:
        """Serve the client until it is lost, and then until it has reported on everything that it had."""
        while not self._lost.is_set():
            error = serve(self._client, _POLL_S)
            if error is not None:
                self.give_up(error.name())
        with self._lock:
            let_go(self._client)
        for _ in range(int(_LAST_REPORTS_S / _POLL_S)):
            if self._reported_count >= self._handed_count:
                break
            serve(self._client, _POLL_S)
        del self._client  # here and now: letting go of its connections may wait, and the event loop must not
