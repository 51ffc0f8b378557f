"""Bad input for MoEngage: each record ends under the contract's reason, and its neighbours are delivered.

Through decoding, mapping, batching and answers as they run in production, against the stand-in, which judges requests
without knowing the code that makes them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from processor.delivery.dispatcher import Dispatcher
from processor.delivery.settings import DeliverySettings
from processor.destinations.plan import Plan
from processor.model import Answer, Record
from processor.operations.tally import Tally
from processor.pipeline import Pipeline, PipelineSettings
from processor.pipeline.ledger import Ledger
from processor.sandbox.vendor import Accepted
from processor.source.decode import Decoder
from processor.source.decode_settings import DecodeSettings
from processor.source.intake import size_bytes
from processor.source.window import Window
from tests.fake_stages import FakeConsumer, FakeLetters
from tests.moengage_events import NOW_MS, identify_event, moengage, track_event
from tests.simulation import LoopClock
from tests.standin_requests import Ask, standin
from tests.virtual_time import run_virtual

KEY = ("segment.events", 3)
CALLS = {"page_events": True, "screen_events": True, "group_attributes": True, "alias": "merge", "delete_users": True}
NATIVE = {"nested": "native"}
PRIVATE = {"mode": "segment_private"}
DEEP = '{"a":' * 300 + "1" + "}" * 300
"""Deeper than any vendor keeps, not deeper than JSON is read."""
HUGE = "9" * 5_000


class Bad(NamedTuple):
    """A record that something is wrong with: its value, how it ends, and the settings that it needs."""

    value: Any
    """JSON, or the bytes of a value that JSON's writer would not write."""
    ends: str
    settings: dict[str, Any] = {}  # noqa: RUF012 - never changed


def _raw(text: str, value: str) -> bytes:
    """Return an event as bytes, with JSON that Python could not write in place of `"HERE"`."""
    return text.replace('"HERE"', value).encode()


