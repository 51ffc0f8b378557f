"""Rate limits and a process's share of them."""

from __future__ import annotations

import pytest

from processor.delivery.rate import SECOND_S, Limiter, RequestBucket, TokenBucket, share
from processor.delivery.settings import RateLimit
from processor.destinations.base import REQUESTS, requests_to
from processor.model import Payload
from tests.parcels import Maker


@pytest.mark.parametrize(("assigned", "known", "part"), [(3, 12, 0.25), (3, 2, 1.0), (0, 12, 0.0), (0, 0, 0.0)])
def test_a_share_is_assigned_by_known_partitions(assigned: int, known: int, part: float) -> None:
    """The denominator is never below what is assigned, and nothing assigned is no share."""
    assert share(assigned, known) == part


def test_one_a_second_is_one_a_second() -> None:
    """After one unit the next must wait a whole second, not until a fraction of it is there."""
    bucket = TokenBucket(1.0, 0.0)
    assert bucket.wait_s(0.0) == 0.0
    bucket.take(1, 0.0)
    assert [bucket.wait_s(at_s) for at_s in (0.0, 0.25, 1.0)] == [1.0, 0.75, 0.0]


def test_what_is_saved_up_is_a_second_at_most() -> None:
    """A long pause allows one second's worth at once."""
    bucket = TokenBucket(10.0, 0.0)
    bucket.take(10, 0.0)
    bucket.take(10, 500.0)
    assert bucket.wait_s(500.0) == pytest.approx(0.1)


def test_a_whole_batch_is_taken_and_paid_for_afterwards() -> None:
    """A batch beyond what is there goes whole; the next one waits for the debt."""
    bucket = TokenBucket(10.0, 0.0)
    bucket.take(50, 0.0)
    assert bucket.wait_s(0.0) == pytest.approx(4.1)


def test_a_smaller_share_takes_effect_at_once() -> None:
    """Fewer partitions shrink rate and savings; none at all looks again in a second."""
    bucket = TokenBucket(100.0, 0.0)
    bucket.set_share(0.1, 0.0)
    bucket.take(10, 0.0)
    assert bucket.wait_s(0.0) == pytest.approx(0.1)
    bucket.set_share(0.0, 0.0)
    assert bucket.wait_s(0.0) == 1.0


def _payload(kind: str) -> Payload:
    """Return a payload that counts towards a vendor's limit."""
    return Payload("act", "actions", b"{}", ("u",), rate=kind)


def test_a_limiter_waits_for_the_slowest_limit() -> None:
    """Requests, payloads and each of the vendor's own limits are counted apart; the longest wait holds."""
    limiter = Limiter(RateLimit(requests_per_second=10, payloads_per_second=4), {"users": 2.0, "events": 100.0}, 0.0)
    maker = Maker()
    parcels = [maker.parcel("u") for _ in range(4)]
    for parcel, kind in zip(parcels, ("users", "users", "events", ""), strict=True):
        parcel.payload = _payload(kind)
    limiter.take(parcels[2:], 0.0)
    assert limiter.wait_s(0.0) == 0.0
    limiter.take(parcels[:2], 0.0)
    assert limiter.wait_s(0.0) == pytest.approx(0.5)
    limiter.set_share(1, 4, 0.0)
    assert limiter.wait_s(0.0) == pytest.approx(2.0)


def test_without_limits_nothing_waits() -> None:
    """A limiter with nothing set and nothing of the vendor's never waits."""
    limiter = Limiter(RateLimit(), {}, 0.0)
    limiter.take([Maker().parcel("u")] * 1000, 0.0)
    limiter.set_share(0, 0, 0.0)
    assert limiter.wait_s(0.0) == 0.0


def test_a_single_limit_of_requests_counts_requests() -> None:
    """Without a limit of payloads the size of a request does not matter."""
    limiter = Limiter(RateLimit(requests_per_second=1), {}, 0.0)
    limiter.take([Maker().parcel("u")] * 500, 0.0)
    assert limiter.wait_s(0.0) == SECOND_S


def test_a_vendor_may_limit_requests_too() -> None:
    """All requests count towards one of the vendor's limits, those to an endpoint towards its own."""
    limits = {REQUESTS: 4.0, requests_to("merge"): 1.0}
    limiter, maker = Limiter(RateLimit(), limits, 0.0), Maker()
    limiter.take([maker.parcel("u") for _ in range(500)], 0.0)
    assert limiter.wait_s(0.0) == 0.0
    limiter.take([maker.parcel("u", endpoint="merge")], 0.0)
    assert (limiter.wait_s(0.0), limiter.route_waits(0.0)) == (0.0, {"merge": SECOND_S})
    limiter.set_share(1, 4, 0.0)
    assert limiter.route_waits(0.0) == {"merge": 4.0}
    limiter.set_share(1, 1, 0.0)
    assert limiter.route_waits(SECOND_S) == {}
    for _ in range(4):
        limiter.take([maker.parcel("u")], SECOND_S)
    assert limiter.wait_s(SECOND_S) == pytest.approx(SECOND_S)


def test_no_second_takes_more_requests_than_the_rate() -> None:
    """What was saved up in a pause does not double a second: the vendor counts by the second."""
    bucket, now_s = RequestBucket(10.0, 0.0), 5.0
    starts: list[float] = []
    while len(starts) < 40:
        now_s += bucket.wait_s(now_s)
        bucket.take(1, now_s)
        starts.append(now_s)
        now_s += 0.03
    assert all(later - first >= SECOND_S - 1e-9 for first, later in zip(starts, starts[10:], strict=False))
    assert starts[-1] - starts[0] < 4.0


def test_a_smaller_share_of_requests_looks_at_the_latest() -> None:
    """A share that shrinks holds for the second that is under way."""
    bucket = RequestBucket(10.0, 0.0)
    for at in range(10):
        bucket.take(1, at / 10)
    assert bucket.wait_s(0.95) == pytest.approx(SECOND_S - 0.95)
    bucket.set_share(0.5, 0.95)
    assert bucket.wait_s(1.0) == pytest.approx(SECOND_S - 0.5)


def test_a_new_rate_takes_effect_at_once() -> None:
    """A debt is kept, and paid off at the new rate; what was saved up shrinks with it."""
    bucket = TokenBucket(10.0, 0.0)
    bucket.take(30, 0.0)
    bucket.set_rate(100.0, 0.0)
    assert bucket.wait_s(0.0) == pytest.approx(0.21)
    bucket.set_rate(2.0, 10.0)
    bucket.take(2, 10.0)
    assert bucket.wait_s(10.0) == pytest.approx(0.5)


def test_limits_come_change_and_go() -> None:
    """A limit that is new holds for this process's share, one that stays remembers what was taken, the rest is gone."""
    limiter = Limiter(RateLimit(requests_per_second=1), {"users": 10.0}, 0.0)
    limiter.set_share(1, 2, 0.0)
    parcels = [Maker().parcel("u")]
    limiter.take(parcels, 0.0)
    limiter.set_rates(RateLimit(requests_per_second=2, payloads_per_second=4), {}, 0.0)
    assert limiter.wait_s(0.0) == pytest.approx(SECOND_S)
    limiter.set_rates(RateLimit(payloads_per_second=4), {}, 0.0)
    assert limiter.wait_s(0.0) == 0.0
    limiter.take(parcels * 4, 0.0)
    assert limiter.wait_s(0.0) == pytest.approx(1.5)
