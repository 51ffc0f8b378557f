"""A desk at which batches are concluded, one answer at a time."""

from __future__ import annotations

from typing import Any

from processor.delivery.batches import Batch
from processor.delivery.conclusion import Concluder, Conclusion
from processor.delivery.gate import Gate
from processor.delivery.guard import RejectionGuard
from processor.delivery.settings import DeliverySettings, GuardSettings, IsolationSettings
from processor.destinations.base import Backoff
from processor.model import Answer, Decision, Verdict
from tests.parcels import Maker

BACKOFF = Backoff(base_s=1.0, cap_s=100.0, jitter="up_to_20_percent")
REFUSED = Verdict(Decision.BISECT, reason="http_400")
REJECTED = Verdict(Decision.REJECTED, reason="http_400", message="no name")
RETRY = Verdict(Decision.RETRY, reason="http_500")
DELIVERED = Verdict(Decision.DELIVERED)
HELD = Verdict(Decision.HOLD, reason="http_401", message="status 401")
PLAIN = Verdict(Decision.RESEND_PLAIN, reason="http_415")


class Desk:
    """A concluder with its gate and guard, and a clock that the test turns."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - any settings of delivery
        """Begin at second zero."""
        values: dict[str, Any] = {
            "guard": GuardSettings(window_count=10, refused_count=3, min_users=2),
            "isolation": IsolationSettings(failure_count=2, give_up_s=100.0),
            "attempt_timeout_s": 10.0,
        } | settings
        self.settings = DeliverySettings(**values)
        self.gate = Gate(self.settings, BACKOFF)
        self.guard = RejectionGuard(self.settings.guard)
        self.concluder = Concluder(self.settings, BACKOFF, self.gate, self.guard, 0.0)
        self.now_s = 0.0
        self.maker = Maker()

    def say(self, batch: Batch, verdict: Verdict, status: int | None = 500, error: str = "") -> Conclusion:
        """Return the conclusion; what went in must come out again, once."""
        before = [id(parcel) for parcel in batch.unsettled()]
        done = self.concluder.conclude(batch, Answer(status, error=error), verdict, self.now_s, 0.0)
        after = [*done.delivered, *(one.parcel for one in done.rejected)]
        after += [parcel for one in done.again for parcel in one.unsettled()]
        after += batch.unsettled() if done.is_put_back else []
        assert sorted(before) == sorted(id(parcel) for parcel in after)
        return done

    def others_succeed(self) -> None:
        """Let another batch be delivered."""
        self.gate.succeeded(self.now_s)