def _track(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of an event
    return track_event(userId="cust-bad", messageId="m-bad", **fields)


def _identify(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of an event
    return identify_event(**{"userId": "cust-bad", "messageId": "m-bad"} | fields)


def _any(values: list[Any]) -> list[Any]:
    return values


TRACK = json.dumps(_track(properties={"x": "HERE"}))
KEYS = {f"key {number}": number for number in range(10_000)}

CASES: dict[str, Bad] = {
    # what is no event
    "no JSON": Bad(b'{"type":"track"', "dead_lettered invalid_json"),
    "not UTF-8": Bad(b'{"type":"tr\xffck"}', "dead_lettered invalid_json"),
    "NaN": Bad(_raw(TRACK, "NaN"), "dead_lettered invalid_json"),
    "nested without end": Bad(_raw(TRACK, "[" * 100_000), "dead_lettered invalid_json"),
    "no value": Bad(None, "dead_lettered null_value"),
    "a number": Bad(7, "dead_lettered not_an_object"),
    "a text": Bad("track", "dead_lettered not_an_object"),
    "no type": Bad({"userId": "cust-bad"}, "dead_lettered missing_type"),
    "a blank type": Bad(_track(type="  "), "dead_lettered missing_type"),
    "a numeric type": Bad(_track(type=4), "dead_lettered missing_type"),
    "an unknown type": Bad(_track(type="purchase"), "dead_lettered unknown_type"),
    "a call that is off": Bad(_track(type="page"), "skipped unsupported_type"),
    # missing ids and names
    **{
        f"userId {value!r}": Bad(_track() | {"userId": value}, "skipped missing_user_id")
        for value in _any([None, "", " \u00a0", True, False, [], ["u1"], {}])
    },
    **{
        f"userId {value!r}": Bad(_track() | {"userId": value}, "skipped invalid_user_id")
        for value in _any(["x", "0", 0, 1, -1, "NULL", " Guest ", "N/A", "(empty)", "true"])
    },
    "userId beyond numbers": Bad(_raw(json.dumps(_track() | {"userId": "HERE"}), "1e999"), "skipped missing_user_id"),
    "only a visitor": Bad(_identify(userId=None, anonymousId="a1"), "skipped missing_user_id"),
    "a visitor at Segment's endpoint": Bad(
        _identify(userId=None, anonymousId="a1"), "skipped missing_user_id", PRIVATE
    ),
    **{
        f"event {value!r}": Bad(_track(event=value), "dead_lettered missing_event_name")
        for value in _any([None, "", "  ", True, [], {"name": "x"}])
    },
    "no event at Segment's endpoint": Bad(_track(event=""), "dead_lettered missing_event_name", PRIVATE),
    "a group without id": Bad(_identify(type="group", groupId=" "), "dead_lettered missing_group_id", CALLS),
    "an alias without the old id": Bad(_identify(type="alias"), "dead_lettered missing_previous_id", CALLS),
    "an alias of a junk id": Bad(_identify(type="alias", previousId="null"), "skipped invalid_user_id", CALLS),
    "an alias with itself": Bad(_identify(type="alias", previousId=" cust-bad "), "skipped alias_same_id", CALLS),
    "a deletion of nobody": Bad(_identify(type="delete", userId=None), "skipped missing_user_id", CALLS),
    # sizes
    "an endless user": Bad(_identify(userId="u" * 95_000), "dead_lettered event_too_large"),
    "10,000 traits": Bad(_identify(traits=KEYS), "dead_lettered event_too_large"),
    "too much for Segment's endpoint": Bad(
        _track(properties={"x": "x" * 125_000}), "dead_lettered event_too_large", PRIVATE
    ),
    "10,000 properties": Bad(_track(properties=KEYS), "delivered"),
    "10,000 native keys": Bad(_track(properties={"deep": KEYS}), "delivered", NATIVE),
    "a long text": Bad(
        _track(properties={"x": "x" * 100_000, "url": "https://shop.example/" + "x" * 600}), "delivered"
    ),
    "a long list": Bad(_track(properties={"x": list(range(10_000)), "y": [{"z": 1}] * 10_000}), "delivered"),
    "long names": Bad(_track(event="e" * 9_000, properties={"k" * 9_000: 1, "K" * 9_000: 2}), "delivered"),
    # types
    **{
        f"properties {type(value).__name__}": Bad(_track(properties=value), "delivered")
        for value in _any([None, "x", 7, True, [1], {}])
    },
    **{
        f"traits {type(value).__name__}": Bad(_identify(traits=value), "delivered")
        for value in _any([None, "x", [1], {}])
    },
    "properties of no type at Segment's endpoint": Bad(_track(properties=[1]), "delivered", PRIVATE),
    "a context of another type": Bad(_track(context=[1], integrations="x", _metadata=7), "delivered"),
    "a context with other types": Bad(
        _track(context={"device": 1, "os": [], "app": "x", "library": None, "page": 2, "timezone": {}}), "delivered"
    ),
    "a numeric name": Bad(_track(event=404), "delivered"),
    "standard traits of other types": Bad(
        _identify(traits={"email": 7, "phone": [1, "2"], "age": "old", "birthday": "soon", "address": "here"}),
        "delivered",
    ),
    "a list of everything": Bad(_track(properties={"x": [1, "a", True, None, 2.5, {"y": 1}, [3]]}), "delivered"),
    "numbers out of range": Bad(_raw(TRACK, f"[{HUGE}, 1e999, -1e999, 18446744073709551616]"), "delivered"),
    # names that are not free
    "reserved traits": Bad(
        _identify(traits={"id": "other", "_id": 1, "": 2, "source": 3, "Status": 4, "moe_x": 5, "INSTALL": 6}),
        "delivered",
    ),
    "commands": Bad(
        _identify(traits={"addValueToArrayField": {"tags": "x"}, "removeValueFromArrayField": 1}),
        "delivered",
        {"key_case": "preserve"},
    ),
    "a reserved event": Bad(_track(event="moe_app_opened", properties={"moe_x": 1, "$.%#": 2}), "delivered"),
    # nulls and depth
    "nulls": Bad(_track(properties={"a": None, "b": {"c": None}, "d": [None], "e": []}, context=None), "delivered"),
    "deep nesting": Bad(_raw(TRACK, DEEP), "delivered"),
    "deep native nesting": Bad(_raw(TRACK, DEEP), "dead_lettered mapping_failed", NATIVE),
    "native objects in any place": Bad(
        _identify(
            traits={
                **{name: {"x": 1} for name in ("name", "email", "phone", "createdAt", "u_em", "moe_gaid", "fine")},
                "deep": {"a": {"b": {"c": {"d": "x" * 600}}}},
                "mixed": [1, {"a": [[{"b.c": 1}], 2]}, [None, "x"], {}],
                "lists": [[1], ["x", [True]], []],
            }
        ),
        "delivered",
        NATIVE,
    ),
    "a number that JSON has not": Bad(_raw(TRACK, "1e999"), "dead_lettered mapping_failed", PRIVATE),
    # dates
    "a time that is none": Bad(_track(timestamp="yesterday"), "delivered"),
    "a time of another type": Bad(_track(timestamp={"at": 1}), "delivered"),
    "the thirteenth month": Bad(_track(timestamp="2026-13-45T25:61:00Z"), "delivered"),
    "a time out of range": Bad(_track(timestamp=1e300), "delivered"),
    "a time of the future": Bad(_track(timestamp="2031-01-01T00:00:00Z"), "dead_lettered future_timestamp"),
    "two times of the future": Bad(
        _track(timestamp="2031-01-01T00:00:00Z", receivedAt="2031-01-01T00:00:01Z"), "dead_lettered future_timestamp"
    ),
    "dates that are none": Bad(
        _identify(traits={"birthday": "2026-02-30T00:00:00Z", "createdAt": "0000-00-00"}), "delivered"
    ),
    # half characters
    "lone surrogates": Bad(
        _track(
            event="\udc00 seen", properties={"\ud800": "\udfff", "ok": ["\ud83d", "\ude00"]}, context={"x": "\ud800"}
        ),
        "delivered",
    ),
    "a user of half characters": Bad(_identify(userId="\ud800\ud801", traits={"name": "\udc00"}), "delivered"),
    "half characters at Segment's endpoint": Bad(_track(properties={"\ud800": "\udfff"}), "delivered", PRIVATE),
    "half characters in an alias": Bad(_identify(type="alias", previousId="\ud800\ud801"), "delivered", CALLS),
}


class Sending:
    """A way to the stand-in without sockets. Keeps what each request brought."""

    def __init__(self) -> None:
        """Start with a workspace that knows the neighbours of an alias."""
        self.standin = standin("moengage")
        self.requests: list[Accepted] = []

    async def send(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        content: bytes,
        deadline_s: float,
        set_out: Callable[[], None],
    ) -> Answer:
        """Put a request to the stand-in, which must take it in; nothing that bad input can cause is refused there."""
        del headers, deadline_s
        set_out()
        await asyncio.sleep(0.01)
        parts = urlsplit(url)
        said = Ask("moengage", parts.path, content, query=dict(parse_qsl(parts.query)), method=method).put_to(
            self.standin
        )
        assert isinstance(said, Accepted), said
        self.requests.append(said)
        return Answer(said.status, {}, said.body)


class Line:
    """The stages of a destination in one line, from records to the stand-in."""

    def __init__(self, settings: dict[str, Any]) -> None:
        """Put the parts together. To be called inside a running loop."""
        destination = moengage(**settings)
        clock = LoopClock()
        self.letters, self.sending = FakeLetters(), Sending()
        self.window = Window(10_000, 100_000_000)
        self.tally = Tally()
        self.pipeline = Pipeline(
            PipelineSettings("moengage", "1.0", 20.0),
            Plan.compile(destination, "default"),
            Decoder(DecodeSettings()),
            Ledger(self.tally, self.window),
            self.window,
            clock,
        )
        self.dispatcher = Dispatcher(destination, DeliverySettings(), self.sending, self.pipeline, clock)
        self.pipeline.connect(self.dispatcher, self.letters, FakeConsumer())

    async def take(self, values: list[Any]) -> None:
        """Take in records with these values, one behind the other, and wait until all have ended."""
        running = asyncio.create_task(self.pipeline.run())
        self.pipeline.inbox.put_assigned({KEY: 0})
        records = [
            Record(*KEY, offset, NOW_MS - 1877, b"k", value if isinstance(value, bytes) else _json(value))
            for offset, value in enumerate(values)
        ]
        self.window.add(len(records), sum(size_bytes(record) for record in records))
        self.pipeline.inbox.put_records(records, {})
        await asyncio.sleep(600.0)
        await self.dispatcher.close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    @property
    def ends(self) -> dict[str, int]:
        """Return how many records ended how."""
        records = self.tally.report()["records"]
        reasons = [("delivered", ""), *(("skipped", reason) for reason in records["skipped"])]
        reasons += [("dead_lettered", reason) for reason in records["dead_lettered"]]
        counted = {f"{end} {why}".strip(): records[end].get(why, 0) for end, why in reasons}  # type: ignore[literal-required]
        return {end: count for end, count in counted.items() if count}


def _json(value: Any) -> bytes | None:  # noqa: ANN401 - any JSON value
    """Return a value as a producer writes it, half characters and all; None stays none."""
    return None if value is None else json.dumps(value).encode()


def _neighbours() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return two events of other users, to stand before and behind a bad one."""
    return track_event(userId="cust-before", messageId="m-before"), identify_event(userId="cust-behind")


@pytest.mark.parametrize("name", CASES)
def test_bad_record_ends_by_the_contract_and_its_neighbours_are_delivered(name: str) -> None:
    """One bad record between two good ones: it ends as the contract says, they are delivered, nothing is ignored."""
    bad = CASES[name]

    async def main() -> Line:
        line = Line(bad.settings)
        before, behind = _neighbours()
        await line.take([before, bad.value, behind])
        return line

    line = run_virtual(main())

    expected = {"delivered": 3} if bad.ends == "delivered" else {"delivered": 2, bad.ends: 1}
    assert line.ends == expected
    assert line.letters.reasons == ([bad.ends.partition(" ")[2]] if bad.ends.startswith("dead") else [])
    _check_what_arrived(line, is_single="mode" in bad.settings)


def _check_what_arrived(line: Line, *, is_single: bool) -> None:
    """Assert that the neighbours' messages arrived, in one request where there is one for all, and as they were."""
    users = [[item.user for item in request.items] for request in line.sending.requests]
    good = [[user for user in inside if user in {"cust-before", "cust-behind"}] for inside in users]
    expected = [["cust-before"], ["cust-behind"]] if is_single else [["cust-before", "cust-behind"]]
    assert [inside for inside in good if inside] == expected
    # A merge of users of whom MoEngage has not heard is no fault of the merge.
    findings = {finding for request in line.sending.requests for finding in request.findings}
    assert findings - {"unknown_user"} == set()


@pytest.mark.parametrize("settings", [{}, CALLS, NATIVE, PRIVATE], ids=["default", "all calls", "native", "private"])
def test_all_bad_records_together_cost_no_neighbour(settings: dict[str, Any]) -> None:
    """Every bad record of these settings among good ones: all end by the contract, all good ones are delivered."""
    some = [bad for bad in CASES.values() if bad.settings == settings]

    async def main() -> Line:
        line = Line(settings)
        values: list[Any] = []
        for number, bad in enumerate(some):
            values += [track_event(userId=f"cust-{number}", messageId=f"m-{number}"), _renamed(bad.value, number)]
        await line.take(values)
        return line

    line = run_virtual(main())

    expected: dict[str, int] = {"delivered": len(some)}
    for bad in some:
        expected[bad.ends] = expected.get(bad.ends, 0) + 1
    assert line.ends == expected


def _renamed(value: Any, number: int) -> Any:  # noqa: ANN401 - any JSON value
    """Return a record's value with a message id of its own, or it would be taken for a repeat of another."""
    if isinstance(value, bytes):
        return value.replace(b'"m-bad"', b'"m-bad-%d"' % number)
    return value | {"messageId": f"m-bad-{number}"} if isinstance(value, dict) else value


def test_a_runaway_user_goes_to_the_dead_letters_and_holds_up_nobody() -> None:
    """Beyond fair use a user's messages are letters that can be sent again, and never vanish at MoEngage."""

    async def main() -> Line:
        line = Line({"fair_use_share": 0.002})
        hot = [track_event(userId="cust-hot", messageId=f"m-{number}") for number in range(20)]
        before, behind = _neighbours()
        await line.take([before, *hot, behind])
        return line

    line = run_virtual(main())

    assert line.ends == {"delivered": 9, "dead_lettered fair_use_exceeded": 13}
    assert {letter.reason for letter in line.letters.letters} == {"fair_use_exceeded"}
    assert {(letter.status, letter.attempt_count) for letter in line.letters.letters} == {(None, 0)}
    assert [item.user for request in line.sending.requests for item in request.items].count("cust-hot") == 7


def test_half_characters_become_whole_ones() -> None:
    """What UTF-8 cannot carry is replaced, in names as in values, and what a vendor keeps is valid."""
    bad = CASES["lone surrogates"]

    async def main() -> Line:
        line = Line({})
        await line.take([bad.value])
        return line

    line = run_virtual(main())

    assert [item.user for item in line.sending.requests[0].items] == ["cust-bad"]
    mapped = Plan.compile(moengage(), "default").map(bad.value, Record(*KEY, 0, NOW_MS), NOW_MS)
    (action,) = msgspec.json.decode(mapped.payloads[0].body)["actions"]
    assert (action["action"], action["attributes"]) == ("\ufffd seen", {"ok": ["\ufffd", "\ufffd"]})
