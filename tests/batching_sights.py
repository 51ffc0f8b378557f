"""What was seen in a situation of batching, in the words in which a line says what must be seen.

A line holds when what it expects is what `seen` returns. Every key of `expected` has a meaning here or is an error.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from tests.batching_cases import Line, Situation, UnknownWordingError, refuse_unknown
from tests.vendor_bench import Sent, VendorBench

_WORDS: Final = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


class Sight:
    """What was seen when a situation was played."""

    def __init__(self, situation: Situation, bench: VendorBench) -> None:
        """Look at a bench that has settled or stopped."""
        self._bench = bench
        self._endpoint = situation.endpoint
        own = [one for one in bench.requests if situation.endpoint in (None, one.endpoint)]
        self._requests = own
        """The requests that the line is about."""

    def seen(self, expected: Line) -> dict[str, Any]:
        """Return what was seen of each key of `expected`, in its form.

        Raises:
            UnknownWordingError: a key has no meaning here.
        """
        return {key: self._of(key, value) for key, value in expected.items()}

    def holds(self, expected: Line) -> bool:
        """Return whether that was seen."""
        return self.seen(expected) == expected

    def _of(self, key: str, expected: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Return what was seen of one key."""
        for pattern, look in _SIGHTS.items():
            found = re.fullmatch(pattern, key)
            if found is not None:
                return look(self, expected, *found.groups())
        raise UnknownWordingError(f"unknown: {key}")

    def any_of(self, expected: Sequence[Line]) -> Sequence[Any]:
        """Return the alternatives when one of them holds, else what was seen of each."""
        return expected if any(map(self.holds, expected)) else [self.seen(one) for one in expected]

    def requests(self, expected: Sequence[Line]) -> list[dict[str, int]]:
        """Return the requests in their order, as much of each as is expected."""
        names = {name for one in expected for name in one}
        refuse_unknown(names, {"at_ms", "events"})
        return [_only({"at_ms": one.at_ms, "events": len(one.items)}, names) for one in self._requests]

    def request_sizes(self, expected: Sequence[int]) -> Sequence[int]:
        """Return the sizes of the requests; their order is free."""
        sizes = [len(one.items) for one in self._requests]
        return expected if Counter(sizes) == Counter(expected) else sizes

    def requests_of(self, _: Sequence[int], endpoint: str) -> list[int]:
        """Return the sizes of the requests of an endpoint in their order."""
        return [len(one.items) for one in self._to(endpoint)]

    def largest_of(self, _: int, endpoint: str) -> int:
        """Return how many items the largest request of an endpoint held."""
        return max(len(one.items) for one in self._to(endpoint))

    def batches_of(self, expected: Sequence[Sequence[Line]], endpoint: str) -> list[list[dict[str, Any]]]:
        """Return the items of the requests of an endpoint, as much of each as is expected of any."""
        names = {name for batch in expected for item in batch for name in item}
        return [[_only(item, names) for item in one.items] for one in self._to(endpoint)]

    def endpoint_order(self, _: Sequence[str]) -> list[str]:
        """Return the endpoints in the order of their first requests."""
        return list(dict.fromkeys(one.endpoint for one in self._requests))

    def uploads(self, _: int) -> int:
        """Return how many requests there were."""
        return len(self._requests)

    def is_resent(self, _: bool, endpoint: str) -> bool:  # noqa: FBT001 - as the line has it
        """Return whether an item of an endpoint was sent twice."""
        return any(count > 1 for count in Counter(_numbers(self._to(endpoint))).values())

    def message_ids(self, _: str) -> str:
        """Say whether the requests carry the same ids in the same order."""
        ids = {tuple(item["messageId"] for item in one.items) for one in self._requests}
        return f"equal in all {_WORDS[len(self._requests)]}" if len(ids) == 1 else "not equal"

    def sent_at(self, _: str) -> str:
        """Say how many times of sending there are; one request has one."""
        times = [{item["sentAt"] for item in one.items} for one in self._requests]
        is_one_each = all(len(one) == 1 for one in times)
        return f"{_WORDS[len(set().union(*times))]} different values" if is_one_each else "several in one request"

    def delivered(self, expected: int | Sequence[int]) -> int | list[int]:
        """Return how many records count as delivered, as many as the vendor took, or which events those were."""
        accepted = sorted(set(_numbers(one for one in self._requests if one.is_accepted)))
        counted = sum(self._bench.outcomes("delivered").values())
        assert counted == len(accepted), f"counted {counted}, taken {accepted}"
        return counted if isinstance(expected, int) else accepted

    def dead_letter(self, expected: Sequence[Line]) -> list[dict[str, Any]]:
        """Return the dead letters, as much of each as is expected."""
        names = {name for one in expected for name in one}
        refuse_unknown(names, {"element", "reason"})
        letters = self._bench.letters.letters
        return [_only({"element": one.record.offset + 1, "reason": one.reason}, names) for one in letters]

    def dropped(self, expected: Sequence[Line]) -> list[dict[str, str]]:
        """Return why records were skipped, each of them."""
        refuse_unknown({name for one in expected for name in one}, {"reason"})
        skipped = self._bench.outcomes("skipped")
        return [{"reason": reason} for reason in sorted(Counter(skipped).elements())]

    def offsets_committed(self, expected: int | str) -> int | str:
        """Return the offset that is stored in the end, or say when it was."""
        return self._bench.stored if isinstance(expected, int) else f"{self.when('')} of that request"

    def when(self, _: str) -> str:
        """Say whether offsets were stored after the requests that hold their records were accepted."""
        is_whole = self._bench.stored == self._bench.record_count
        return "after the 2xx" if is_whole and all(map(_waits, self._requests)) else "too early, or never"

    def offset(self, _: str) -> str:
        """Say which endpoint the offset waited for: the one whose requests were not accepted at first."""
        late = {one.endpoint for one in self._requests if not one.is_accepted}
        return f"waits for the {' and '.join(sorted(late))} batch" if self.when("") == "after the 2xx" else "waits not"

    def _to(self, endpoint: str) -> list[Sent]:
        """Return the requests of an endpoint."""
        return [one for one in self._requests if one.endpoint == endpoint]


