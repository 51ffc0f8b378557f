"""A trace of single events through one destination put together: what is told, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Message, TopicPartition

from processor import app
from processor.app import EXIT_FAILURE, EXIT_OK, Bridge
from processor.delivery import conclusion
from processor.delivery.dead_letters import DeadLetters
from processor.delivery.gate import Hold, Stop
from processor.delivery.watching import unwatched
from processor.operations.trace_board import Asker, Question, Step
from processor.pipeline import traces, watch
from tests.fake_clients import FakeClients
from tests.fake_kafka import FakeConsumer
from tests.http_peer import Exchange, Peer, Request, Script, eventually, peer
from tests.lone_bridge import SilentClient, accept, kafka, settings, started, track
from tests.lone_bridge import bridge as made
from tests.otlp_receiver import plain, receiver


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let dead letters go to nobody, and everything that is looked at be looked at often."""
    monkeypatch.setattr(app, "DeadLetters", partial(DeadLetters, client_class=SilentClient))
    monkeypatch.setattr(watch, "INTERVAL_S", 0.02)
    monkeypatch.setattr(traces, "LOOK_S", 0.005)
    monkeypatch.setattr(traces, "SETTLING_S", 60)
    monkeypatch.setattr(FakeConsumer, "store_offsets", _store_and_commit)


_store = FakeConsumer.store_offsets


def _store_and_commit(self: FakeConsumer, offsets: list[TopicPartition]) -> None:
    """Commit at once, as the client does by itself after a moment."""
    _store(self, offsets)
    self.kafka.committed |= self.stored


class Traced:
    """A running destination and what a test does with it."""

    def __init__(self, bridge: Bridge, clients: FakeClients, vendor: Peer) -> None:
        """Read nothing yet."""
        self.bridge = bridge
        self.vendor = vendor
        self._clients = clients
        self._offset = 0

    def read(self, *values: object, headers: list[tuple[str, str | bytes | None]] | None = None) -> None:
        """Have records with these values read; bytes as they are, anything else as JSON."""
        for value in values:
            content = value if isinstance(value, bytes) else json.dumps(value).encode()
            message: Message = Message(
                topic="events",
                partition=0,
                offset=self._offset,
                key=b"k",
                value=content,
                headers=headers,
                timestamp=(1, 1_000),
            )
            self._offset += 1
            self._clients.group_consumer.script.append(message)

    def ask(self, **question: Any) -> Asker:  # noqa: ANN401 - members of a question
        """Begin a trace."""
        return self.bridge._board.ask(Question(**question), ["one"])

    def drop(self, asker: Asker) -> None:
        """End it."""
        self.bridge._board.drop(asker)


@asynccontextmanager
async def traced(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: Script = accept,
    own: Mapping[str, Any] | None = None,
    code: int = EXIT_OK,
    **delivery: Any,  # noqa: ANN401 - any setting
) -> AsyncIterator[Traced]:
    """Run a destination inside the block, and stop it in order."""
    _, clients = kafka()
    async with peer(script) as vendor:
        bridge = made(settings(folder, vendor.port, monkeypatch, own, **delivery), clients)
        running = await started(bridge)
        await eventually(lambda: bridge.report()["state"] == "running")
        yield Traced(bridge, clients, vendor)
        bridge.stop()
        assert code == await running


async def told(asker: Asker, until: Callable[[Step], bool] = lambda step: step["step"] == "ended") -> list[Step]:
    """Return what is told up to a step, without times."""
    steps: list[Step] = []
    async with asyncio.timeout(20):
        while not steps or not until(steps[-1]):
            step = await asker.next(1.0)
            if step is not None:
                steps.append({key: value for key, value in step.items() if key not in {"time_ms", "seconds", "age_s"}})
    return steps


def kinds(steps: list[Step]) -> list[str]:
    """Return what happened, in order."""
    return [step["step"] for step in steps]


