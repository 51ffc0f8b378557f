"""Sets of digests that cost little more than their own bytes, for windows of hundreds of thousands of ids."""

from __future__ import annotations

import secrets
from collections import deque
from hashlib import blake2b
from typing import Final

DIGEST_BYTES: Final = 16
"""Of a million ids two have the same digest with a probability of 1 in 10^26: then one event would be lost."""

_SALT: Final = secrets.token_bytes(blake2b.SALT_SIZE)
"""Whoever writes events must not be able to choose ids that all come to one bucket."""
_BUCKET_COUNT: Final = 1 << 14
_BUCKET_MASK: Final = _BUCKET_COUNT - 1
_EMPTY: Final = b""


def digest_of(text: str) -> bytes:
    """Return the digest of a text, the same for the life of this process."""
    return blake2b(text.encode(errors="surrogatepass"), digest_size=DIGEST_BYTES, salt=_SALT).digest()


class DigestSet:
    """Digests, each at most once: buckets of digests that stand one behind the other.

    Looking for one is a search in some hundred bytes, a thousand where there are a million digests. That it is found
    across two others is as unlikely as that two texts have the same digest.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.clear()

    def __len__(self) -> int:
        """Return how many there are."""
        return self._count

    def __contains__(self, digest: bytes) -> bool:
        """Return whether a digest is there."""
        bucket = self._buckets[(digest[0] << 8 | digest[1]) & _BUCKET_MASK]
        return bucket.find(digest) >= 0  # `in` takes twice as long

    def add(self, digest: bytes) -> bool:
        """Add a digest; return whether it was not there yet."""
        at = (digest[0] << 8 | digest[1]) & _BUCKET_MASK
        bucket = self._buckets[at]
        if bucket.find(digest) >= 0:
            return False
        self._buckets[at] = bucket + digest
        self._count += 1
        return True

    def clear(self) -> None:
        """Take out all of them, at once."""
        self._buckets = [_EMPTY] * _BUCKET_COUNT
        self._count = 0

    def remove(self, digest: bytes) -> None:
        """Take out a digest that is there."""
        at = (digest[0] << 8 | digest[1]) & _BUCKET_MASK
        before, _, behind = self._buckets[at].partition(digest)
        self._buckets[at] = before + behind
        self._count -= 1


class DigestQueue:
    """Digests in the order in which they came, each with its time; the oldest leave first."""

    __slots__ = ("_bytes", "_times")

    def __init__(self) -> None:
        """Start empty."""
        self._bytes = bytearray()
        self._times: deque[list[float]] = deque()
        """Times, each with how many came then."""

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._bytes) // DIGEST_BYTES

    @property
    def oldest_s(self) -> float:
        """Return the time of the oldest, of which there must be one."""
        return self._times[0][0]

    @property
    def newest_s(self) -> float:
        """Return the time of the newest, of which there must be one."""
        return self._times[-1][0]

    def append(self, digest: bytes, at_s: float) -> None:
        """Add a digest that came at a time, no earlier one than before."""
        self._bytes += digest
        if self._times and self._times[-1][0] == at_s:
            self._times[-1][1] += 1
        else:
            self._times.append([at_s, 1])

    def popleft(self) -> bytes:
        """Take out the oldest, of which there must be one."""
        digest = bytes(self._bytes[:DIGEST_BYTES])
        del self._bytes[:DIGEST_BYTES]
        self._times[0][1] -= 1
        if not self._times[0][1]:
            self._times.popleft()
        return digest