def _waits(sent: Sent) -> bool:
    """Return whether, when a request was answered, no offset beyond its first record was stored."""
    return sent.stored < min(sent.numbers)


def _numbers(requests: Iterable[Sent]) -> list[int]:
    """Return the numbers of the events in some requests."""
    return [number for one in requests for number in one.numbers]


def _only(value: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the members of a value that are named."""
    return {name: value[name] for name in names if name in value}


def alterations(value: Any) -> list[Any]:  # noqa: ANN401 - any JSON value
    """Return the same JSON value with one thing in it changed, each thing once: none of them may hold as well."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value - 1, value + 1]
    if isinstance(value, str):
        return [value + "?"]
    if isinstance(value, list):
        parts = [[*value[:at], one, *value[at + 1 :]] for at, item in enumerate(value) for one in alterations(item)]
        return [*parts, value[:-1], [*value, *value[-1:]]]
    return [value | {key: one} for key, item in value.items() for one in alterations(item)]


_SIGHTS: Final[Mapping[str, Callable[..., Any]]] = {
    "any_of": Sight.any_of,
    "requests": Sight.requests,
    "request_sizes": Sight.request_sizes,
    "max_([a-z]+)_per_request": Sight.largest_of,
    "([a-z]+)_requests": Sight.requests_of,
    "([a-z]+)_batches": Sight.batches_of,
    "endpoint_order": Sight.endpoint_order,
    "uploads": Sight.uploads,
    "([a-z]+)_resent": Sight.is_resent,
    "message_ids": Sight.message_ids,
    "sent_at": Sight.sent_at,
    "delivered": Sight.delivered,
    "dead_letter": Sight.dead_letter,
    "dropped": Sight.dropped,
    "offsets_committed": Sight.offsets_committed,
    "when": Sight.when,
    "offset": Sight.offset,
}
"""What each key of `expected` is about."""