async def test_an_event_is_followed_to_its_committed_offset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step is told as it happens, in order, with its place and its codes; the trace ends by itself."""
    async with traced(tmp_path, monkeypatch) as running:
        asker = running.ask(message_id="two")
        running.read(track("one"), track("two"), track("three"))
        steps = await told(asker)
        running.drop(asker)
    assert kinds(steps) == [
        "watching",
        "read",
        "decoded",
        "gates",
        "subscription",
        "not_taken",
        "sent",
        "answered",
        "delivered",
        "done",
        "committed",
        "ended",
    ]
    place = {"topic": "events", "partition": 0, "offset": 1, "destination": "one"}
    assert all(step.items() >= place.items() for step in steps[1:-1])
    by_kind = {step["step"]: step for step in steps}
    assert by_kind["decoded"].items() >= {"message_id": "two", "type": "track"}.items()
    assert by_kind["gates"]["outcome"] == "passed"
    assert by_kind["subscription"].items() >= {"outcome": "mapped", "endpoint": "actions"}.items()
    assert by_kind["sent"]["attempt"] == 1
    assert by_kind["answered"].items() >= {"status": 201, "verdict": "delivered"}.items()
    assert by_kind["done"]["outcome"] == "delivered"
    assert by_kind["committed"]["committed"] >= 2
    assert by_kind["ended"] == {"step": "ended", "reason": "finished", "unseen": []}


async def test_a_user_is_followed_until_the_time_is_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All events of a user are told, numbers compared as text, and none of anybody else."""
    async with traced(tmp_path, monkeypatch) as running:
        asker = running.ask(user="7", timeout_s=1.0)
        mine = [track("a") | {"userId": 7}, track("b") | {"userId": "x", "anonymousId": "7"}]
        running.read(track("other"), *mine)
        steps = await told(asker)
        running.drop(asker)
    assert [step["offset"] for step in steps if step["step"] == "committed"] == [1, 2]
    assert {step["offset"] for step in steps if "offset" in step} == {1, 2}
    assert steps[-1]["reason"] == "time_is_up"


async def test_what_goes_no_further_is_told_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate, a subscription's skip and no subscription each say their code, and the record is done and committed."""
    async with traced(tmp_path, monkeypatch) as running:
        asker = running.ask(user="u1", timeout_s=1.0)
        running.read(
            track("gate") | {"integrations": {"All": False}},
            {"type": "alias", "userId": "u1", "previousId": "old", "messageId": "m"},
        )
        steps = await told(asker)
        running.drop(asker)
    first = [step for step in steps if step.get("offset") == 0]
    assert kinds(first) == ["read", "decoded", "gates", "done", "committed"]
    assert first[2].items() >= {"gate": "integrations", "outcome": "skipped", "reason": "integration_disabled"}.items()
    assert first[3].items() >= {"outcome": "skipped", "reason": "integration_disabled"}.items()
    second = [step for step in steps if step.get("offset") == 1]
    assert second[-2]["outcome"] == "skipped"
    assert second[-2]["reason"] == "alias_unsupported"


async def test_a_retry_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed, when it is tried again, and the attempt that went well."""
    answers = [503, 201]

    async def script(exchange: Exchange, _request: Request) -> None:
        await exchange.answer(answers.pop(0) if len(answers) > 1 else answers[0])

    async with traced(tmp_path, monkeypatch, script) as running:
        asker = running.ask(message_id="one")
        running.read(track("one"))
        steps = await told(asker)
        running.drop(asker)
    later = [step for step in steps if step["step"] in {"sent", "answered", "retry", "delivered"}]
    assert kinds(later) == ["sent", "answered", "retry", "sent", "answered", "delivered"]
    assert later[1].items() >= {"status": 503, "verdict": "retry", "reason": "http_503"}.items()
    assert later[2]["reason"] == "http_503"
    assert [step["attempt"] for step in later if step["step"] == "sent"] == [1, 2]


async def test_what_is_to_be_tried_again_waits_for_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until its time has come nobody is told that it waits for its batch, or for another event."""
    answers = [503, 201]

    async def script(exchange: Exchange, _request: Request) -> None:
        await exchange.answer(answers.pop(0) if len(answers) > 1 else answers[0])

    monkeypatch.setattr(conclusion, "next_wait_s", lambda *_, **__: 0.5)
    async with traced(tmp_path, monkeypatch, script) as running:
        monkeypatch.setattr(traces, "SETTLING_S", 0.2)
        asker = running.ask(message_id="one")
        running.read(track("one"))
        steps = await told(asker)
        running.drop(asker)
    said = kinds(steps)
    assert steps[said.index("retry")]["wait_s"] > 0.3
    assert "waiting" not in said[said.index("retry") : said.index("retry") + 2]


