"""Compression of request bodies."""

from __future__ import annotations

import gzip as standard

from processor.delivery.compress import gzip


def test_the_standard_library_reads_what_was_compressed() -> None:
    """The result is gzip, and smaller for a body that repeats itself."""
    body = b'{"event":"Order Completed"}' * 100
    assert standard.decompress(gzip(body)) == body
    assert len(gzip(body)) * 5 < len(body)


def test_equal_bodies_compress_to_equal_bytes() -> None:
    """No time stands in the header: a repeat of a request is the same bytes."""
    assert gzip(b"[]") == gzip(b"[]")
    assert gzip(b"[]")[4:8] == bytes(4)
