"""The stand-ins' own routes, below `/_sandbox/`: faults, records, counts, state and reset, while they run."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from aiohttp import web
from pydantic import ValidationError

from processor.sandbox.faults import FAULTS
from processor.sandbox.ledger import Line
from processor.sandbox.server import ADMIN, StandInServer
from processor.sandbox.vendor import JSON_TYPE

_MAX_RECORDS = 10_000
_JSON_LINES = {"Content-Type": "application/x-ndjson"}


class AdminRoutes:
    """Answers the requests of a test or of a person at the keyboard."""

    def __init__(self, server: StandInServer) -> None:
        """Serve the faults and the record of `server`."""
        self._server = server
        self._routes: Mapping[tuple[str, str], Callable[[web.BaseRequest], Awaitable[web.Response]]] = {
            ("GET", "faults"): self._faults,
            ("PUT", "faults"): self._put_faults,
            ("DELETE", "faults"): self._delete_faults,
            ("GET", "records"): self._records,
            ("GET", "counts"): self._counts,
            ("GET", "state"): self._state,
            ("POST", "reset"): self._reset,
        }

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request below `/_sandbox/`."""
        name = request.path.removeprefix(ADMIN)
        found = self._routes.get((request.method, name))
        if found is not None:
            return await found(request)
        known = any(name == path for _, path in self._routes)
        return _json({"error": "method" if known else "no such route"}, 405 if known else 404)

    async def _faults(self, request: web.BaseRequest) -> web.Response:  # noqa: ARG002 - asks for nothing
        table = self._server.faults
        rows = [
            {**row, "hit_count": hits}
            for row, hits in zip(FAULTS.dump_python(table.faults, mode="json"), table.hit_counts(), strict=True)
        ]
        return _json({"faults": rows, "happened": table.happened})

    async def _put_faults(self, request: web.BaseRequest) -> web.Response:
        try:
            faults = FAULTS.validate_json(await request.read())
        except ValidationError as error:
            return _json({"error": "faults", "problems": error.errors(include_url=False, include_context=False)}, 400)
        self._server.faults.replace(faults, time.monotonic())
        return await self._faults(request)

    async def _delete_faults(self, request: web.BaseRequest) -> web.Response:
        self._server.faults.replace((), time.monotonic())
        return await self._faults(request)

    async def _records(self, request: web.BaseRequest) -> web.Response:
        """Answer with JSON lines: those after `?after=ORDER`, of `?vendor=` and `?result=`, at most `?limit=`."""
        query = request.query
        try:
            after, limit = int(query.get("after", "0")), int(query.get("limit", str(_MAX_RECORDS)))
        except ValueError:
            return _json({"error": "after and limit are whole numbers"}, 400)
        lines: list[Line] = [
            line
            for line in self._server.ledger.lines(query.get("vendor"), after=after)
            if query.get("result") in (None, line.result)
        ]
        body = msgspec.json.Encoder().encode_lines(lines[: max(0, min(limit, _MAX_RECORDS))])
        return web.Response(body=body, headers=_JSON_LINES)

    async def _counts(self, request: web.BaseRequest) -> web.Response:  # noqa: ARG002 - asks for nothing
        return _json({**self._server.counts(), "faults": self._server.faults.happened})

    async def _state(self, request: web.BaseRequest) -> web.Response:
        """Answer with JSON lines: what `?vendor=` knows of everybody, or of `?user=` alone; 404 if of nobody."""
        query = request.query
        body = self._server.state(query.get("vendor", ""), query.get("user"))
        if body is None:
            return _json({"error": "vendor is the name of one"}, 400)
        if not body and "user" in query:
            return _json({"error": "no such user"}, 404)
        return web.Response(body=body, headers=_JSON_LINES)

    async def _reset(self, request: web.BaseRequest) -> web.Response:  # noqa: ARG002 - asks for nothing
        """Forget the record, the counts, the state and the faults."""
        self._server.reset()
        return _json({})


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(value), headers=JSON_TYPE)