async def test_an_event_that_waits_already_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who asks while the destination is held learns that the event is there, and why it does not go on."""

    async def script(exchange: Exchange, _request: Request) -> None:
        await exchange.answer(401)

    async with traced(tmp_path, monkeypatch, script, drain_ms=100) as running:
        running.read(track("one"))
        await eventually(lambda: running.bridge.report()["state"] == "held")
        asker = running.ask(message_id="one", timeout_s=30)
        steps = await told(asker, lambda step: step["step"] == "waiting")
        running.drop(asker)
    assert kinds(steps) == ["watching", "read", "decoded", "gates", "subscription", "not_taken", "waiting"]
    assert steps[0]["state"] == "http_401"
    assert steps[1]["was_read_before"] is True
    assert steps[-1]["reason"] == "http_401"


async def test_an_operators_word_is_told_before_the_vendors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paused, an event waits for the operator and for no batch; drained, what is still to come waits for that."""
    monkeypatch.setattr(traces, "SETTLING_S", 0)
    async with traced(tmp_path, monkeypatch) as running:
        gate = running.bridge.pipeline.dispatcher.gate
        gate.stop, gate.hold = Stop.ALL, Hold("http_401", "refused", 0.0, 60.0)
        running.read(track("one"))
        asker = running.ask(message_id="one", timeout_s=30)
        steps = await told(asker, lambda step: step["step"] == "waiting")
        gate.stop, gate.hold = Stop.READING, None
        draining = running.ask(message_id="two")
        gate.stop = Stop.NOTHING
        running.bridge.pipeline.dispatcher.turn()
        steps += await told(asker)
        gate.stop = Stop.READING
        drained = running.ask(message_id="two")
        told_both = [await told(each, lambda step: step["step"] == "watching") for each in (draining, drained)]
        gate.stop = Stop.NOTHING
        for each in (asker, draining, drained):
            running.drop(each)
    assert steps[0]["state"] == "paused"
    assert next(step["reason"] for step in steps if step["step"] == "waiting") == "paused"
    assert steps[-1]["reason"] == "finished"
    assert [each[-1]["state"] for each in told_both] == ["draining", "drained"]


async def test_a_schema_registry_that_is_waited_for_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on the page: an event that is still to come may need a schema, and is not read before that is there."""
    async with traced(tmp_path, monkeypatch) as running:
        running.bridge.pipeline.schemas.problem = "refused"
        asker = running.ask(message_id="one")
        shown = running.bridge.report()["reason"]
        running.bridge.pipeline.schemas.problem = None
        (step,) = await told(asker, lambda step: step["step"] == "watching")
        running.drop(asker)
    assert step["state"] == shown == "schema_registry_unreachable"


async def test_a_record_that_cannot_be_read_is_found_by_its_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told why, and that its dead letter waits for its topic."""
    monkeypatch.setattr(app, "CLOSE_SLACK_S", 0.4)
    monkeypatch.setattr(traces, "SETTLING_S", 0)
    async with traced(tmp_path, monkeypatch, code=EXIT_FAILURE, drain_ms=100) as running:
        asker = running.ask(message_id="broken-1", timeout_s=30)
        running.read(b'{"messageId": "broken-1", ', b'{"messageId": "other", ')
        steps = await told(asker, lambda step: step["step"] == "waiting")
        running.drop(asker)
    assert kinds(steps) == ["watching", "read", "decoded", "dead_letter", "waiting"]
    assert steps[2].items() >= {"outcome": "rejected", "reason": "invalid_json"}.items()
    assert steps[3]["reason"] == "invalid_json"
    assert steps[4]["reason"] == "dead_letter_topic"


