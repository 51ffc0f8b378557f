"""The producer of dead letters, on a Kafka client that fails by script."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from msgspec.structs import replace

from processor.delivery.dead_letter_settings import DeadLetterSettings
from processor.delivery.dead_letters import DeadLetter, DeadLetters, producer_properties
from processor.errors import BrokerError, InvariantError
from processor.model import Record

SETTINGS = DeadLetterSettings(topic="dlq", retry_base_s=0.01, retry_cap_s=0.02)
UNKNOWN_TOPIC = KafkaError(KafkaError._UNKNOWN_TOPIC)
TOO_LARGE = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
FATAL = KafkaError(KafkaError._FATAL, "sequence", fatal=True)
Report = Callable[[KafkaError | None, Any], None]


class Brokers:
    """What all fake clients of a test share: the script, and what was written."""

    def __init__(self) -> None:
        """Everything is fine and nothing is written."""
        self.refusals: list[BaseException] = []
        self.failures: list[KafkaError | None] = []
        self.report_count = 1
        self.written: list[tuple[bytes | None, bytes | None, dict[str, bytes]]] = []
        self.clients: list[Client] = []
        self.answering = threading.Event()
        self.answering.set()
        self.configuration_error: KafkaException | None = None

    def client(self, properties: dict[str, Any]) -> Client:
        """Return one more client."""
        if self.configuration_error is not None:
            raise self.configuration_error
        self.clients.append(Client(self, properties))
        return self.clients[-1]

    @property
    def values(self) -> list[bytes | None]:
        """Return the values in the topic."""
        return [value for _, value, _ in self.written]


class Client:
    """A Kafka client: reports come in `poll`, on the thread that calls it."""

    def __init__(self, brokers: Brokers, properties: dict[str, Any]) -> None:
        """Nothing is queued."""
        self.brokers = brokers
        self.properties = properties
        self.queued: list[tuple[tuple[bytes | None, bytes | None, dict[str, bytes]], Report]] = []
        self.purged: list[Report] = []
        self.errors: list[KafkaError] = []

    def produce(self, topic: str, value: bytes | None = None, key: bytes | None = None, **options: Any) -> None:  # noqa: ANN401 - the client's
        """Queue a message, unless the script refuses."""
        assert topic == "dlq"
        if self.brokers.refusals:
            raise self.brokers.refusals.pop(0)
        self.queued.append(((key, value, dict(options["headers"])), options["on_delivery"]))

    def poll(self, timeout: float = -1) -> int:
        """Report on what is queued, as the script says: None or nothing left is success."""
        for report in self.purged:
            report(KafkaError(KafkaError._PURGE_QUEUE), None)
        self.purged.clear()
        while self.errors:
            self.properties["error_cb"](self.errors.pop())
        if not self.brokers.answering.wait(max(timeout, 0)):
            return 0
        while self.queued:
            message, report = self.queued.pop(0)
            failure = self.brokers.failures.pop(0) if self.brokers.failures else None
            if failure is None:
                self.brokers.written.append(message)
            for _ in range(self.brokers.report_count):
                report(failure, None)
        return 0

    def purge(self) -> None:
        """Give everything up; the next poll says so."""
        self.purged = [report for _, report in self.queued]
        self.queued.clear()


class Desk:
    """The dead letters under test, with what they told the event loop."""

    def __init__(self, brokers: Brokers, settings: DeadLetterSettings) -> None:
        """Nothing is started."""
        self.states: list[tuple[bool, str]] = []
        self.acknowledged: list[int] = []
        self.threads: set[int] = set()
        self.crashes: list[BaseException] = []
        self.letters = DeadLetters(
            settings,
            {},
            mask=lambda text: text.replace("sk-1", "***"),
            on_state=self._on_state,
            on_crash=self.crashes.append,
            client_class=brokers.client,
        )

    def _on_state(self, writable: bool, message: str) -> None:  # noqa: FBT001 - OnState
        self.states.append((writable, message))

    def send(self, *offsets: int) -> None:
        """Send a letter for each offset."""
        for offset in offsets:
            self.letters.send(_letter(offset), lambda offset=offset: self._done(offset))  # type: ignore[misc]  # bound now

    def _done(self, offset: int) -> None:
        self.threads.add(threading.get_ident())
        self.acknowledged.append(offset)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when the condition holds; fail when it does not in time."""
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.005)


def _letter(offset: int) -> DeadLetter:
    return DeadLetter(
        record=Record("t", 0, offset, 0, b"k", b"%d" % offset),
        reason="r",
        destination="d",
        version="1",
        mapping_hash="h",
        time_ms=0,
    )


@asynccontextmanager
async def _desk(brokers: Brokers, settings: DeadLetterSettings = SETTINGS) -> AsyncIterator[Desk]:
    desk = Desk(brokers, settings)
    desk.letters.start()
    yield desk
    await desk.letters.close(5)


