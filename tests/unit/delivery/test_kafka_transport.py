"""Requests to a topic, on a Kafka client that fails by script."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from processor.delivery.kafka import KafkaTransport
from processor.destinations.target import WRITTEN, Message, Target, TargetSettings, packed
from processor.model import Answer

TARGET = Target(TargetSettings(topic="out"))
Report = Callable[[KafkaError | None, Any], None]
DONE = Answer(None, error=WRITTEN, sent=False)


class Broker:
    """What all fake clients of a test share: the script, and what was written."""

    def __init__(self) -> None:
        """Everything is fine and nothing is written."""
        self.refusals: dict[bytes, BaseException] = {}
        self.failures: dict[bytes, KafkaError] = {}
        self.written: list[bytes] = []
        self.clients: list[Client] = []
        self.answering = threading.Event()
        self.answering.set()
        self.configuration_error: KafkaException | None = None
        self.pause_s = 0.0

    def client(self, properties: dict[str, Any]) -> Client:
        """Return one more client."""
        if self.configuration_error is not None:
            raise self.configuration_error
        self.clients.append(Client(self, properties))
        return self.clients[-1]


class Client:
    """A Kafka client that writes nothing behind a message that it could not write, as one without gaps."""

    def __init__(self, broker: Broker, properties: dict[str, Any]) -> None:
        """Nothing is queued."""
        self.broker = broker
        self.properties = properties
        self.queued: list[tuple[bytes, Report]] = []
        self.errors: list[KafkaError] = []
        self.purged: list[Report] = []
        self.is_stuck = False
        self.purged_at_all = threading.Event()

    @property
    def was_purged(self) -> bool:
        """Return whether it was given up."""
        return self.purged_at_all.is_set()

    def produce(self, topic: str, value: bytes | None = None, key: bytes | None = None, **options: Any) -> None:  # noqa: ANN401, ARG002 - the client's
        """Queue a message, unless the script refuses."""
        assert (topic, self.was_purged) == ("out", False)
        assert value is not None
        if value in self.broker.refusals:
            raise self.broker.refusals[value]
        self.queued.append((value, options["on_delivery"]))

    def poll(self, timeout: float = -1) -> int:
        """Report on what is queued, as the script says."""
        while self.purged:
            self.purged.pop(0)(KafkaError(KafkaError._PURGE_INFLIGHT), None)
        while self.errors:
            error = self.errors.pop(0)
            if error.fatal():
                raise KafkaException(error)
            self.properties["error_cb"](error)
        if not self.broker.answering.wait(max(timeout, 0)):
            return 0
        while self.queued and not self.is_stuck:
            time.sleep(self.broker.pause_s)
            value, report = self.queued.pop(0)
            failure = self.broker.failures.get(value)
            self.is_stuck = failure is not None and "batch.num.messages" not in self.properties
            if failure is None:
                self.broker.written.append(value)
            report(failure, None)
        return 0

    def purge(self) -> None:
        """Give everything up; the next poll says so."""
        self.purged_at_all.set()
        self.purged = [report for _, report in self.queued]
        self.queued.clear()


@pytest.fixture
def broker() -> Broker:
    """Return a broker."""
    return Broker()


@pytest.fixture
async def transport(broker: Broker) -> AsyncIterator[KafkaTransport]:
    """Return a transport to it."""
    made = KafkaTransport(TARGET, lambda: {"bootstrap.servers": "b:1"}, client_class=broker.client)
    yield made
    await made.aclose()


async def send(transport: KafkaTransport, *values: bytes, deadline_s: float = 5.0) -> Answer:
    """Send these values."""
    content = b"".join(packed(Message(value.decode(), b"k", value)) for value in values)
    return await transport.send("PRODUCE", "", {}, content, deadline_s)


async def test_a_request_is_answered_when_all_of_it_is_written(broker: Broker, transport: KafkaTransport) -> None:
    """In order, by one client for all requests."""
    assert await send(transport, b"1", b"2") == DONE
    assert await send(transport, b"3") == DONE
    assert broker.written == [b"1", b"2", b"3"]
    assert len(broker.clients) == 1


async def test_it_has_set_out_before_anything_is_handed_over(broker: Broker, transport: KafkaTransport) -> None:
    """From then on the topic may have it."""
    seen: list[int] = []
    content = packed(Message("m", None, b"1"))
    await transport.send("PRODUCE", "", {}, content, 5.0, lambda: seen.append(len(broker.clients[0].queued)))
    assert seen == [0]


async def test_a_failed_message_costs_the_client_and_nothing_else(broker: Broker, transport: KafkaTransport) -> None:
    """What came before it is in the topic and is not sent again; what came behind it was not written."""
    broker.failures[b"2"] = KafkaError(KafkaError.NOT_ENOUGH_REPLICAS)
    answer = await send(transport, b"1", b"2", b"3")
    assert (answer.error, broker.written) == ("kafka_not_enough_replicas", [b"1"])
    broker.failures.clear()
    assert await send(transport, b"1", b"2", b"3") == DONE
    assert broker.written == [b"1", b"2", b"3"]
    assert [client.was_purged for client in broker.clients] == [True, False]


async def test_other_requests_of_a_lost_client_fail_with_its_cause(broker: Broker, transport: KafkaTransport) -> None:
    """None of them waits for its deadline, and none is written behind the failed one."""
    broker.answering.clear()
    broker.failures[b"1"] = KafkaError(KafkaError._FATAL, "sequence", fatal=True)
    requests = [asyncio.create_task(send(transport, value, deadline_s=60.0)) for value in (b"1", b"2")]
    await asyncio.sleep(0)
    broker.answering.set()
    answers = await asyncio.gather(*requests)
    assert [(answer.error, answer.sent) for answer in answers] == [("kafka_fatal", False), ("kafka_fatal", True)]
    assert broker.written == []


async def test_a_fatal_error_of_no_message_is_answered_with_another_client(
    broker: Broker, transport: KafkaTransport
) -> None:
    """The next request goes out as if nothing had been."""
    await send(transport, b"1")
    broker.clients[0].errors.append(KafkaError(KafkaError._FATAL, "fenced", fatal=True))
    assert await asyncio.to_thread(broker.clients[0].purged_at_all.wait, 5)
    assert await send(transport, b"2") == DONE
    assert len(broker.clients) == 2


async def test_a_client_that_nobody_serves_writes_nothing_more(
    broker: Broker, transport: KafkaTransport, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After a bug on its thread the next client has the messages, and two must not write them; the log alone tells."""
    monkeypatch.setattr("threading.excepthook", lambda _: pytest.fail("it prints the text of the exception"))
    broker.answering.clear()
    task = asyncio.create_task(send(transport, b"1", deadline_s=0.3))
    await asyncio.sleep(0)
    monkeypatch.setattr("processor.delivery.kafka.PURGE_S", 0.1)  # nothing is reported any more
    monkeypatch.delattr(broker.clients[0], "errors")  # its next poll is a bug
    await task
    assert broker.clients[0].was_purged
    assert [record.exc_info is not None for record in caplog.records] == [True]
    broker.answering.set()
    assert (await send(transport, b"1"), broker.written) == (DONE, [b"1"])