async def test_nothing_is_shown_that_privacy_hides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither an id that privacy drops nor anything else of the event is in a step."""
    own = {"privacy": {"drop": ["messageId", "context.ip"]}}
    async with traced(tmp_path, monkeypatch, own=own) as running:
        asker = running.ask(user="u1", timeout_s=1.0)
        running.read(track("secret-name") | {"messageId": "hidden-id", "context": {"ip": "198.51.100.7"}})
        steps = await told(asker)
        running.drop(asker)
    assert "committed" in kinds(steps)
    assert not [text for text in ("secret-name", "hidden-id", "198.51.100.7", "u1") if text in json.dumps(steps)]


def is_idle(running: Traced) -> bool:
    """Return whether nobody looks at runs or requests."""
    pipeline = running.bridge.pipeline
    return pipeline.mapper.look is None and pipeline.dispatcher.watch is unwatched


async def test_several_ask_at_once_and_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is told its own; when the last has gone, mapping and sending are as if nobody had ever asked."""
    async with traced(tmp_path, monkeypatch) as running:
        pipeline = running.bridge.pipeline
        assert is_idle(running)
        first, second = running.ask(message_id="one"), running.ask(message_id="two")
        assert pipeline.mapper.look is not None
        running.read(track("one"), track("two"))
        one, two = await told(first), await told(second)
        running.drop(first)
        assert pipeline.mapper.look is not None
        running.drop(second)
        assert is_idle(running)
        assert not running.bridge._traces._followed
        await eventually(lambda: not running.bridge._traces._tasks)
    assert {step["offset"] for step in one if "offset" in step} == {0}
    assert {step["offset"] for step in two if "offset" in step} == {1}


async def test_only_so_many_records_are_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user with more events than are followed costs no more; the end says how many were left out."""
    monkeypatch.setattr(traces, "MAX_FOLLOWED_COUNT", 3)

    async def script(exchange: Exchange, _request: Request) -> None:
        await exchange.answer(401)

    async with traced(tmp_path, monkeypatch, script, drain_ms=100) as running:
        asker = running.ask(user="u1", timeout_s=1.0)
        running.read(*[track(f"e{number}") for number in range(10)])
        steps = await told(asker)
        running.drop(asker)
    assert kinds(steps).count("read") == 3
    assert steps[-1]["left_out"] == 7


async def test_a_bug_in_a_trace_ends_it_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The event is delivered all the same, and whoever asked is told that nothing further comes."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(traces, "event_steps", broken)
    async with traced(tmp_path, monkeypatch) as running:
        asker = running.ask(message_id="one", timeout_s=30)
        running.read(track("one"))
        steps = await told(asker)
        running.drop(asker)
        await eventually(lambda: running.bridge.report()["tally"]["records"]["delivered"] == {"": 1})
    assert steps[-1]["reason"] == "stopping"
    assert "traces end by a bug" in caplog.text


async def test_a_stop_ends_a_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a process that is gone."""
    async with traced(tmp_path, monkeypatch) as running:
        asker = running.ask(message_id="never", timeout_s=30)
    assert (await told(asker))[-1] == {"step": "ended", "reason": "stopping", "unseen": ["one"]}


async def test_requests_become_spans_linked_to_producers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Switched on by the standard variables alone; a trace beside it disturbs neither."""
    trace_id, span_id = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    with receiver() as received:
        for name, value in received.environ.items():
            monkeypatch.setenv(name, value)
        async with traced(tmp_path, monkeypatch) as running:
            asker = running.ask(message_id="one")
            running.read(track("one"), headers=[("traceparent", f"00-{trace_id}-{span_id}-01".encode())])
            assert "delivered" in kinds(await told(asker))
            running.drop(asker)
            running.read(track("two"))
            await eventually(lambda: running.bridge.report()["tally"]["records"]["delivered"] == {"": 2})
    first, second = received.spans
    attributes = plain(first.attributes)
    assert attributes["url.full"] == f"http://127.0.0.1:{running.vendor.port}/v1/actions/batch"
    assert attributes["messaging.batch.message_count"] == 1
    assert attributes["segment_bridge.records"] == ["events[0]@0"]
    assert [(link.trace_id.hex(), link.span_id.hex()) for link in first.links] == [(trace_id, span_id)]
    assert not second.links
    assert "a-made-up-key" not in str(received.spans)
