"""Requests to a vendor: one attempt in, one answer out, whatever happens on the way.

Requests go to httpx's transport interface directly, over httpx-aiohttp: httpx's types and exceptions without its
client, whose redirects, cookies and authentication are not wanted here and cost more than the request itself.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, cast

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from processor import __version__
from processor.delivery.http_body import AnswerBody, RequestBody
from processor.delivery.http_connections import Connections, proxy_of
from processor.delivery.http_errors import error_code, proxy_refusal, tls_reason
from processor.delivery.http_settings import HttpSettings
from processor.model import Answer

_LOGGER: Final = logging.getLogger(__name__)

_DEFAULT_HEADERS: Final = {
    "user-agent": f"segment-bridge/{__version__}",
    "accept": "*/*",
    "accept-encoding": "identity",
}
_CUT: Final = "too_large"
_SUCCESS: Final = range(200, 300)


class HttpClient:
    """Sends requests to one vendor. Belongs to one event loop."""

    def __init__(
        self, settings: HttpSettings, max_connections: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Prepare for at most `max_connections` requests at once; nothing is opened yet.

        Raises:
            ConfigError: a certificate or key file cannot be used.
        """
        self._settings = settings
        self._connections = Connections(settings, max_connections, clock)
        self._tls_trouble: str | None = None

    async def send(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        content: bytes,
        deadline_s: float,
        set_out: Callable[[], None] = lambda: None,
    ) -> Answer:
        """Return the answer to one request, or why there is none. Raises nothing but cancellation.

        `deadline_s` seconds are the budget of everything from the wait for a connection to the last byte of the answer.
        Redirects are answers like any other. A success whose body did not arrive whole within the budget is no answer,
        because what it would have said is unknown; any other status stands without its body.
        `set_out` is called before the first byte of the content is handed to a connection.
        """
        body = RequestBody(content, set_out)
        exchange = _Exchange(body)
        try:
            async with asyncio.timeout(deadline_s):
                with self._connections.transport() as transport:
                    # Made only now: taking a transport may have read the proxy's credentials again.
                    request = self._request(method, url, headers, body, deadline_s)
                    answer = await exchange.run(transport, request, self._settings.max_answer_bytes)
        except Exception as error:  # noqa: BLE001 - the edge where foreign exceptions become values
            self._tell_of_tls(error)
            return exchange.failed(error)
        self._tls_trouble = None
        return answer

    async def aclose(self) -> None:
        """Close every connection."""
        await self._connections.aclose()

    def _tell_of_tls(self, error: Exception) -> None:
        """Log why TLS fails, once until it changes: it seldom passes by itself, and its code does not say why."""
        if error_code(error) == "tls" and (trouble := tls_reason(error)) != self._tls_trouble:
            self._tls_trouble = trouble
            _LOGGER.warning("requests fail in TLS: %s", trouble)

    def _request(
        self, method: str, url: str, headers: dict[str, str], body: RequestBody, deadline_s: float
    ) -> httpx.Request:
        all_headers = httpx.Headers(_DEFAULT_HEADERS)
        all_headers.update(headers)
        timeouts = {"pool": min(self._settings.connect_timeout_s, deadline_s)}
        if body.size_bytes:
            all_headers["content-length"] = str(body.size_bytes)
        stream = body if body.size_bytes else None
        request = httpx.Request(method, url, headers=all_headers, stream=stream, extensions={"timeout": timeouts})
        proxy = proxy_of(self._settings)
        if proxy is not None and request.url.scheme == "http":
            # Without TLS there is no tunnel: the request itself goes to the proxy.
            request.headers.update(proxy.headers)
        return request


class _Exchange:
    """One attempt as far as it has come, so that a failure at any point knows what is certain."""

    def __init__(self, body: RequestBody) -> None:
        """Begin before the connection."""
        self._request_body = body
        self._response: httpx.Response | None = None
        self._headers: dict[str, str] = {}
        self._answer_body: AnswerBody | None = None

    async def run(self, transport: AiohttpTransport, request: httpx.Request, max_answer_bytes: int) -> Answer:
        """Return the answer; any exception leaves what had arrived until then."""
        response = await transport.handle_async_request(request)
        async with _opened(response) as stream:
            self._headers = dict(response.headers)
            self._answer_body = AnswerBody(self._headers, max_answer_bytes)
            self._response = response
            await self._answer_body.read(stream)
        return self._answer("")

    def failed(self, error: Exception) -> Answer:
        """Return what an exception leaves: the status where it stands without its body, else why there is no answer."""
        refusal = proxy_refusal(error)
        if refusal is not None:
            return Answer(refusal, sent=False)
        code = error_code(error)
        if code == "unexpected":
            _LOGGER.error("request failed in an unexpected way", exc_info=error)
        if self._response is not None and self._response.status_code not in _SUCCESS:
            return self._answer(code)
        body = self._request_body
        if code == "timeout" and body.size_bytes and not body.is_sent:
            code = "connect"
        return Answer(None, error=code, sent=body.is_sent)

    def _answer(self, note: str) -> Answer:
        """Return the answer whose headers have arrived; `note` says why its body is not whole."""
        assert self._response is not None
        assert self._answer_body is not None
        content, is_cut = self._answer_body.content()
        return Answer(self._response.status_code, self._headers, content, _CUT if is_cut else note)


@asynccontextmanager
async def _opened(response: httpx.Response) -> AsyncIterator[httpx.AsyncByteStream]:
    """Give the body of an answer; afterwards its connection is free when it was read to its end, else closed."""
    stream = cast(httpx.AsyncByteStream, response.stream)
    try:
        yield stream
    finally:
        # The answer is what was read: that the connection ends badly afterwards says nothing about it.
        with suppress(httpx.HTTPError, aiohttp.ClientError, OSError):
            await stream.aclose()
