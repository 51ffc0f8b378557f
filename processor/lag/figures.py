"""What two looks at a partition, and its process, come to: lag, rates, time to catch up, and what state that is.

A decider: values and times in, values out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from msgspec import Struct

from processor.delivery.gate import GateState
from processor.lag.groups import Group, Owner
from processor.lag.oldest import Oldest
from processor.lag.places import Place
from processor.source.founding import Step
from processor.source.partitions import Partition

BEHIND_S: Final = 60.0
"""Age of the oldest unfinished record, beyond its wait, from which a partition that moves is called behind."""
STALL_S: Final = 10.0
"""Age, beyond its wait, from which a record is not called young: while nothing is committed, it is stalled."""

OFFSETS_LOST: Final = "offsets lost"
EXPIRED: Final = "expired"
BEYOND_END: Final = "beyond end"
PAUSED: Final = "paused"
HELD: Final = "held"
CIRCUIT_OPEN: Final = "circuit open"
NOT_STARTED: Final = "not started"
NO_OWNER: Final = "no owner"
STALLED: Final = "stalled"
BEHIND: Final = "behind"
FLOWING: Final = "flowing"
IDLE: Final = "idle"
STATES: Final = (
    OFFSETS_LOST,
    EXPIRED,
    BEYOND_END,
    PAUSED,
    NO_OWNER,
    HELD,
    CIRCUIT_OPEN,
    NOT_STARTED,
    STALLED,
    BEHIND,
    FLOWING,
    IDLE,
)
"""All states, the worst first; a destination has the worst of its partitions."""
_SHOWN: Final = 3
"""Partitions that a sentence names."""


class Rest(NamedTuple):
    """Why a destination may commit nothing for a while, besides what its offsets tell.

    `is_paused`: an operator has paused or drained it. `wait_s`: how long a record may wait for its batch to fill, which
    is no standstill. `halted`: partitions whose process says that it is held or that its circuit is open, with the code
    of that.
    """

    is_paused: bool = False
    wait_s: float = 0.0
    halted: Mapping[Partition, str] = MappingProxyType({})


BUSY: Final = Rest()
"""No reason to stand still."""


class Row(Struct, frozen=True, kw_only=True):
    """One partition, or all of a destination together. What is not known is None.

    `lag` is in records as Kafka counts them: the end of the log minus the committed offset, or minus where the
    destination would begin. `time_lag_s` is the age of the oldest unfinished record, 0 where there is none. Rates are
    in records a second. `catch_up_s` is None also where it does not catch up at these rates. `expired` counts records
    that were deleted before they were read. `owner` is that of one partition. `reason` is the code that says why it is
    held; empty in other states.
    """

    topic: str = ""
    partition: int | None = None
    committed: int | None = None
    end: int | None = None
    lag: int | None = None
    time_lag_s: float | None = None
    rate_in: float | None = None
    rate_out: float | None = None
    catch_up_s: float | None = None
    state: str = IDLE
    expired: int = 0
    owner: Owner | None = None
    reason: str = ""


def row(
    place: Place,
    before: Place | None,
    elapsed_s: float,
    oldest: Oldest | None,
    group: Group,
    now_ms: int,
    rest: Rest = BUSY,
) -> Row:
    """Return the figures of one partition.

    Args:
        place: Where its group stands now.
        before: Where it stood at the look before, None where there was none.
        elapsed_s: Time between the two looks, in seconds.
        oldest: The oldest unfinished record; None where it is not known, or there is none to look for.
        group: The group and its members.
        now_ms: Now, in milliseconds since 1970.
        rest: Why the destination may stand still.
    """
    lag = _lag(place)
    age_s = _age_s(place, oldest, now_ms)
    rate_in, rate_out = _rates(place, before, elapsed_s)
    owner = group.owners.get(place.partition)
    topic, number = place.partition
    state = _stuck(place) or _state(place, group, age_s, rate_out, rest, is_owned=owner is not None)
    return Row(
        topic=topic,
        partition=number,
        committed=place.committed,
        end=place.end,
        lag=lag,
        time_lag_s=age_s,
        rate_in=rate_in,
        rate_out=rate_out,
        catch_up_s=catch_up_s(lag, rate_in, rate_out),
        state=state,
        expired=_expired(place),
        owner=owner,
        reason=rest.halted[place.partition] if state == HELD else "",
    )


def total(rows: Sequence[Row]) -> Row:
    """Return the figures of a destination: sums, the oldest record of all, the worst state.

    A sum is known only where each part is.
    """
    lag, rate_in, rate_out = (_sum(getattr(one, name) for one in rows) for name in ("lag", "rate_in", "rate_out"))
    ages = [one.time_lag_s for one in rows]
    worst = min(rows, key=lambda one: STATES.index(one.state), default=Row())
    return Row(
        lag=None if lag is None else int(lag),
        time_lag_s=None if None in ages else max((age for age in ages if age is not None), default=0.0),
        rate_in=rate_in,
        rate_out=rate_out,
        catch_up_s=catch_up_s(None if lag is None else int(lag), rate_in, rate_out),
        state=worst.state,
        expired=sum(one.expired for one in rows),
        reason=worst.reason,
    )


def catch_up_s(lag: int | None, rate_in: float | None, rate_out: float | None) -> float | None:
    """Return the seconds until nothing is left at these rates, None where that is not known or never."""
    if lag == 0:
        return 0.0
    if lag is None or rate_in is None or rate_out is None or rate_out <= rate_in:
        return None
    return lag / (rate_out - rate_in)


def above(rows: Collection[Row], whole: Row, max_lag: int | None, max_age_s: float | None) -> list[str]:
    """Return in which ways a destination is above bounds; what is not known counts as above."""
    said = []
    if max_lag is not None and (whole.lag is None or whole.lag > max_lag):
        said.append("its lag is not known" if whole.lag is None else f"lag {whole.lag} is above {max_lag}")
    if max_age_s is not None:
        late = [one for one in rows if one.time_lag_s is None or one.time_lag_s > max_age_s]
        if late:
            places = ", ".join(f"{one.topic}[{one.partition}]" for one in late[:_SHOWN])
            more = "" if len(late) <= _SHOWN else f" and {len(late) - _SHOWN} more"
            said.append(f"the oldest unfinished record is older than {max_age_s:g} s, or not known: {places}{more}")
    return said


def _lag(place: Place) -> int | None:
    """Return the records between a group and the end of a partition; None where it would not go on at all."""
    if place.position is None:
        return None
    counted = place.position if place.committed is None else place.committed
    return max(0, place.end - counted)


def _age_s(place: Place, oldest: Oldest | None, now_ms: int) -> float | None:
    """Return the age of the oldest unfinished record, 0 where nothing is unfinished, None where it is not known."""
    if place.position is None:
        return None
    if place.position >= place.end:
        return 0.0
    if oldest is None or (oldest.timestamp_ms is not None and oldest.timestamp_ms < 0):
        return None  # records of very old producers have no time
    return 0.0 if oldest.timestamp_ms is None else max(0.0, (now_ms - oldest.timestamp_ms) / 1000)


def _rates(place: Place, before: Place | None, elapsed_s: float) -> tuple[float | None, float | None]:
    """Return the records a second that come in and that are committed, None where two looks do not tell."""
    if before is None or elapsed_s <= 0 or before.topic_id != place.topic_id:
        return None, None
    rate_in = max(0, place.end - before.end) / elapsed_s
    if place.committed is None:
        return rate_in, 0.0
    if before.committed is None:
        return rate_in, None  # it has begun in between: from where is nobody's guess
    return rate_in, max(0, place.committed - before.committed) / elapsed_s


def _expired(place: Place) -> int:
    """Return how many records were deleted before they were read."""
    return 0 if place.committed is None else max(0, place.log_start - place.committed)


def _state(
    place: Place, group: Group, age_s: float | None, rate_out: float | None, rest: Rest, *, is_owned: bool
) -> str:
    """Return the state of one partition that can be read: the first of `STATES` that holds."""
    if rest.is_paused:
        return PAUSED
    if group.is_known and not is_owned:
        return NOT_STARTED if place.step is Step.FOUND and not group.member_count else NO_OWNER
    if place.partition in rest.halted:
        return CIRCUIT_OPEN if rest.halted[place.partition] == GateState.CIRCUIT_OPEN.value else HELD
    if place.step is Step.FOUND:
        return NOT_STARTED
    if age_s == 0.0:
        return IDLE
    return _pace(None if age_s is None else age_s - rest.wait_s, rate_out)


def _stuck(place: Place) -> str | None:
    """Return what keeps a destination from reading a partition as it should, None where nothing does."""
    if place.position is None:
        return OFFSETS_LOST
    if _expired(place):
        return EXPIRED
    return BEYOND_END if place.committed is not None and place.committed > place.end else None


def _pace(age_s: float | None, rate_out: float | None) -> str:
    """Return how it goes with unfinished records, by their age beyond the wait and by what was committed."""
    is_old = age_s is None or age_s >= BEHIND_S
    if rate_out == 0.0:
        return STALLED if age_s is None or age_s >= STALL_S else FLOWING
    return BEHIND if is_old else FLOWING


def _sum(parts: Iterable[float | None]) -> float | None:
    """Return a sum, None where a part is not known."""
    known = list(parts)
    return None if None in known else sum(part for part in known if part is not None)
