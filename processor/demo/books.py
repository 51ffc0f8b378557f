"""Adding up: what was produced against what became of it, from three sources that do not know each other.

The bridge counts records by outcome and payloads by endpoint. The vendors' stand-ins count the items that they
accepted. The topic of dead letters has a length. A record is lost when the bridge cannot say what became of it, or
when it says so and the vendor or the topic does not bear it out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from processor.operations.status import StatusReport, total_lag


@dataclass(frozen=True, slots=True)
class Reading:
    """What one destination says right now; nothing before its first report."""

    consumed: int = 0
    in_flight: int = 0
    delivered: int = 0
    skipped: int = 0
    dead_lettered: int = 0
    released: int = 0
    payloads_delivered: int = 0
    lag: int | None = None
    state: str = "starting"
    reason: str = ""

    @property
    def ended(self) -> int:
        """Return how many records have ended for good."""
        return self.delivered + self.skipped + self.dead_lettered

    def is_done(self, produced: int) -> bool:
        """Return whether all that was produced has ended and is committed."""
        return self.ended >= produced and self.in_flight == 0 and self.lag == 0


def reading(report: StatusReport) -> Reading:
    """Return the counts of a report."""
    tally = report.get("tally")
    state, reason = report.get("state", "starting"), report.get("reason", "")
    if tally is None:
        return Reading(state=state, reason=reason)
    records = tally["records"]
    return Reading(
        consumed=records["consumed"],
        in_flight=records["in_flight"],
        delivered=sum(records["delivered"].values()),
        skipped=sum(records["skipped"].values()),
        dead_lettered=sum(records["dead_lettered"].values()),
        released=sum(records["released"].values()),
        payloads_delivered=sum(outcomes.get("delivered", 0) for outcomes in tally["payloads"].values()),
        lag=total_lag(report),
        state=state,
        reason=reason,
    )


@dataclass(frozen=True, slots=True)
class Account:
    """One destination at the end of the demo."""

    destination: str
    produced: int
    reading: Reading
    accepted_items: int
    """Different items that the stand-in took in, by its own count; an item that came twice counts once."""
    repeated_items: int
    """Items that the stand-in took in once more: the price of not losing any when an answer was lost."""
    expected: Mapping[str, int]
    """Records by outcome as the maker of the events knows them."""

    @property
    def unaccounted(self) -> int:
        """Return how many records the bridge cannot say the end of."""
        return max(0, self.produced - self.reading.ended)

    @property
    def unproven(self) -> int:
        """Return how many payloads the bridge calls delivered beyond what the vendor has."""
        return max(0, self.reading.payloads_delivered - self.accepted_items)

    @property
    def unexpected(self) -> int:
        """Return how many records ended otherwise than their maker expected."""
        actual = {
            "delivered": self.reading.delivered,
            "skipped": self.reading.skipped,
            "dead_lettered": self.reading.dead_lettered,
        }
        differences = [abs(count - self.expected.get(outcome, 0)) for outcome, count in actual.items()]
        return max(differences)


@dataclass(frozen=True, slots=True)
class Books:
    """All destinations at the end, and the topic of dead letters."""

    accounts: tuple[Account, ...]
    dead_letters: int
    """Length of the topic of dead letters, which the destinations share."""

    @property
    def lost(self) -> int:
        """Return how many records are lost: those unaccounted for, unproven, or missing in the dead-letter topic."""
        written = sum(account.reading.dead_lettered for account in self.accounts)
        unwritten = max(0, written - self.dead_letters)
        return unwritten + sum(account.unaccounted + account.unproven for account in self.accounts)

    @property
    def unexpected(self) -> int:
        """Return how many records ended otherwise than their maker expected, over all destinations."""
        return sum(account.unexpected for account in self.accounts)
