"""One request on its way: found, struck by faults, checked, recorded, answered.

Everything runs on one event loop, and between the check and the record nothing waits: the order of the record is the
order of acceptance.
"""

from __future__ import annotations

import asyncio
import email.utils
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from aiohttp import web

from processor.sandbox.fault_table import FaultTable, Strikes
from processor.sandbox.faults import Fault, SlowBody, Status, Throttle
from processor.sandbox.ledger import Answer, Ledger, Visit
from processor.sandbox.moengage import MoEngageStandIn
from processor.sandbox.moesif import MoesifStandIn
from processor.sandbox.moveo import MoveoStandIn
from processor.sandbox.settings import SandboxSettings
from processor.sandbox.vendor import JSON_TYPE, Accepted, Head, Refused, Route, Vendor

ADMIN = "/_sandbox/"
_PIECES = 8

Admin = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class StandInServer:
    """The three vendors behind one port, with their faults and their record."""

    def __init__(self, settings: SandboxSettings) -> None:
        """Set up the vendors; nothing listens yet."""
        self.settings = settings
        self.ledger = Ledger(settings.record, settings.keep_count)
        self.faults = FaultTable(settings.seed)
        self.faults.replace(settings.faults, time.monotonic())
        self.admin: Admin | None = None
        self._request_count = 0
        self._vendors = self._made()

    def reset(self, faults: Sequence[Fault] = ()) -> None:
        """Forget the record, the counts and the users, and put these faults in force."""
        self.ledger.reset()
        self.faults.happened.clear()
        self.faults.replace(faults, time.monotonic())
        self._vendors = self._made()

    def _made(self) -> Sequence[Vendor]:
        return (
            MoveoStandIn(self.settings),
            MoesifStandIn(self.settings),
            MoEngageStandIn(self.settings),
        )

    def state(self, vendor: str, user: str | None = None) -> bytes | None:
        """Return a vendor's state as JSON lines, of one user where one is named; None for a vendor there is not."""
        encode = msgspec.json.Encoder().encode_lines
        for each in self._vendors:
            if each.name == vendor:
                return encode(each.state(user))
        return None

    def counts(self) -> dict[str, Any]:
        """Return the counts of the record, and whether each vendor's state is complete."""
        return {
            **self.ledger.counts(),
            "state_complete": {vendor.name: vendor.state_is_complete for vendor in self._vendors},
        }

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer any request."""
        path = request.path
        if path.startswith(ADMIN) and self.admin is not None:
            return await self.admin(request)
        for vendor in self._vendors:
            route = vendor.route(path)
            if route is not None:
                return await self._visit(request, vendor, route)
        return web.Response(status=404, body=b'{"error":"no such route"}', headers=JSON_TYPE)

    async def _visit(self, request: web.BaseRequest, vendor: Vendor, route: Route) -> web.StreamResponse:
        self._request_count += 1
        now_ns, now_s = time.monotonic_ns(), time.time()
        visit = Visit(self._request_count, now_ns, int(now_s * 1000), vendor.name, route.endpoint)
        strikes = self.faults.strike(vendor.name, route.endpoint, now_ns / 1e9)
        raw = await request.read()
        if strikes.before_s:
            await asyncio.sleep(strikes.before_s)
        if strikes.drop is not None and strikes.drop.when == "before":
            self.ledger.drop(visit)
            return _cut(request)
        head = Head(request.method, request.path, request.query, request.headers, now_s, request.remote or "")
        outcome = self._decide(vendor, route, head, raw, strikes, visit)
        if strikes.after_s:
            await asyncio.sleep(strikes.after_s)
        return await _answer(request, outcome, strikes)

    def _decide(
        self, vendor: Vendor, route: Route, head: Head, raw: bytes, strikes: Strikes, visit: Visit
    ) -> Accepted | Refused:
        """Return what the vendor says, and have it recorded. Never waits."""
        outcome = _struck(vendor, strikes.refusal, head.now_s) or judged(vendor, route, head, raw)
        if isinstance(outcome, Refused):
            self.ledger.refuse(visit, outcome.status, outcome.reason)
            return outcome
        found = self.faults.refusing(vendor.name, route.endpoint, outcome.items, visit.at_ns / 1e9)
        if found is not None:
            fault, item = found
            refused = vendor.refuse(fault.status, "chosen_item")
            self.ledger.refuse(visit, fault.status, "chosen_item", len(outcome.items), item.id or item.user)
            return refused
        if outcome.store is not None:
            outcome.store()
        answer: Answer = "sent" if strikes.drop is None else "lost"
        self.ledger.accept(visit, outcome.items, outcome.status, answer, outcome.findings)
        return outcome


def judged(vendor: Vendor, route: Route, head: Head, raw: bytes) -> Accepted | Refused:
    """Return what the vendor says when nothing goes wrong: credentials, rate, media, size, then the body."""
    if head.method != route.method:
        return vendor.refuse(405, "method", f"{head.method} is not taken")
    refused = vendor.stranger(route, head) or vendor.throttled(route, head) or vendor.media(route, head)
    if refused is not None:
        return refused
    body = vendor.open_body(route, head, raw)
    return body if isinstance(body, Refused) else route.check(head, body)


def _struck(vendor: Vendor, fault: Status | Throttle | None, now_s: float) -> Refused | None:
    match fault:
        case None:
            return None
        case Status():
            refused = vendor.refuse(fault.status, "fault_status", error_type=fault.error_type)
        case Throttle():
            refused = vendor.refuse(fault.status, "fault_throttle")
            refused.headers = _pause_headers(fault, now_s)
    return refused


def _pause_headers(fault: Throttle, now_s: float) -> Mapping[str, str]:
    match fault.form:
        case "seconds":
            return {"Retry-After": f"{fault.retry_after_s:.0f}"}
        case "date":
            return {"Retry-After": email.utils.formatdate(now_s + fault.retry_after_s, usegmt=True)}
        case "reset":
            return {"x-ratelimit-reset": f"{fault.retry_after_s:.0f}", "x-ratelimit-remaining": "0"}
        case "none":
            return {}


async def _answer(request: web.BaseRequest, outcome: Accepted | Refused, strikes: Strikes) -> web.StreamResponse:
    headers = {**JSON_TYPE, **(outcome.headers if isinstance(outcome, Refused) else {})}
    if strikes.drop is not None:
        if strikes.drop.when == "during":
            await _half(request, outcome, headers)
        return _cut(request)
    if strikes.slow_body is not None:
        return await _slowly(request, outcome, headers, strikes.slow_body)
    return web.Response(status=outcome.status, body=outcome.body, headers=headers)


async def _half(request: web.BaseRequest, outcome: Accepted | Refused, headers: dict[str, str]) -> None:
    """Send head and half of the body, and nothing more."""
    response = web.StreamResponse(status=outcome.status, headers=headers)
    response.content_length = len(outcome.body)
    await response.prepare(request)
    await response.write(outcome.body[: len(outcome.body) // 2])


async def _slowly(
    request: web.BaseRequest, outcome: Accepted | Refused, headers: dict[str, str], fault: SlowBody
) -> web.StreamResponse:
    """Send the body in pieces over the time that the fault names."""
    body = b" " * fault.padding_bytes + outcome.body
    response = web.StreamResponse(status=outcome.status, headers=headers)
    response.content_length = len(body)
    await response.prepare(request)
    size = max(1, -(-len(body) // _PIECES))
    for start in range(0, len(body), size):
        if start:
            await asyncio.sleep(fault.ms / 1000 / (_PIECES - 1))
        await response.write(body[start : start + size])
    return response


def _cut(request: web.BaseRequest) -> web.StreamResponse:
    """Reset the connection, so that the sender sees a failure and not an orderly end."""
    transport = request.transport
    if transport is not None:
        peer: Any = transport.get_extra_info("socket")
        if peer is not None:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response(status=500)
