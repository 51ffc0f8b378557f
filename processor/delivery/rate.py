"""Token buckets whose rate is this process's share of a limit for the whole group."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence

from processor.delivery.parcel import Parcel
from processor.delivery.settings import RateLimit
from processor.destinations.base import REQUESTS, requests_to, route_of


def share(assigned_count: int, known_count: int) -> float:
    """Return the part of a group-wide limit for a process with `assigned_count` of `known_count` partitions.

    The greater of the two counts is the denominator: right after a topic grew the known count may lag behind.
    """
    return assigned_count / max(known_count, assigned_count) if assigned_count > 0 else 0.0


_WHOLE = 1 - 1e-9
"""A whole unit, but for what sums of floats lose."""


class TokenBucket:
    """At most `per_second * share` units a second, with bursts of at most one second's worth (at least one unit).

    A batch of several units is taken whole: over any time, what is taken exceeds rate times time plus burst by less
    than the last batch, and the next one waits for that.
    """

    def __init__(self, per_second: float, now_s: float) -> None:
        """Start full, with the whole rate."""
        self._per_second = per_second
        self._share = 1.0
        self._tokens = self._burst
        self._at_s = now_s

    @property
    def _rate(self) -> float:
        """Return the units a second of this process."""
        return self._per_second * self._share

    @property
    def _burst(self) -> float:
        """Return the most units that can be saved up."""
        return max(self._rate, 1.0)

    def set_rate(self, per_second: float, now_s: float) -> None:
        """Change the rate of the whole group from `now_s` on; a debt of units that were taken stays."""
        self._refill(now_s)
        self._per_second = per_second
        self._tokens = min(self._tokens, self._burst)

    def set_share(self, part: float, now_s: float) -> None:
        """Change this process's part of the rate from `now_s` on."""
        self._refill(now_s)
        self._share = part
        self._tokens = min(self._tokens, self._burst)

    def wait_s(self, now_s: float) -> float:
        """Return the seconds until something may be taken: zero while a whole unit is there."""
        self._refill(now_s)
        if self._tokens >= _WHOLE:
            return 0.0
        # A process without partitions has nothing to send; the share comes back with an assignment.
        return (1 - self._tokens) / self._rate if self._rate > 0 else 1.0

    def take(self, units: float, now_s: float) -> None:
        """Take units, also more than there are: the debt delays the next request, so that batches stay whole."""
        self._refill(now_s)
        self._tokens -= units

    def _refill(self, now_s: float) -> None:
        """Add what has flowed in since the last look."""
        self._tokens = min(self._tokens + (now_s - self._at_s) * self._rate, self._burst)
        self._at_s = now_s


SECOND_S = 1.02
"""A vendor's second at our end, in seconds: of two requests the first may travel longer, and arrive in the next."""


class RequestBucket(TokenBucket):
    """A bucket of requests of which no second takes more than the rate: some vendors count by the second.

    What is saved up still makes up for seconds that took less than they might.
    """

    def __init__(self, per_second: float, now_s: float) -> None:
        """Start full, with the whole rate."""
        super().__init__(per_second, now_s)
        self._starts: deque[float] = deque()

    @property
    def _most(self) -> int:
        """Return how many requests may start within a second."""
        return int(self._burst)

    def wait_s(self, now_s: float) -> float:
        """Return the seconds until a request may start: zero while both the bucket and the last second allow it."""
        wait_s = super().wait_s(now_s)
        if len(self._starts) < self._most:
            return wait_s
        return max(wait_s, self._starts[-self._most] + SECOND_S - now_s)

    def take(self, units: float, now_s: float) -> None:
        """Count requests that start now, of which only the latest second's worth is remembered."""
        super().take(units, now_s)
        self._starts.extend([now_s] * int(units))
        while len(self._starts) > self._most:
            self._starts.popleft()


class Limiter:
    """All rate limits of a destination: requests, payloads, and the vendor's own limits (`Destination.rate_limits`)."""

    def __init__(self, settings: RateLimit, vendor_limits: Mapping[str, float], now_s: float) -> None:
        """Start with the whole rates; those that are not set limit nothing."""
        self._part = 1.0
        self._requests: TokenBucket | None = None
        self._payloads: TokenBucket | None = None
        self._kinds: dict[str, TokenBucket] = {}
        self.set_rates(settings, vendor_limits, now_s)

    def set_rates(self, settings: RateLimit, vendor_limits: Mapping[str, float], now_s: float) -> None:
        """Change the rates from `now_s` on. What was taken of a limit that stays still counts."""
        self._requests = self._bucket(self._requests, settings.requests_per_second, now_s, RequestBucket)
        self._payloads = self._bucket(self._payloads, settings.payloads_per_second, now_s)
        buckets = {
            kind: self._bucket(
                self._kinds.get(kind), rate, now_s, RequestBucket if _is_of_requests(kind) else TokenBucket
            )
            for kind, rate in vendor_limits.items()
        }
        self._kinds = {kind: bucket for kind, bucket in buckets.items() if bucket is not None}
        self._routes = {route: bucket for kind, bucket in self._kinds.items() if (route := route_of(kind)) is not None}
        shared = [bucket for kind, bucket in self._kinds.items() if route_of(kind) is None]
        self._shared = [one for one in (self._requests, self._payloads) if one is not None] + shared

    def _bucket(
        self,
        old: TokenBucket | None,
        per_second: float | None,
        now_s: float,
        make: type[TokenBucket] = TokenBucket,
    ) -> TokenBucket | None:
        """Return the bucket of a limit, if there is one: the old one with its new rate, or one that is full."""
        if per_second is None:
            return None
        if old is None:
            bucket = make(per_second, now_s)
            bucket.set_share(self._part, now_s)
            return bucket
        old.set_rate(per_second, now_s)
        return old

    def set_share(self, assigned_count: int, known_count: int, now_s: float) -> None:
        """Take this process's part of every limit."""
        self._part = share(assigned_count, known_count)
        for bucket in (*self._shared, *self._routes.values()):
            bucket.set_share(self._part, now_s)

    def wait_s(self, now_s: float) -> float:
        """Return the seconds until any request may start: zero when no limit is exceeded that all of them share."""
        return max((bucket.wait_s(now_s) for bucket in self._shared), default=0.0)

    def route_waits(self, now_s: float) -> dict[str, float]:
        """Return the endpoints whose own limit of requests is exceeded, each with the seconds until it is not."""
        waits = {route: bucket.wait_s(now_s) for route, bucket in self._routes.items()}
        return {route: wait_s for route, wait_s in waits.items() if wait_s > 0}

    def take(self, parcels: Sequence[Parcel], now_s: float) -> None:
        """Count a request with these parcels, of which there is at least one."""
        if self._requests is not None:
            self._requests.take(1, now_s)
        if self._payloads is not None:
            self._payloads.take(len(parcels), now_s)
        if self._kinds:
            counts = Counter(parcel.payload.rate for parcel in parcels)
            counts[REQUESTS] = counts[requests_to(parcels[0].payload.endpoint)] = 1
            for kind, count in counts.items():
                if kind in self._kinds:
                    self._kinds[kind].take(count, now_s)


def _is_of_requests(kind: str) -> bool:
    """Return whether one of a vendor's limits counts requests, all of them or those to one endpoint."""
    return kind == REQUESTS or kind.startswith(requests_to(""))