async def test_acknowledgements_come_on_the_event_loop_and_only_when_written() -> None:
    """Nobody is told before the broker has answered, and then on the loop's own thread."""
    brokers = Brokers()
    brokers.answering.clear()
    async with _desk(brokers) as desk:
        desk.send(1, 2)
        await desk.until(lambda: desk.letters.waiting_count == 2 and len(brokers.clients[0].queued) == 2)
        assert desk.acknowledged == []
        brokers.answering.set()
        await desk.until(lambda: desk.acknowledged == [1, 2])
        assert desk.threads == {threading.get_ident()}
    assert (brokers.values, desk.states) == ([b"1", b"2"], [])


async def test_a_second_acknowledgement_is_nobodys() -> None:
    """A client that repeats itself settles no record twice."""
    brokers = Brokers()
    brokers.report_count = 2
    async with _desk(brokers) as desk:
        desk.send(1, 2)
        await desk.until(lambda: len(desk.acknowledged) >= 2)
    assert desk.acknowledged == [1, 2]


async def test_of_an_answer_no_more_is_kept_than_is_written() -> None:
    """Letters may wait for a topic that cannot be written: they must not hold the vendor's pages meanwhile."""
    brokers = Brokers()
    brokers.answering.clear()
    async with _desk(brokers) as desk:
        answer = b"the key sk-1 is wrong " * 50_000
        desk.letters.send(replace(_letter(1), answer=answer), lambda: desk._done(1))
        await desk.until(lambda: desk.letters.waiting_count == 1)
        [posted] = desk.letters._book._flying.values()
        assert len(posted.letter.answer) <= 1024
        brokers.answering.set()
        await desk.until(lambda: desk.acknowledged == [1])
    assert brokers.written[0][2]["segment-bridge-answer"].startswith(b"the key *** is wrong")


async def test_a_topic_that_cannot_be_written_is_reported_and_tried_again() -> None:
    """The state is told once in each direction, and the letters are written when the topic is back."""
    brokers = Brokers()
    brokers.failures = [UNKNOWN_TOPIC] * 4
    async with _desk(brokers) as desk:
        desk.send(1, 2)
        await desk.until(lambda: len(desk.acknowledged) == 2)
        await desk.until(lambda: len(desk.states) == 2)
    assert desk.states == [(False, "dead-letter topic dlq: _UNKNOWN_TOPIC"), (True, "")]
    assert brokers.values == [b"1", b"2"]


@pytest.mark.parametrize("error", [UNKNOWN_TOPIC, KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)])
async def test_a_refusal_by_the_client_itself_is_the_same(error: KafkaError) -> None:
    """What `produce` raises is a failure like one that is reported later."""
    brokers = Brokers()
    brokers.refusals = [KafkaException(error)]
    async with _desk(brokers) as desk:
        desk.send(1)
        await desk.until(lambda: desk.acknowledged == [1])
    assert desk.states[0] == (False, f"dead-letter topic dlq: {error.name()}")


async def test_a_timeout_names_what_went_before() -> None:
    """That time ran out says little: the latest error of the connection is told with it."""
    brokers = Brokers()
    brokers.failures = [KafkaError(KafkaError._MSG_TIMED_OUT)]
    async with _desk(brokers) as desk:
        brokers.clients[0].errors.append(KafkaError(KafkaError._AUTHENTICATION))
        desk.send(1)
        await desk.until(lambda: desk.acknowledged == [1])
    assert desk.states[0] == (False, "dead-letter topic dlq: _MSG_TIMED_OUT after _AUTHENTICATION")


async def test_a_full_client_is_waited_for() -> None:
    """No room in the client's queue is no failure."""
    brokers = Brokers()
    brokers.refusals = [BufferError(), BufferError()]
    async with _desk(brokers) as desk:
        desk.send(1, 2)
        await desk.until(lambda: desk.acknowledged == [1, 2])
    assert desk.states == []


async def test_a_letter_too_large_for_the_client_goes_without_its_value() -> None:
    """It is written at once, marked, and counted; its neighbours keep theirs."""
    brokers = Brokers()
    brokers.refusals = [KafkaException(TOO_LARGE)]
    async with _desk(brokers) as desk:
        desk.send(1, 2)
        await desk.until(lambda: desk.acknowledged == [1, 2])
        assert desk.letters.omitted_count == 1
    assert brokers.values == [None, b"2"]
    assert brokers.written[0][2]["segment-bridge-value-omitted"] == b"true"


async def test_a_request_too_large_for_the_broker_is_taken_apart() -> None:
    """Each letter of it goes alone, and only the guilty one loses its value."""
    brokers = Brokers()
    brokers.failures = [TOO_LARGE, TOO_LARGE, None, TOO_LARGE]
    async with _desk(brokers) as desk:
        desk.send(1, 2)
        await desk.until(lambda: desk.acknowledged == [1, 2])
        assert desk.letters.omitted_count == 1
    assert brokers.values == [b"1", None]


