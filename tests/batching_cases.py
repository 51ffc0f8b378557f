"""Situations of batching: what a line of `tests/vectors/<vendor>/batching.jsonl` lets happen.

Nothing here knows a line by its id, and a key or a wording without a meaning is an error. What is seen in a situation
is told by `tests/batching_sights.py`.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from processor.model import Answer, Event
from tests.vendor_bench import Sent, VendorBench, answer_of, make_destination, sized, small_event

Line = Mapping[str, Any]

_REFUSAL: Final = re.compile(
    r"answers (\d+) (\w+) to every request that holds element (\d+) \(counted from 1\), else 200 success"
)
_KINDS: Final = {"companies": "group", "users": "identify", "actions": "track"}
"""The kind of event that leads to each of Moesif's batch routes."""


class UnknownWordingError(AssertionError):
    """A line says something that has no meaning here."""


def refuse_unknown(keys: Iterable[str], known: Iterable[str]) -> None:
    """Raise UnknownWordingError when there is a key that is not known."""
    if unknown := set(keys) - set(known):
        raise UnknownWordingError(f"unknown: {', '.join(sorted(unknown))}")


class Situation:
    """What is read and when, how the vendor answers, and how it ends.

    One user owns all events unless the vendor's README says otherwise (MoEngage), the line gives a number of users, or
    it is about one batch of a route that takes a user only once. `endpoint` is the one that such a line is about.
    """

    def __init__(self, vendor: str, line: Line) -> None:
        """Read a line.

        Raises:
            UnknownWordingError: It holds a key or a text without a meaning.
        """
        refuse_unknown(line, {"id", "rule", "settings", "given", "expected", *_BESIDE_GIVEN})
        given = {**line.get("given", {}), **{key: line[key] for key in _BESIDE_GIVEN if key in line}}
        refuse_unknown(given, _READERS)
        self.vendor = vendor
        self.settings: dict[str, Any] = {**line.get("settings", {})}
        self.endpoint: str | None = None
        self.is_stopped = False
        self.events: list[tuple[int, Event]] = []
        self._user_count: int | None = None if vendor == "moengage" else 1
        self._turns: dict[str | None, deque[int]] = {}
        self._refusal: tuple[int, str, int] | None = None
        for key, read in _READERS.items():
            if key in given:
                read(self, given[key])

    def answer(self, sent: Sent) -> Answer:
        """Return the vendor's answer to a request; what the line does not say is a success."""
        status, error = 200, ""
        if self._refusal is not None and self._refusal[2] in sent.numbers:
            status, error, _ = self._refusal
        turns = self._turns.get(sent.endpoint) or self._turns.get(None)
        return answer_of(self.vendor, turns.popleft() if turns else status, error)

    async def play(self, latency_s: float = 0.0) -> VendorBench:
        """Bring the situation about, once, in a loop of virtual time.

        Return what it was played on when everything is settled or has stopped.
        """
        bench = VendorBench(self.vendor, self.settings, answer=self.answer, latency_s=latency_s)
        async with bench:
            for at_ms, together in groupby(self.events, key=lambda one: one[0]):
                await asyncio.sleep((at_ms - bench.now_ms) / 1000)
                bench.read(event for _, event in together)
            await (bench.stop() if self.is_stopped else bench.settle())
        return bench

    def read_users(self, count: int) -> None:
        """Spread the events over so many users."""
        self._user_count = count

    def read_endpoint(self, route: str) -> None:
        """Be about one batch of a route, each item of a user and a company of its own."""
        name, _, rest = route.partition("/")
        if name not in _KINDS or rest != "batch":
            raise UnknownWordingError(route)
        self.endpoint, self._user_count = name, None

    def read_count(self, kind: str, count: int, at_ms: int = 0) -> None:
        """Let so many events of a kind arrive."""
        for _ in range(count):
            number = len(self.events) + 1
            user = number if self._user_count is None else number % self._user_count
            self.events.append((at_ms, small_event(kind, number, f"u-{user}")))

    def read_arrivals(self, arrivals: Sequence[Line]) -> None:
        """Let small events arrive at these times."""
        for arrival in arrivals:
            refuse_unknown(arrival, {"at_ms", "events"})
            self.read_count("track", arrival["events"], arrival["at_ms"])

    def read_identify(self, events: Sequence[Event]) -> None:
        """Let these updates of users arrive, as they are."""
        self.events += [
            (0, {"type": "identify", "messageId": f"m-{number}"} | event) for number, event in enumerate(events, 1)
        ]

    def read_events(self, events: int | Sequence[str]) -> None:
        """Let as many events arrive as the batch of the route holds, or those that are named with their users."""
        if isinstance(events, int):
            self.read_count(_KINDS[str(self.endpoint)], events)
            return
        for event in events:
            kind, user = event.split(" ")
            self.events.append((0, small_event(kind, len(self.events) + 1, user)))

    def read_message_ids(self, ids: Sequence[str]) -> None:
        """Give the events these ids."""
        for (_, event), message_id in zip(self.events, ids, strict=True):
            event["messageId"] = message_id

    def read_bytes_each(self, size: int) -> None:
        """Let the finished item of each event be of that size."""
        destination = make_destination(self.vendor, self.settings)
        self.events = [(at_ms, sized(destination, event, size)) for at_ms, event in self.events]

    def read_dropped_by_filter(self, count: int) -> None:
        """Let the filter drop so many of the events, spread among those that stay; the first one stays."""
        all_count = len(self.events)
        kept_count = all_count - count
        kept = {index * all_count // kept_count for index in range(kept_count)}
        self.settings["filter"] = {"fate": ["kept"]}
        for index, (_, event) in enumerate(self.events):
            event["properties"]["fate"] = "kept" if index in kept else "dropped"

    def read_server(self, server: str | Sequence[int]) -> None:
        """Answer requests in turn, or refuse those that hold a certain element."""
        if not isinstance(server, str):
            self._turns[None] = deque(server)
            return
        found = _REFUSAL.fullmatch(server)
        if found is None:
            raise UnknownWordingError(server)
        self._refusal = int(found[1]), found[2], int(found[3])

    def read_responses(self, responses: Sequence[Line]) -> None:
        """Answer the requests of the line's route in turn."""
        for response in responses:
            refuse_unknown(response, {"status"})
        self._turns[self.endpoint] = deque(response["status"] for response in responses)

    def read_turns(self, endpoint: str, statuses: Sequence[int]) -> None:
        """Let an event arrive that leads to an endpoint, and answer its requests in turn."""
        self.read_count(_KINDS[endpoint], 1)
        self._turns[endpoint] = deque(statuses)

    def read_then(self, then: str) -> None:
        """End otherwise than by having settled everything."""
        if then != "shutdown":
            raise UnknownWordingError(then)
        self.is_stopped = True


def _counted(kind: str) -> Callable[[Situation, int], None]:
    """Return what reads a number of events of a kind."""
    return lambda situation, count: situation.read_count(kind, count)


def _answered(endpoint: str) -> Callable[[Situation, Sequence[int]], None]:
    """Return what reads the answers of an endpoint."""
    return lambda situation, statuses: situation.read_turns(endpoint, statuses)


_BESIDE_GIVEN: Final = ("endpoint", "responses", "events")
"""What stands beside `given` where a line gives the answers of one route instead."""
_READERS: Final[Mapping[str, Callable[[Situation, Any], None]]] = {
    "users": Situation.read_users,
    "endpoint": Situation.read_endpoint,
    **{key: _counted("track") for key in ("tracks", "elements", "batch", "records")},
    "aliases": _counted("alias"),
    "deletes": _counted("delete"),
    "arrivals": Situation.read_arrivals,
    "identify": Situation.read_identify,
    "events": Situation.read_events,
    **{f"{endpoint}_batch": _answered(endpoint) for endpoint in _KINDS},
    "message_ids": Situation.read_message_ids,
    "bytes_each": Situation.read_bytes_each,
    "dropped_by_filter": Situation.read_dropped_by_filter,
    "server": Situation.read_server,
    "responses": Situation.read_responses,
    "then": Situation.read_then,
}
"""What each key of a situation means, in the order in which they are read: who, then what, then how."""
