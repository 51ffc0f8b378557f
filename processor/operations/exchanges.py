"""Logs what goes to a vendor and what comes back, where a destination's `debug` asks for it.

Neither a key nor anything of an event that is sent is logged: of a request its address, size and the headers that tell
of its form. An answer is the vendor's own text; its beginning is logged, without keys that it may repeat.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Final

from processor.delivery.ports import Transport
from processor.model import Answer
from processor.operations.logs import BY_TEXT

MAX_BODY_BYTES: Final = 2048
"""So much of an answer is logged."""

_LOGGER = logging.getLogger(__name__)
_SHOWN_HEADERS: Final = ("Content-Type", "Content-Encoding", "User-Agent")
"""All others of a request may hold a key, however a vendor calls them."""


class LoggedTransport:
    """A transport that logs each request with its answer, at debug level, whatever level the log has otherwise."""

    def __init__(self, transport: Transport, mask: Callable[[str], str]) -> None:
        """Send by `transport`; `mask` takes keys out of a text."""
        self._transport = transport
        self._mask = mask
        _LOGGER.setLevel(logging.DEBUG)

    async def send(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        content: bytes,
        deadline_s: float,
        set_out: Callable[[], None],
    ) -> Answer:
        """Return the answer of the transport, after logging both."""
        sent = {name: headers[name] for name in _SHOWN_HEADERS if name in headers}
        began_s = time.monotonic()
        answer = await self._transport.send(method, url, headers, content, deadline_s, set_out)
        _LOGGER.debug(
            "%s %s with %d bytes and %s was answered after %.0f ms: %s",
            method,
            self._mask(url),
            len(content),
            sent,
            (time.monotonic() - began_s) * 1000,
            self._told(answer),
            extra=BY_TEXT,
        )
        return answer

    def _told(self, answer: Answer) -> str:
        """Return an answer as text."""
        if answer.status is None:
            return f"not at all ({answer.error})"
        body = self._mask(answer.body.decode("utf-8", "replace"))
        more = " …" if len(body) > MAX_BODY_BYTES else ""
        return f"{answer.status} {self._headers(answer.headers)} {body[:MAX_BODY_BYTES]!r}{more}"

    def _headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of an answer without keys."""
        return {name: self._mask(value) for name, value in headers.items() if name != "set-cookie"}
