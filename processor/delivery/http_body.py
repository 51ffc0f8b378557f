"""Bodies on their way: a request's, which knows whether it has set out, and an answer's, read up to a limit."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from typing import Final

import httpx

_WINDOW_BITS: Final = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}


class RequestBody(httpx.AsyncByteStream):
    """The bytes of a request body, given to the connection once.

    `is_sent` is false exactly as long as no byte of it has been handed to a connection: only then is it certain that
    the vendor has nothing of it. As a stream it also cannot be sent a second time behind our back.
    """

    def __init__(self, content: bytes, set_out: Callable[[], None]) -> None:
        """Hold the bytes; `set_out` is called before the first of them is handed over."""
        self._content = content
        self._set_out = set_out
        self.size_bytes = len(content)
        self.is_sent = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the whole body, which has set out from then on."""
        self.is_sent = True
        self._set_out()
        yield self._content


class AnswerBody:
    """The body of an answer as far as it has come, at most `limit_bytes` of it."""

    def __init__(self, headers: Mapping[str, str], limit_bytes: int) -> None:
        """Begin empty, for an answer with these headers."""
        self._coding = headers.get("content-encoding", "").strip().lower()
        self._limit_bytes = limit_bytes
        self._raw = bytearray()

    async def read(self, stream: AsyncIterable[bytes]) -> None:
        """Take in the stream until it ends or the limit is passed."""
        async for chunk in stream:
            self._raw += chunk
            if len(self._raw) > self._limit_bytes:
                return

    def content(self) -> tuple[bytes, bool]:
        """Return the body, decompressed and cut at the limit, and whether something was cut off."""
        decoded = self._decoded()
        return decoded[: self._limit_bytes], max(len(decoded), len(self._raw)) > self._limit_bytes

    def _decoded(self) -> bytes:
        """Return the body decompressed, to one byte past the limit; as it came when it is not what its header says."""
        bits = _WINDOW_BITS.get(self._coding)
        if bits is None:
            return bytes(self._raw)
        try:
            return zlib.decompressobj(bits).decompress(self._raw, self._limit_bytes + 1)
        except zlib.error:
            return bytes(self._raw)
