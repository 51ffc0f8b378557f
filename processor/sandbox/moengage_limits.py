"""How much MoEngage takes: of a workspace in a minute, which it says, and of one user, which it does not say.

Decides only: time is passed in. Source: MoEngage's rate limits, Data API overview and fair usage policy, as of 2026.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from msgspec import Struct

from processor.sandbox.moengage_settings import MoEngageFairUse, MoEngageRates
from processor.sandbox.rates import Rate

_MINUTE_S, _HOUR_S, _DAY_S, _WEEK_S = 60.0, 3_600.0, 86_400.0, 604_800.0
_BREACHES_IN_A_ROW = 3
_KNOWN_USERS = 1_000_000


class Exceeded(Struct, frozen=True):
    """A rate that is used up: how much it allows, how much is left, and in how many seconds it starts anew."""

    most: int
    left: int
    wait_s: float

    def headers(self, now_s: float, form: str) -> Mapping[str, str]:
        """Return what the vendor sends beside its 429."""
        seconds = math.ceil(self.wait_s)
        reset = math.ceil(now_s) + seconds if form == "epoch" else seconds
        return {
            "x-ratelimit-limit": str(self.most),
            "x-ratelimit-remaining": str(self.left),
            "x-ratelimit-reset": str(reset),
        }


class Quotas:
    """The rates of a workspace, by what they count; none where no rates are kept."""

    def __init__(self, rates: MoEngageRates | None) -> None:
        """Start with everything left."""
        self._rates: dict[str, Rate] = {}
        if rates is not None:
            self._rates = {
                "customer": Rate(rates.users_per_minute, _MINUTE_S),
                "event": Rate(rates.events_per_minute, _MINUTE_S),
                "device": Rate(rates.devices_per_minute, _MINUTE_S),
                "one customer": Rate(rates.single_users_per_minute, _MINUTE_S),
                "one event": Rate(rates.single_events_per_minute, _MINUTE_S),
                "merge": Rate(rates.merges_per_minute, _MINUTE_S),
                "delete": Rate(rates.deletions_per_minute, _MINUTE_S),
                "segment": Rate(rates.segment_requests_per_second),
            }

    def take(self, counts: Mapping[str, int], now_s: float) -> Exceeded | None:
        """Count these if all of them fit; else count none and return the rate that is used up."""
        asked = [(self._rates[name], count) for name, count in counts.items() if count and name in self._rates]
        for rate, count in asked:
            left = rate.left(now_s)
            if count > left:
                return Exceeded(rate.most, left, rate.wait_s(now_s))
        for rate, count in asked:
            rate.take(count, now_s)
        return None


class UseOfUser(Struct):
    """How much of one user came, and until when the user is blocked."""

    starts_s: list[float]
    counts: list[int]
    blocked_until_s: float = 0.0
    breach_count: int = 0


class FairUse:
    """The guard over each user's data. A breach blocks; what comes while blocked is dropped and not counted."""

    def __init__(self, policy: MoEngageFairUse | None) -> None:
        """Start with nobody blocked."""
        bounds = (
            []
            if policy is None
            else [
                (_MINUTE_S, policy.per_minute, _HOUR_S),
                (5 * _MINUTE_S, policy.per_five_minutes, _HOUR_S),
                (_HOUR_S, policy.per_hour, _DAY_S),
                (_DAY_S, policy.per_day, _DAY_S),
            ]
        )
        self._bounds = bounds
        self._users: dict[str, UseOfUser] = {}

    def is_blocked(self, user: str, now_s: float) -> bool:
        """Count one more item of this user, and return whether it is dropped.

        The item that breaches a bound is dropped already. Breaches are in a row when the next one comes within a day
        after the block has ended.
        """
        if not self._bounds:
            return False
        use = self._users.get(user)
        if use is None:
            self._make_room()
            use = self._users[user] = UseOfUser([now_s] * len(self._bounds), [0] * len(self._bounds))
        if now_s < use.blocked_until_s:
            return True
        for index, (window_s, most, block_s) in enumerate(self._bounds):
            if now_s - use.starts_s[index] >= window_s:
                use.starts_s[index], use.counts[index] = now_s, 0
            use.counts[index] += 1
            if use.counts[index] > most:
                self._block(use, block_s, now_s)
                return True
        return False

    def _make_room(self) -> None:
        """Forget the user who was met first, so that memory is bounded; a run of so many users proves other things."""
        if len(self._users) >= _KNOWN_USERS:
            del self._users[next(iter(self._users))]

    def _block(self, use: UseOfUser, block_s: float, now_s: float) -> None:
        in_a_row = use.breach_count and now_s < use.blocked_until_s + _DAY_S
        use.breach_count = use.breach_count + 1 if in_a_row else 1
        use.blocked_until_s = now_s + (_WEEK_S if use.breach_count >= _BREACHES_IN_A_ROW else block_s)