async def test_the_deadline_ends_a_request_that_nobody_answers(broker: Broker, transport: KafkaTransport) -> None:
    """Its messages are given up, so that none of them comes behind the next attempt; the client's word names why."""
    broker.answering.clear()
    answer = await send(transport, b"1", deadline_s=0.05)
    assert (answer.error, answer.sent) == ("kafka_msg_timed_out", True)
    task = asyncio.create_task(send(transport, b"1", deadline_s=0.5))
    await asyncio.sleep(0.05)
    broker.clients[1].errors += [
        KafkaError(KafkaError._AUTHENTICATION),
        KafkaError(KafkaError._ALL_BROKERS_DOWN),
    ]
    assert (await task).error == "kafka_authentication"
    broker.answering.set()
    assert await send(transport, b"1") == DONE
    assert broker.written == [b"1"]


async def test_what_is_too_large_for_the_client_is_refused_alone(broker: Broker, transport: KafkaTransport) -> None:
    """The client is not lost for it."""
    broker.refusals[b"2"] = KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
    answer = await send(transport, b"1", b"2", b"3")
    assert (answer.error, json.loads(answer.body)) == (WRITTEN, {"1": "MSG_SIZE_TOO_LARGE"})
    assert (broker.written, len(broker.clients)) == ([b"1", b"3"], 1)


