"""Odd records among good ones, through a whole bridge without Kafka, before a vendor's full stand-in.

For tests of what one odd record does to those around it: each ends as the contract says, and its neighbours go out.
The stand-in judges every request by the whole contract, without knowing the code that makes it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct
from multidict import CIMultiDict

from processor.model import Answer
from processor.sandbox.server import judged
from processor.sandbox.settings import SandboxLimits, SandboxSettings
from processor.sandbox.vendor import Accepted, Head
from processor.source.decode_settings import DecodeSettings
from tests.parcels import START_MS
from tests.simulation import LoopClock
from tests.standin_requests import WORKSPACE, standin
from tests.vendor_bench import Sent, VendorBench

Item = dict[str, Any]
Value = bytes | None
"""What a record holds."""

KEYS: Final[Mapping[str, Mapping[str, str]]] = {
    "moveo": {"api_key": "moveo-example-key"},
    "moesif": {"application_id": "moesif-example-application-id"},
    "moengage": {"api_id": WORKSPACE, "api_key": "moengage-example-key", "region": "DC_03"},
}
"""What the stand-ins take."""

TIME: Final = "2026-03-15T12:16:00.000Z"
"""Shortly before the records are read."""
RECORD_TIME: Final = "2026-03-15T12:00:00.000Z"
"""When they were written."""
HALF: Final = "\ud83d"
"""Half a character: JSON can spell it, UTF-8 cannot."""
MANY_KEYS: Final = {f"k{number}": number for number in range(10_000)}
NO_TIMES: Final[tuple[Any, ...]] = (
    *("soon", "", "2026-99-99", "2026-02-30T00:00:00Z", "0000-01-01", "12026-01-01"),
    *(None, True, [], {}, 10**30, -1e300),
)
"""Values of `timestamp` that name no time."""


def written(event: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Return an event as a careless producer writes it: escapes for all that is not ASCII, half characters included."""
    return json.dumps(event).encode()


def with_lists(event: Mapping[str, Any], depth: int) -> bytes:
    """Return an event with lists in lists, so many."""
    return written(event)[:-1] + b',"properties":{"deep":' + b"[" * depth + b"]" * depth + b"}}"


def no_events(good: Mapping[str, Any]) -> dict[str, tuple[Value, str]]:
    """Return records that are no event for any vendor, with their reasons; `good` is an event that is spoiled."""
    return {
        "no JSON": (b"{", "invalid_json"),
        "cut off": (b'{"type":"track"', "invalid_json"),
        "not UTF-8": (b'{"type":"\xff"}', "invalid_json"),
        "a constant of JavaScript": (written(good)[:-1] + b',"properties":{"n":NaN}}', "invalid_json"),
        "lists beyond what can be read": (with_lists(good, 100_000), "invalid_json"),
        "no value": (None, "null_value"),
        "null": (b"null", "not_an_object"),
        "a number": (b"7", "not_an_object"),
        "a text": (b'"track"', "not_an_object"),
        "a list that is no batch": (b"[1, 2]", "not_an_object"),
        "an empty object": (b"{}", "missing_type"),
        "type null": (written({**good, "type": None}), "missing_type"),
        "type blank": (written({**good, "type": " \t"}), "missing_type"),
        "type a number": (written({**good, "type": 1}), "missing_type"),
        "type a list": (written({**good, "type": ["track"]}), "missing_type"),
        "type unknown": (written({**good, "type": "purchase"}), "unknown_type"),
    }


class Ends(Struct):
    """How records ended."""

    letters: list[str]
    """Reasons of dead letters, in order."""
    attempt_counts: list[int]
    """How often the vendor was asked to take what is in each of them."""
    skips: list[str]
    warnings: dict[str, int]
    requests: list[Sent]
    """Those that the vendor accepted."""
    findings: set[str]
    """What the vendor took in although its contract says otherwise, or ignored without a word."""
    delivered_count: int
    outstanding_count: int
    stored: int
    """The offset up to which everything is done."""


async def delivered(
    vendor: str,
    values: Iterable[Value],
    *,
    refuses: Callable[[Item], bool] = lambda _: False,
    limits: SandboxLimits | None = None,
    **settings: Any,  # noqa: ANN401 - any setting of the vendor
) -> Ends:
    """Return how records with these values end at a vendor with these settings, in a loop of virtual time.

    The vendor answers 400 to a request with an item that it `refuses`; that it refuses nothing else is asserted.
    """
    judge = _Judge(vendor, refuses, SandboxLimits() if limits is None else limits)
    decode = DecodeSettings(max_record_bytes=100_000_000)
    async with VendorBench(vendor, {**KEYS[vendor], **settings}, answer=judge, latency_s=0.05, decode=decode) as bench:
        bench.read_values(values, START_MS)
        await bench.settle()
    ledger = bench.pipeline.ledger
    tally = ledger.tally.report()
    return Ends(
        bench.letters.reasons,
        [letter.attempt_count for letter in bench.letters.letters],
        sorted(reason for reason, count in tally["records"]["skipped"].items() for _ in range(count)),
        {code: count for code, count in tally["warnings"].items() if count},
        [sent for sent in bench.requests if sent.is_accepted],
        judge.findings,
        tally["records"]["delivered"][""],
        ledger.outstanding_count,
        bench.stored,
    )


async def isolated(vendor: str, good: Mapping[str, Any], user_key: str) -> None:
    """Assert that a batch that only the vendor refuses is taken apart, until one is a dead letter and twenty are not.

    `user_key` names the member of an item that holds the event's `userId`.
    """
    others = [{**good, "messageId": f"m{number}", "userId": f"u{number}"} for number in range(20)]
    values = [written(event) for event in (*others[:13], good, *others[13:])]
    done = await delivered(vendor, values, refuses=lambda item: bool(item[user_key] == good["userId"]))
    assert (done.letters, done.stored) == (["http_400"], 21)
    users = sorted(item[user_key] for sent in done.requests for item in sent.items)
    assert users == sorted(event["userId"] for event in others)


class _Judge:
    """A script of answers: a vendor's stand-in looks at every request; what `refuses` picks out is answered 400."""

    def __init__(self, vendor: str, refuses: Callable[[Item], bool], limits: SandboxLimits) -> None:
        """Start with a stand-in that has seen nothing."""
        self._standin = standin(vendor, SandboxSettings(limits=limits))
        self._refuses = refuses
        self.findings: set[str] = set()

    def __call__(self, sent: Sent) -> Answer:
        """Return the answer to a request."""
        if any(map(self._refuses, sent.items)):
            return Answer(400)
        address = urlsplit(sent.url)
        route = self._standin.route(address.path)
        assert route is not None, f"the vendor has no {address.path}"
        query, headers = dict(parse_qsl(address.query)), CIMultiDict(sent.headers)
        head = Head(sent.method, address.path, query, headers, LoopClock().wall_ms() / 1000, "192.0.2.9")
        said = judged(self._standin, route, head, sent.content)
        assert isinstance(said, Accepted), f"the vendor refuses: {said.reason}, {said.body!r}"
        if said.store is not None:
            said.store()
        self.findings |= set(said.findings)
        return Answer(said.status, {}, said.body)
