"""What the stand-ins took in and refused, in the order in which they did.

Lines are written to the file by one system call before the request is answered: what the sender saw accepted is in the
file, whoever is killed then. The stand-ins' own process has to be killed together with the machine to lose a line.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from processor.sandbox.vendor import Item

Result = Literal["accepted", "ignored", "refused", "dropped"]
Answer = Literal["sent", "lost"]

_KNOWN_IDS = 2_000_000
"""Ids remembered to count repeats; beyond them repeats are no longer counted, and the counts say so."""


class Line(Struct, gc=False, frozen=True, omit_defaults=True):
    """One accepted item, or one request of which nothing was accepted.

    `order` counts lines from 1 in order of acceptance. `at_ns` (monotonic) and `at_ms` (wall clock) are when the
    request arrived. `ignored` items were answered as accepted and then left out, as the vendor does. `answer` is `lost`
    where the connection was cut after acceptance: the sender cannot know. A refused or dropped request has `count`
    items as far as it was read, and `guilty` names the item that caused the refusal, where a fault chose it.
    """

    order: int
    at_ns: int
    at_ms: int
    request: int
    vendor: str
    endpoint: str
    result: Result
    status: int = 0
    answer: Answer = "sent"
    call: str = ""
    id: str | None = None
    user: str | None = None
    seq: int | None = None
    reason: str = ""
    count: int = 1
    guilty: str | None = None


class Visit(Struct, gc=False, frozen=True):
    """One request: when it came and what it asked for."""

    request: int
    at_ns: int
    at_ms: int
    vendor: str
    endpoint: str


class Ledger:
    """The lines, the newest in memory and all of them in a file where one is given, and counts of everything.

    One thread writes; any thread may read, as lists are copied at once.
    """

    def __init__(self, record: Path | None = None, keep_count: int = 500_000) -> None:
        """Open the file for appending."""
        self._keep_count = keep_count
        self._encode = msgspec.json.Encoder().encode_lines
        self._file = None if record is None else os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._lines: list[Line] = []
        self._order = 0
        self._start()

    def _start(self) -> None:
        self._lines = []
        self._requests: Counter[str] = Counter()
        self._items: Counter[str] = Counter()
        self._findings: Counter[str] = Counter()
        self._repeats: Counter[str] = Counter()
        self._ids: set[int] = set()

    def reset(self) -> None:
        """Forget lines and counts; the file keeps what it has and `order` goes on, so that the file stays readable."""
        self._start()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def accept(
        self, visit: Visit, items: Sequence[Item], status: int, answer: Answer, findings: Sequence[str] = ()
    ) -> None:
        """Add a line for each item of a request that is taken in."""
        self._requests[f"{visit.vendor}/{visit.endpoint}/{status}"] += 1
        at = (visit.at_ns, visit.at_ms, visit.request, visit.vendor, visit.endpoint)
        lines = [
            Line(
                order,
                *at,
                "ignored" if item.ignored else "accepted",
                status,
                answer,
                item.call,
                item.id,
                item.user,
                item.seq,
                item.ignored,
            )
            for order, item in enumerate(items, self._order + 1)
        ]
        self._order += len(lines)
        # Counted by the request and not by the item: this is the hottest place of the stand-ins.
        for (call, result), count in Counter([(line.call, line.result) for line in lines]).items():
            self._items[f"{visit.vendor}/{visit.endpoint}/{call}/{result}"] += count
        for finding in findings:
            self._findings[f"{visit.vendor}/{visit.endpoint}/{finding}"] += 1
        self._count_repeats(visit, items)
        self._add(lines)

    def refuse(self, visit: Visit, status: int, reason: str, count: int = 0, guilty: str | None = None) -> None:
        """Add a line for a request of which nothing is taken in, and which is told so."""
        self._requests[f"{visit.vendor}/{visit.endpoint}/{status}"] += 1
        self._nothing(visit, "refused", status, reason, count, guilty)

    def drop(self, visit: Visit) -> None:
        """Add a line for a request whose connection is cut before anything of it is taken in."""
        self._requests[f"{visit.vendor}/{visit.endpoint}/dropped"] += 1
        self._nothing(visit, "dropped", 0, "connection_cut", 0, None)

    def lines(self, vendor: str | None = None, result: Result | None = None, after: int = 0) -> list[Line]:
        """Return a copy of the lines in memory, the oldest first, those with `order` above `after`."""
        return [
            line
            for line in self._lines[:]
            if line.order > after and vendor in (None, line.vendor) and result in (None, line.result)
        ]

    def counts(self) -> dict[str, Any]:
        """Return requests by answer, items by result, findings and repeats, each under a path of names."""
        return {
            "requests": dict(self._requests),
            "items": dict(self._items),
            "findings": dict(self._findings),
            "repeats": dict(self._repeats),
            "repeats_complete": len(self._ids) < _KNOWN_IDS,
            "last_order": self._order,
        }

    def item_count(self, vendor: str, result: Result = "accepted") -> int:
        """Return how many items of a vendor had this result, repeats included."""
        start, end = f"{vendor}/", f"/{result}"
        return sum(count for path, count in self._items.copy().items() if path.startswith(start) and path.endswith(end))

    def _nothing(self, visit: Visit, result: Result, status: int, reason: str, count: int, guilty: str | None) -> None:
        self._order += 1
        line = Line(
            self._order,
            visit.at_ns,
            visit.at_ms,
            visit.request,
            visit.vendor,
            visit.endpoint,
            result,
            status,
            reason=reason,
            count=count,
            guilty=guilty,
        )
        self._add([line])

    def _count_repeats(self, visit: Visit, items: Sequence[Item]) -> None:
        """Count items whose id was accepted before at the same endpoint; hashes, as ids would take much more room."""
        if len(self._ids) >= _KNOWN_IDS:
            return
        place = f"{visit.vendor}/{visit.endpoint}"
        seed = hash(place)
        keys = [hash((seed, item.call, item.user, item.id)) for item in items if item.id is not None]
        before = len(self._ids)
        self._ids.update(keys)
        repeats = len(keys) - (len(self._ids) - before)
        if repeats:
            self._repeats[place] += repeats

    def _add(self, lines: list[Line]) -> None:
        if self._file is not None and lines:
            _write(self._file, self._encode(lines))
        if self._keep_count == 0:
            return
        self._lines.extend(lines)
        if len(self._lines) > 2 * self._keep_count:
            self._lines = self._lines[-self._keep_count :]


def _write(file: int, text: bytes) -> None:
    """Write all of it; a system call may take less than it is given."""
    left = memoryview(text)
    while left:
        left = left[os.write(file, left) :]


def read_lines(path: Path) -> list[Line]:
    """Return the lines of a record file; a last line that was cut by a kill of the stand-ins is left out."""
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    return msgspec.json.Decoder(Line).decode_lines(whole)