async def test_what_the_broker_refuses_is_found_by_writing_each_alone(
    broker: Broker, transport: KafkaTransport, caplog: pytest.LogCaptureFixture
) -> None:
    """A refusal of a batch blames nobody; from then on each message has its own."""
    broker.failures[b"2"] = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
    assert (await send(transport, b"1", b"2", b"3")).error == "kafka_msg_size_too_large"
    answer = await send(transport, b"1", b"2", b"3")
    assert (answer.error, json.loads(answer.body)) == (WRITTEN, {"1": "MSG_SIZE_TOO_LARGE"})
    assert broker.written == [b"1", b"3"]
    assert "written alone" in caplog.text


async def _become_careful(broker: Broker, transport: KafkaTransport) -> None:
    """Let the broker refuse a message for its size, and then find it."""
    broker.failures[b"large"] = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
    assert (await send(transport, b"large")).error == "kafka_msg_size_too_large"
    assert (await send(transport, b"large")).error == WRITTEN
    assert _is_careful(broker.clients[-1])


def _is_careful(client: Client) -> bool:
    """Return whether a client writes each message alone."""
    return "batch.num.messages" in client.properties


async def test_a_client_made_before_the_refusal_was_told_is_not_kept(broker: Broker, transport: KafkaTransport) -> None:
    """A request that finds the refused client lost makes another one; the next attempt is careful all the same."""
    broker.answering.clear()
    broker.failures[b"large"] = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
    first = asyncio.create_task(send(transport, b"large"))
    await asyncio.sleep(0)
    broker.answering.set()
    broker.clients[0].purged_at_all.wait(5)  # the loop stands still: nobody has told the first request
    second = asyncio.create_task(send(transport, b"1"))
    assert [answer.error for answer in await asyncio.gather(first, second)] == ["kafka_msg_size_too_large", WRITTEN]
    assert (await send(transport, b"large")).error == WRITTEN
    assert [_is_careful(client) for client in broker.clients] == [False, False, True]


