"""A vendor that fails in every way that a vendor and the way to it can fail, and checks what it is sent."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

from msgspec import Struct

from processor.model import Answer
from tests.parcels import START_MS
from tests.simulation import shared_lanes

ODD_WAITS = ("-5", "0", "soon", "9" * 30, "", "1e9", "Thu, 01 Jan 1970 00:00:00 GMT")
"""Values of `Retry-After` that name no time."""
TIMEOUT_S = 5.0


class Faults(Struct, frozen=True):
    """How likely each fault is, for each request."""

    server_error: float = 0.0
    throttled: float = 0.0
    unreachable: float = 0.0
    cut: float = 0.0
    timeout: float = 0.0
    wrong_key: float = 0.0


class Sent(Struct):
    """One request under way."""

    member: str
    url: str
    items: list[dict[str, Any]]
    at_s: float


class RoughVendor:
    """Accepts, refuses and fails; what it has accepted is the truth about what was delivered."""

    def __init__(self, faults: Faults, seed: int, *, latency_s: float = 0.05) -> None:
        """Draw from this seed."""
        self.faults = faults
        self.latency_s = latency_s
        self.refused: set[tuple[int, int, int]] = set()
        self.poison: set[tuple[int, int, int]] = set()
        self.max_body_bytes = 10**9
        self.accepted_ids: set[tuple[int, int, int]] = set()
        self.accepted_dedupe_ids: set[str] = set()
        self.accepted: list[dict[str, Any]] = []
        self.statuses: dict[str, int] = {}
        self.clashes: list[tuple[str, str]] = []
        self._random = random.Random(seed)
        self._under_way: list[Sent] = []

    async def answer(
        self, member: str, url: str, content: bytes, deadline_s: float, set_out: Callable[[], None]
    ) -> Answer:
        """Answer one request of a member."""
        if self._draw(self.faults.unreachable):
            await asyncio.sleep(self.latency_s * 20)
            return self._counted(Answer(None, error="connect", sent=False))
        set_out()
        request = Sent(member, url, json.loads(content), asyncio.get_running_loop().time())
        self._note(request)
        try:
            return self._counted(await self._fate(request, len(content), deadline_s))
        except asyncio.CancelledError:
            # The bytes were on the wire: what the other side makes of them nobody hears.
            if self._draw(0.5) and self._verdict(request, len(content)) == 200:
                self._accept(request)
            raise
        finally:
            self._under_way.remove(request)

    async def _fate(self, request: Sent, size_bytes: int, deadline_s: float) -> Answer:
        """Return what becomes of a request."""
        await asyncio.sleep(self.latency_s * (0.5 + self._random.random()))
        if self._draw(self.faults.server_error):
            return Answer(self._random.choice((500, 502, 503)))
        if self._draw(self.faults.throttled):
            return Answer(429, self._retry_after())
        if self._draw(self.faults.wrong_key):
            return Answer(401)
        status = self._verdict(request, size_bytes)
        if status == 200:
            if self._draw(self.faults.timeout):
                return await self._time_out(request, deadline_s)
            is_cut = self._draw(self.faults.cut)
            if not is_cut or self._draw(0.5):
                self._accept(request)
            if is_cut:
                return Answer(None, error="reset")
        return Answer(status)

    async def _time_out(self, request: Sent, deadline_s: float) -> Answer:
        """Take a request, or not, and never answer."""
        if self._draw(0.5):
            self._accept(request)
        await asyncio.sleep(min(TIMEOUT_S, deadline_s))
        return Answer(None, error="timeout")

    def _verdict(self, request: Sent, size_bytes: int) -> int:
        """Return the status that a request earns by what is in it."""
        ids = {item_id(item) for item in request.items}
        if ids & self.poison:
            return 500
        if size_bytes > self.max_body_bytes and len(ids) > 1:
            return 413
        return 400 if ids & self.refused else 200

    def _retry_after(self) -> dict[str, str]:
        """Return headers that ask for a pause, in any form."""
        kind = self._random.randrange(4)
        if kind == 0:
            return {}
        if kind == 1:
            return {"retry-after": self._random.choice(ODD_WAITS)}
        seconds = self._random.randint(1, 20)
        if kind == 2:
            return {"retry-after": str(seconds)}
        now_s = START_MS / 1000 + asyncio.get_running_loop().time()
        return {"retry-after": formatdate(now_s + seconds, usegmt=True)}

    def _accept(self, request: Sent) -> None:
        """Keep what a request brought."""
        self.accepted += request.items
        self.accepted_ids |= {item_id(item) for item in request.items}
        self.accepted_dedupe_ids |= {item["dedupe_id"] for item in request.items} - {None}

    def _note(self, request: Sent) -> None:
        """Look whether a member has a lane in two requests at once at one endpoint."""
        same = [other for other in self._under_way if other.member == request.member]
        self.clashes += shared_lanes(request.url, request.items, same)
        self._under_way.append(request)

    def _counted(self, answer: Answer) -> Answer:
        """Count an answer, so that a test can prove that its faults happened."""
        name = answer.error if answer.status is None else str(answer.status)
        self.statuses[name] = self.statuses.get(name, 0) + 1
        return answer

    def _draw(self, likelihood: float) -> bool:
        """Return whether something happens."""
        return self._random.random() < likelihood


class MemberTransport:
    """The way of one member to the vendor; it knows which pauses that member was asked for."""

    def __init__(self, vendor: RoughVendor, member: str) -> None:
        """Nothing was asked for, and nothing is given up."""
        self._vendor = vendor
        self._member = member
        self._paused_until_s = float("-inf")
        self.leaving: set[int] = set()
        self.is_stopped = False
        """Whether an operator wants the member to send nothing."""

    async def send(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        content: bytes,
        deadline_s: float,
        set_out: Callable[[], None],
    ) -> Answer:
        """Send one request, never within a pause that was named in seconds, and of no partition that was given up.

        Nor while an operator wants nothing to be sent.
        """
        del method, headers
        now_s = asyncio.get_running_loop().time()
        assert now_s >= self._paused_until_s - 1e-6, "a request within a pause that the vendor asked for"
        assert not self.is_stopped, "a request of a member that was paused"
        partitions = {item_id(item)[0] for item in json.loads(content)}
        assert not partitions & self.leaving, "a request of a partition that was given up"
        answer = await self._vendor.answer(self._member, url, content, deadline_s, set_out)
        wait = answer.headers.get("retry-after", "")
        if wait.isdigit() and len(wait) < 5:
            self._paused_until_s = max(self._paused_until_s, asyncio.get_running_loop().time() + int(wait))
        return answer


def item_id(item: dict[str, Any]) -> tuple[int, int, int]:
    """Return which payload an item of a request is."""
    partition, offset, index = item["id"]
    return partition, offset, index