@pytest.mark.parametrize("way", ["report", "produce", "callback"])
async def test_a_fatal_error_remakes_the_client_and_nothing_is_lost(way: str) -> None:
    """However the client says that it is lost: a new one sends what was not acknowledged, and only that."""
    brokers = Brokers()
    async with _desk(brokers) as desk:
        desk.send(1)
        await desk.until(lambda: desk.acknowledged == [1])
        brokers.answering.clear()
        desk.send(2)
        await desk.until(lambda: len(brokers.clients[0].queued) == 1)
        if way == "report":
            brokers.failures = [FATAL]
            brokers.answering.set()
        elif way == "produce":
            brokers.refusals = [KafkaException(FATAL)]
        else:
            brokers.clients[0].errors.append(FATAL)
        desk.send(3)
        await desk.until(lambda: len(brokers.clients) == 2)
        brokers.answering.set()
        await desk.until(lambda: desk.acknowledged == [1, 2, 3])
    assert len(brokers.clients) == 2
    assert brokers.values == [b"1", b"2", b"3"]
    assert desk.states == [(False, "dead-letter topic dlq: _FATAL"), (True, "")]


async def test_a_client_that_cannot_be_made_again_is_tried_again() -> None:
    """A configuration that the library refuses at that moment, such as a missing file, is trouble and no crash."""
    brokers = Brokers()
    async with _desk(brokers) as desk:
        brokers.configuration_error = KafkaException(KafkaError(KafkaError._INVALID_ARG))
        brokers.failures = [FATAL]
        desk.send(1)
        await desk.until(lambda: (False, "_INVALID_ARG") in desk.states)
        brokers.configuration_error = None
        await desk.until(lambda: desk.acknowledged == [1])


async def test_a_client_that_cannot_be_made_at_all_is_an_error_at_the_start() -> None:
    """A wrong configuration stops the start, with the client's code."""
    brokers = Brokers()
    brokers.configuration_error = KafkaException(KafkaError(KafkaError._INVALID_ARG))
    with pytest.raises(BrokerError) as caught:
        Desk(brokers, SETTINGS).letters.start()
    assert (caught.value.code, caught.value.fatal) == ("_INVALID_ARG", True)


async def test_close_waits_for_what_is_under_way() -> None:
    """Everything sent before the end is written, and nothing is taken after it."""
    brokers = Brokers()
    desk = Desk(brokers, SETTINGS)
    desk.letters.start()
    desk.send(*range(100))
    assert await desk.letters.close(10) == 0
    assert desk.acknowledged == list(range(100))
    with pytest.raises(InvariantError):
        desk.send(1)


async def test_close_gives_up_in_time_and_says_how_many() -> None:
    """With brokers that answer nothing, close ends when its time is over, and no letter is called written."""
    brokers = Brokers()
    brokers.answering.clear()
    desk = Desk(brokers, SETTINGS)
    desk.letters.start()
    desk.send(1, 2)
    began_s = time.monotonic()
    assert await desk.letters.close(0.1) == 2
    assert time.monotonic() - began_s < 5
    assert desk.acknowledged == []


async def test_close_ends_although_there_is_no_client() -> None:
    """A client that was lost and could not be made again has nothing more to say."""
    brokers = Brokers()
    desk = Desk(brokers, SETTINGS)
    desk.letters.start()
    brokers.configuration_error = KafkaException(KafkaError(KafkaError._INVALID_ARG))
    brokers.failures = [FATAL]
    desk.send(1)
    await desk.until(lambda: (False, "_INVALID_ARG") in desk.states)
    assert await desk.letters.close(0.05) == 1


async def test_a_close_that_nobody_waits_for_ends_quietly() -> None:
    """The thread ends, and tells it to nobody."""
    brokers = Brokers()
    desk = Desk(brokers, SETTINGS)
    desk.letters.start()
    brokers.answering.clear()
    desk.send(1)
    closing = asyncio.create_task(desk.letters.close(0.2))
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.gather(closing, return_exceptions=True)
    await asyncio.to_thread(desk.letters._thread.join, 10.0)
    await asyncio.sleep(0)
    assert (desk.letters._thread.is_alive(), desk.crashes) == (False, [])


async def test_a_bug_in_the_thread_is_not_silent() -> None:
    """If the thread dies that is told, and sending and closing raise: nothing may be committed further."""
    brokers = Brokers()
    brokers.refusals = [ZeroDivisionError()]
    desk = Desk(brokers, SETTINGS)
    desk.letters.start()
    desk.send(1)
    await desk.until(lambda: [type(crash) for crash in desk.crashes] == [ZeroDivisionError])
    with pytest.raises(InvariantError):
        desk.send(2)
    with pytest.raises(InvariantError):
        await desk.letters.close(1)
    assert desk.acknowledged == []


def test_the_promise_is_not_for_configuration() -> None:
    """Properties given for all clients cannot weaken what the dead letters rest on."""
    given = {"bootstrap.servers": "b", "acks": "0", "enable.idempotence": False, "message.timeout.ms": 1}
    made = producer_properties(SETTINGS, given)
    assert made["bootstrap.servers"] == "b"
    assert (made["acks"], made["enable.idempotence"], made["message.timeout.ms"]) == ("all", True, 30_000)
    assert made["queue.buffering.max.kbytes"] * 1024 >= 2 * made["message.max.bytes"]
