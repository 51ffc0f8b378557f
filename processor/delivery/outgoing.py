"""One attempt of a batch as it goes out: the body that its payloads make, compressed or not, and its headers."""

from __future__ import annotations

from typing import NamedTuple

from processor.delivery.batches import Batch
from processor.delivery.compress import gzip
from processor.destinations.base import Destination, Endpoint


class Outgoing(NamedTuple):
    """What is handed to the transport. `body_bytes` is the size of the body before compression."""

    headers: dict[str, str]
    content: bytes
    body_bytes: int
    is_compressed: bool


def outgoing(destination: Destination, endpoint: Endpoint, batch: Batch, now_ms: int, *, is_plain: bool) -> Outgoing:
    """Return the attempt of a batch at a time; `is_plain` forbids compression."""
    body = endpoint.envelope.join([parcel.payload.body for parcel in batch.parcels], now_ms)
    headers = destination.headers(endpoint, body, now_ms)
    if is_plain or not endpoint.gzip:
        return Outgoing(headers, body, len(body), is_compressed=False)
    headers["Content-Encoding"] = "gzip"
    return Outgoing(headers, gzip(body), len(body), is_compressed=True)