async def test_care_ends_when_enough_messages_were_taken(
    broker: Broker, transport: KafkaTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each refusal begins the count anew; then messages travel together again, and care comes back when needed."""
    monkeypatch.setattr("processor.delivery.kafka.CAREFUL_COUNT", 3)
    await _become_careful(broker, transport)
    await send(transport, b"1", b"2")
    await send(transport, b"3", b"large")
    await send(transport, b"4", b"5")
    await send(transport, b"6")
    assert [_is_careful(client) for client in broker.clients] == [False, True]
    assert await send(transport, b"7", b"8") == DONE
    assert [_is_careful(client) for client in broker.clients] == [False, True, False]
    assert (await send(transport, b"large")).error == "kafka_msg_size_too_large"
    assert (await send(transport, b"large")).error == WRITTEN
    assert broker.written == [b"%d" % number for number in range(1, 9)]


async def test_what_is_under_way_when_care_ends_is_written(
    broker: Broker, transport: KafkaTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client that is let go of stays until its last request has ended, and no longer."""
    monkeypatch.setattr("processor.delivery.kafka.CAREFUL_COUNT", 1)
    await _become_careful(broker, transport)
    careful = broker.clients[-1]
    requests = [asyncio.create_task(send(transport, *values)) for values in ((b"1",), (b"2", b"3", b"4"))]
    assert await asyncio.gather(*requests) == [DONE, DONE]
    assert await send(transport, b"5") == DONE
    assert sorted(broker.written) == [b"1", b"2", b"3", b"4", b"5"]
    assert len(broker.clients) == 3
    assert await asyncio.to_thread(careful.purged_at_all.wait, 5)


async def test_nothing_of_a_user_passes_a_message_that_may_be_written_later(
    broker: Broker, transport: KafkaTransport
) -> None:
    """A right that is missing for a moment is no refusal: also where each message travels alone, order holds."""
    await _become_careful(broker, transport)
    broker.failures[b"2"] = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    answer = await send(transport, b"1", b"2", b"3")
    assert (answer.error, broker.written) == ("kafka_topic_authorization_failed", [b"1"])
    del broker.failures[b"2"]
    assert await send(transport, b"1", b"2", b"3") == DONE
    assert broker.written == [b"1", b"2", b"3"]


async def test_messages_of_different_keys_need_not_wait_for_each_other(
    broker: Broker, transport: KafkaTransport
) -> None:
    """Where each message travels alone, only the next one of a key waits; what has no key waits for nothing."""
    await _become_careful(broker, transport)
    broker.answering.clear()
    keys = [b"u", b"v", None, None, b"u", b"w"]
    content = b"".join(packed(Message(str(number), key, b"%d" % number)) for number, key in enumerate(keys))
    task = asyncio.create_task(transport.send("PRODUCE", "", {}, content, 5.0))
    await asyncio.sleep(0)
    assert [value for value, _ in broker.clients[-1].queued] == [b"0", b"1", b"2", b"3"]
    broker.answering.set()
    assert (await task, broker.written) == (DONE, [b"%d" % number for number in range(6)])


async def test_a_request_that_takes_too_long_one_by_one_goes_on_where_it_was(
    broker: Broker, transport: KafkaTransport
) -> None:
    """Its client is not given up for that, which would cost all other requests their attempt."""
    await _become_careful(broker, transport)
    values = [b"%d" % number for number in range(16)]
    broker.pause_s = 0.05
    assert (await send(transport, *values, deadline_s=1.0)).error == "kafka_msg_timed_out"
    assert 0 < len(broker.written) < len(values)
    assert not broker.clients[-1].was_purged
    while (answer := await send(transport, *values, deadline_s=1.0)) != DONE:
        assert answer.error == "kafka_msg_timed_out"
    assert (broker.written, len(broker.clients)) == (values, 2)


async def test_a_request_that_was_written_already_is_answered_by_a_careful_client_too(
    broker: Broker, transport: KafkaTransport
) -> None:
    """There is nothing to hand over."""
    await _become_careful(broker, transport)
    transport._written["1"] = None
    assert (await send(transport, b"1"), broker.written) == (DONE, [])


async def test_a_refusal_counts_whichever_request_hears_of_it(broker: Broker, transport: KafkaTransport) -> None:
    """The next client is careful although another request than the refused one has been answered first."""
    broker.failures[b"2"] = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
    broker.answering.clear()
    requests = [asyncio.create_task(send(transport, value)) for value in (b"2", b"3")]
    await asyncio.sleep(0)
    broker.answering.set()
    await asyncio.gather(*requests)
    assert await send(transport, b"3") == DONE
    assert _is_careful(broker.clients[-1])


async def test_any_other_refusal_of_the_client_ends_the_request(broker: Broker, transport: KafkaTransport) -> None:
    """Nothing follows the message, or it would overtake."""
    broker.refusals[b"2"] = KafkaException(KafkaError(KafkaError._UNKNOWN_TOPIC))
    broker.answering.clear()
    answer = await send(transport, b"1", b"2", b"3")
    assert (answer.error, broker.written) == ("kafka_unknown_topic", [])


async def test_a_full_client_is_asked_again(broker: Broker, transport: KafkaTransport) -> None:
    """What it has taken is written, and not sent again."""
    broker.refusals[b"2"] = BufferError()
    assert (await send(transport, b"1", b"2", b"3")).error == "kafka_queue_full"
    broker.refusals.clear()
    assert await send(transport, b"1", b"2", b"3") == DONE
    assert (broker.written, len(broker.clients)) == ([b"1", b"2", b"3"], 1)


async def test_a_configuration_that_the_client_refuses_is_an_answer(broker: Broker, transport: KafkaTransport) -> None:
    """Somebody must act; nothing was sent."""
    broker.configuration_error = KafkaException(KafkaError(KafkaError._INVALID_ARG))
    assert await send(transport, b"1") == Answer(None, error="kafka_invalid_arg", sent=False)


async def test_closing_gives_up_what_is_not_written(broker: Broker, transport: KafkaTransport) -> None:
    """A request that was cancelled leaves nothing that could be written afterwards."""
    broker.answering.clear()
    task = asyncio.create_task(send(transport, b"1"))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await transport.aclose()
    broker.answering.set()
    assert (broker.written, broker.clients[0].was_purged) == ([], True)


async def test_the_log_of_a_client_does_not_begin_with_what_is_set_on_purpose(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The client warns of a property of ours whenever a client is made; what else it says is logged."""
    properties = {"bootstrap.servers": "127.0.0.1:1", "socket.connection.setup.timeout.ms": 1000}
    transport = KafkaTransport(TARGET, lambda: properties)
    assert (await send(transport, b"1", deadline_s=1.0)).error != WRITTEN
    await transport.aclose()
    said = [record.getMessage() for record in caplog.records if record.name.endswith("librdkafka")]
    assert any("Connection refused" in line for line in said)
    assert not any("CONFWARN" in line for line in said)
