"""Lag as people read it, in a table, and as programs do, in JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from processor.lag.figures import Row
from processor.lag.reading import DestinationLag, Lag

UNKNOWN: Final = "unknown"
NEVER: Final = "never"
_HEAD: Final = (
    "destination",
    "partition",
    "committed",
    "end",
    "lag",
    "time lag",
    "in/s",
    "out/s",
    "catch up",
    "state",
    "last delivery",
    "owner",
)
_RIGHT: Final = frozenset({"committed", "end", "lag", "time lag", "in/s", "out/s", "catch up"})
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400
_ALL: Final = "all"


def as_json(lag: Lag) -> dict[str, Any]:
    """Return a look as a JSON object; what is not known is null."""
    return {
        "at_ms": lag.at_ms,
        "interval_s": round(lag.elapsed_s, 3),
        "missing_topics": list(lag.missing),
        "untold": list(lag.untold),
        "destinations": {
            name: {
                "group": own.group.group_id,
                "group_state": own.group.state or None,
                "member_count": own.group.member_count if own.group.is_known else None,
                "last_delivery_ms": own.last_delivery_ms,
                "paused_by": own.paused_by,
                **_figures(own.whole),
                "partitions": [
                    {"topic": one.topic, "partition": one.partition, **_offsets(one), **_figures(one), **_owner(one)}
                    for one in own.rows
                ],
            }
            for name, own in lag.destinations.items()
        },
    }


def table_lines(lag: Lag, *, most: int | None = None) -> list[str]:
    """Return a look as lines of a table: each destination as a whole, then its partitions.

    With `most`, lines of partitions are left out, those with the least to say first, and their number is told.
    """
    rows: list[tuple[str, ...]] = [_HEAD]
    for name, own, shown in _shown(lag, most):
        rows.append(_line(name, _ALL, own.whole, _last(own, lag.at_ms), _members(own)))
        rows += [_line("", f"{one.topic}[{one.partition}]", one, "", _owner_text(one)) for one in shown]
        left_count = len(own.rows) - len(shown)
        if left_count:
            rows.append(("", f"and {left_count} more", *[""] * (len(_HEAD) - 2)))
    return [f"at {_clock(lag.at_ms)}", *_aligned(rows)]


def span_text(seconds: float) -> str:
    """Return a length of time as a person says it, in its two largest units."""
    whole = int(seconds)
    if whole < _MINUTE_S:
        return f"{seconds:.1f} s" if seconds < 10 and seconds != whole else f"{whole} s"  # noqa: PLR2004 - one digit is worth a decimal
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S} s"
    if whole < _DAY_S:
        return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S} min"
    return f"{whole // _DAY_S} d {whole % _DAY_S // _HOUR_S} h"


def _figures(one: Row) -> dict[str, Any]:
    return {
        "lag": one.lag,
        "time_lag_s": _rounded(one.time_lag_s),
        "rate_in": _rounded(one.rate_in),
        "rate_out": _rounded(one.rate_out),
        "catch_up_s": _rounded(one.catch_up_s),
        "state": one.state,
        "reason": one.reason or None,
        "expired": one.expired,
    }


def _offsets(one: Row) -> dict[str, Any]:
    return {"committed": one.committed, "end": one.end}


def _owner(one: Row) -> dict[str, Any]:
    return {"owner": None if one.owner is None else one.owner._asdict()}


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 3)


def _shown(lag: Lag, most: int | None) -> Iterator[tuple[str, DestinationLag, Sequence[Row]]]:
    """Yield each destination with the partitions that are shown: in their order, the worst where not all fit."""
    left = None if most is None else max(0, most - 2 - 2 * len(lag.destinations))
    share = None if left is None else left // max(1, len(lag.destinations))
    for name, own in lag.destinations.items():
        if share is None or len(own.rows) <= share:
            yield name, own, own.rows
            continue
        worst = sorted(own.rows, key=_badness, reverse=True)[:share]
        yield name, own, [one for one in own.rows if one in worst]


def _badness(one: Row) -> tuple[bool, float, int]:
    """Return by what partitions are ordered where not all can be shown: those of which least is known first."""
    return one.lag is None, one.time_lag_s or 0.0, one.lag or 0


def _line(name: str, partition: str, one: Row, last: str, owner: str) -> tuple[str, ...]:
    is_whole = partition == _ALL
    expired = f" ({one.expired:,} lost)" if one.expired else ""
    return (
        name,
        partition,
        "" if is_whole else _count(one.committed, otherwise="none"),
        "" if is_whole else _count(one.end, otherwise=UNKNOWN),
        _count(one.lag, otherwise=UNKNOWN),
        UNKNOWN if one.time_lag_s is None else span_text(one.time_lag_s),
        _rate(one.rate_in),
        _rate(one.rate_out),
        _catch_up(one),
        f"{one.state}{f': {one.reason}' if one.reason else ''}{expired}",
        last,
        owner,
    )


def _owner_text(one: Row) -> str:
    return "none" if one.owner is None else f"{one.owner.client_id} @ {one.owner.host}"


def _members(own: DestinationLag) -> str:
    """Return how many processes are in the group."""
    if not own.group.is_known:
        return UNKNOWN
    return "1 process" if own.group.member_count == 1 else f"{own.group.member_count} processes"


def _catch_up(one: Row) -> str:
    if one.catch_up_s is not None:
        return span_text(one.catch_up_s)
    return UNKNOWN if one.lag is None or one.rate_in is None or one.rate_out is None else NEVER


def _last(own: DestinationLag, at_ms: int) -> str:
    if own.last_delivery_ms is None:
        return UNKNOWN
    return f"{span_text(max(0.0, (at_ms - own.last_delivery_ms) / 1000))} ago"


def _count(number: int | None, *, otherwise: str) -> str:
    return otherwise if number is None else f"{number:,}"


def _rate(rate: float | None) -> str:
    return UNKNOWN if rate is None else f"{rate:,.1f}"


def _clock(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _aligned(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """Return rows as lines whose columns stand below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if name in _RIGHT else cell.ljust(width)
            for name, cell, width in zip(_HEAD, cells, widths, strict=True)
        ).rstrip()
        for cells in rows
    ]
