"""What a stand-in is: the routes of one vendor, and for each a check that accepts a request or refuses it.

A stand-in decides and does nothing else. The server around it reads bodies, applies faults, records and answers.
"""

from __future__ import annotations

import abc
import math
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from isal import isal_zlib
from msgspec import Raw, Struct

from processor.sandbox.rates import Rate

JSON_TYPE: Mapping[str, str] = {"Content-Type": "application/json"}
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


class Marks(Struct, gc=False, frozen=True):
    """The marks that test events carry in their properties or traits: read and recorded, never required.

    `seq` counts a user's events, so that order can be judged; `ledger_id` names the event alike at every vendor.
    """

    seq: Any = None
    ledger_id: Any = None
    segment_message_id: Any = None


NO_MARKS = Marks()


class Item(Struct, gc=False, frozen=True):
    """One thing that a request asks the vendor to take in.

    `id` is the event's `ledger_id` where it carries one, else the vendor's own id of it. `ignored` is the reason why
    the vendor answers "accepted" and drops it all the same.
    """

    call: str
    id: str | None = None
    user: str | None = None
    seq: int | None = None
    ignored: str = ""


class Accepted(Struct, gc=False):
    """A request that is taken in. `findings` are breaches of the contract that the vendor itself does not refuse.

    `store` puts the request into the vendor's state. It is called once, when no fault turned the request away and
    before it is recorded, and may add to `findings`; None where nothing is kept, as under light checks.
    """

    items: list[Item]
    body: bytes
    status: int = 200
    findings: Sequence[str] = ()
    store: Callable[[], None] | None = None


class Refused(Struct, gc=False):
    """A request of which nothing is taken in. `reason` is a short code for counting."""

    status: int
    reason: str
    body: bytes
    headers: Mapping[str, str] = {}


class Head(Struct, gc=False, frozen=True):
    """A request without its body. `headers` finds names whatever their case. `now_s` is wall time.

    `peer` is the caller's address, which a vendor may take for a user's; empty where it is not known.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    now_s: float
    peer: str = ""


Check = Callable[[Head, bytes], "Accepted | Refused"]


@dataclass(frozen=True, slots=True)
class Route:
    """One route: its name in records and faults, the largest body before compression, and the check."""

    endpoint: str
    max_body_bytes: int
    check: Check
    method: str = "POST"
    takes_gzip: bool = True
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What a vendor's own code wants to know about its route."""


class Vendor(abc.ABC):
    """One vendor's stand-in."""

    name: str
    rate: Rate | None = None
    """Of all requests together; None: no bound, or one for each route, which overrides `throttled`."""

    @abc.abstractmethod
    def route(self, path: str) -> Route | None:
        """Return the route at this path, None where the vendor has none."""

    @abc.abstractmethod
    def refuse(self, status: int, reason: str, message: str = "", *, error_type: str | None = None) -> Refused:
        """Return a refusal in the vendor's words; `error_type` is for a vendor that sorts its errors by a word."""

    @abc.abstractmethod
    def stranger(self, route: Route, head: Head) -> Refused | None:
        """Return the refusal of a request whose credentials are wrong; None when they are right."""

    def throttled(self, route: Route, head: Head) -> Refused | None:  # noqa: ARG002 - one rate for all routes
        """Return the refusal of a request above the vendor's rate; None when it is below. Counts the request."""
        if self.rate is None:
            return None
        if self.rate.left(head.now_s):
            self.rate.take(1, head.now_s)
            return None
        refused = self.refuse(429, "too_many_requests", "slow down")
        refused.headers = {"Retry-After": str(math.ceil(self.rate.wait_s(head.now_s)))}
        return refused

    @abc.abstractmethod
    def state(self, user: str | None) -> Iterable[dict[str, Any]]:
        """Yield what the vendor knows by now, an object for each user and whatever else it keeps by id.

        Each has `kind` and `id`, and may hold `msgspec.Raw` values: numbers as they were written. With `user` only
        what has this id. Nothing waits while it runs and nothing is taken in, so that it is one moment's state.
        """

    @property
    @abc.abstractmethod
    def state_is_complete(self) -> bool:
        """Return whether the state holds everybody, so that none had to be forgotten to stay within bounds."""

    def media(self, route: Route, head: Head) -> Refused | None:
        """Return the refusal of a request whose content type or encoding is not taken; None when it is."""
        kind = head.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            return self.refuse(415, "media_type", f"content type {kind!r} is not application/json")
        encoding = head.headers.get("Content-Encoding", "").lower()
        if encoding not in ({"", "identity", "gzip"} if route.takes_gzip else {"", "identity"}):
            return self.refuse(415, "content_encoding", f"content encoding {encoding!r} is not taken")
        return None

    def open_body(self, route: Route, head: Head, raw: bytes) -> bytes | Refused:
        """Return the body before compression, or the refusal of one that is broken or too large."""
        body = raw
        if head.headers.get("Content-Encoding", "").lower() == "gzip":
            try:
                body = _gunzip(raw, route.max_body_bytes)
            except ValueError as error:
                return self.refuse(400, "bad_gzip", str(error))
        if len(body) > route.max_body_bytes:
            return self.refuse(413, "request_too_large", f"more than {route.max_body_bytes} bytes")
        return body


def _gunzip(raw: bytes, limit: int) -> bytes:
    """Return the unpacked bytes, at most one more than `limit` of them.

    Raises:
        ValueError: When it is not gzip, or ends too early.
    """
    stream = isal_zlib.decompressobj(_GZIP_WINDOW)
    try:
        body: bytes = stream.decompress(raw, limit + 1)
    except isal_zlib.IsalError as error:  # type: ignore[misc] # its stub calls the class an instance
        raise ValueError(f"not gzip: {error}") from error
    if not stream.eof and len(body) <= limit:
        raise ValueError("gzip data ends too early")
    return body


def mark_text(value: Any) -> str | None:  # noqa: ANN401 - whatever the event carried
    """Return a mark as an id, None unless it is a non-empty text."""
    return value if isinstance(value, str) and value else None


def mark_number(value: Any) -> int | None:  # noqa: ANN401 - whatever the event carried
    """Return a mark as a count, None unless it is a whole number."""
    return value if type(value) is int else None


def largest(raws: Sequence[Raw]) -> int:
    """Return the size of the largest of these JSON texts, 0 when there are none."""
    return max((len(memoryview(raw)) for raw in raws), default=0)
