"""Which faults hit, how often, and that each hit is counted once and only where it takes effect."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from processor.errors import ConfigError
from processor.sandbox.fault_table import NO_STRIKES, FaultTable, Strikes
from processor.sandbox.faults import FAULTS, Drop, Fault, Latency, Refuse, SlowBody, Status, Throttle, parse_fault
from processor.sandbox.vendor import Item


def _table(*faults: Fault, seed: int = 1) -> FaultTable:
    table = FaultTable(seed)
    table.replace(faults, 0.0)
    return table


def _hits(table: FaultTable, count: int, vendor: str = "moesif", endpoint: str = "actions") -> list[bool]:
    return [table.strike(vendor, endpoint, 1.0) != NO_STRIKES for _ in range(count)]


def test_without_faults_nothing_happens() -> None:
    """An empty table strikes nobody and counts nothing."""
    table = _table()
    assert _hits(table, 3) == [False] * 3
    assert table.refusing("moveo", "events", [Item("track", "m-1")], 1.0) is None
    assert table.happened == {}


def test_a_fault_keeps_to_its_vendor_and_endpoint() -> None:
    """Requests outside the scope pass, and only hits are counted."""
    table = _table(Status(status=503, vendor="moesif", endpoint="users"))
    assert _hits(table, 1, "moveo", "events") == [False]
    assert _hits(table, 1, "moesif", "actions") == [False]
    assert _hits(table, 2, "moesif", "users") == [True, True]
    assert table.happened == {"moesif/users/status_503": 2}


def test_the_rate_is_kept_and_the_seed_repeats_it() -> None:
    """About the share asked for is hit, the same requests for the same seed and others for another."""
    first, again, other = (_hits(_table(Status(rate=0.2), seed=seed), 2_000) for seed in (1, 1, 2))
    assert first == again != other
    assert 300 < sum(first) < 500


def test_a_fault_draws_for_itself() -> None:
    """Another fault behind it does not change which requests the first one hits."""
    alone = [_table(Status(rate=0.3))]
    table = _table(Status(rate=0.3), Latency(ms=1, rate=0.5))
    assert [table.strike("moveo", "events", 1.0).refusal is not None for _ in range(100)] == _hits(
        alone[0], 100, "moveo", "events"
    )


def test_a_burst_hits_requests_in_a_row() -> None:
    """Once one is hit the following ones are as well, so that hits come in whole bursts."""
    hits = _hits(_table(Status(rate=0.01, burst_count=500)), 20_000)
    text = "".join("x" if hit else " " for hit in hits[: hits.index(True) + 500])
    assert text.strip() == "x" * 500


def test_a_count_ends_a_fault() -> None:
    """After so many hits it is over."""
    table = _table(Status(count=3))
    assert _hits(table, 5) == [True, True, True, False, False]
    assert table.hit_counts() == [3]


def test_a_fault_has_its_time() -> None:
    """It starts and ends at the seconds it names, counted from when it was set."""
    table = FaultTable()
    table.replace([Status(from_s=1, until_s=2)], 10.0)
    struck = [table.strike("moveo", "events", now_s) != NO_STRIKES for now_s in (10.0, 11.0, 11.9, 12.0)]
    assert struck == [False, True, True, False]


def test_latency_is_drawn_between_its_bounds_and_adds_up() -> None:
    """A fixed wait is exact, a drawn one stays between its bounds, and waits before and after are told apart."""
    assert _table(Latency(ms=50)).strike("moveo", "events", 1.0) == Strikes(before_s=0.05)
    assert _table(Latency(ms=50, when="after"), Latency(ms=20), Latency(ms=10)).strike(
        "moveo", "events", 1.0
    ) == Strikes(before_s=0.03, after_s=0.05)
    table = _table(Latency(ms=10, max_ms=20))
    waits = [table.strike("moveo", "events", 1.0).before_s for _ in range(200)]
    assert min(waits) >= 0.01
    assert max(waits) <= 0.02
    assert max(waits) - min(waits) > 0.005


_BEFORE, _AFTER, _DURING = Drop(when="before"), Drop(when="after"), Drop(when="during")
_STATUS, _THROTTLE, _SLOW = Status(status=500), Throttle(), SlowBody()


@pytest.mark.parametrize(
    ("faults", "strikes", "happened"),
    [
        ((_STATUS, _BEFORE, _SLOW), Strikes(drop=_BEFORE), ["drop_before"]),
        ((_AFTER, _STATUS), Strikes(refusal=_STATUS), ["status_500"]),
        ((_THROTTLE, _SLOW), Strikes(refusal=_THROTTLE, slow_body=_SLOW), ["slow_body", "throttle_429"]),
        ((_THROTTLE, _STATUS), Strikes(refusal=_STATUS), ["status_500"]),
        ((_AFTER, _SLOW), Strikes(drop=_AFTER), ["drop_after"]),
        ((_DURING, _AFTER), Strikes(drop=_DURING), ["drop_during"]),
        ((_BEFORE, Latency(ms=10, when="after")), Strikes(drop=_BEFORE), ["drop_before"]),
        ((_BEFORE, Latency(ms=10)), Strikes(before_s=0.01, drop=_BEFORE), ["drop_before", "latency"]),
    ],
    ids=str,
)
def test_only_what_takes_effect_is_counted(faults: tuple[Fault, ...], strikes: Strikes, happened: list[str]) -> None:
    """Behind a cut connection there is no answer, and behind a refusal nothing that could be lost."""
    table = _table(*faults)
    assert table.strike("moveo", "events", 1.0) == strikes
    assert sorted(table.happened.elements()) == [f"moveo/events/{kind}" for kind in happened]


def test_chosen_items_are_refused_wherever_they_stand() -> None:
    """A request that holds a chosen id or user is refused, and the item is named."""
    fault, other = Refuse(ids=frozenset({"m-2"}), status=500), Refuse(users=frozenset({"u-3"}), vendor="moveo")
    table = _table(fault, other)
    good, bad, hers = Item("track", "m-1", "u-1"), Item("track", "m-2", "u-2"), Item("track", "m-3", "u-3")
    assert table.refusing("moveo", "events", [good, bad], 1.0) == (fault, bad)
    assert table.refusing("moveo", "events", [good, hers], 1.0) == (other, hers)
    assert table.refusing("moesif", "actions", [good, hers], 1.0) is None
    assert _hits(table, 2) == [False, False]
    assert table.happened == {"moveo/events/refuse_500": 1, "moveo/events/refuse_400": 1}


def test_replaced_faults_leave_their_counts() -> None:
    """A test takes its faults back and can still prove that they happened."""
    table = _table(Status())
    _hits(table, 2)
    table.replace((), 5.0)
    assert (table.faults, table.hit_counts()) == ((), [])
    assert table.happened == {"moesif/actions/status_500": 2}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("latency:ms=50", Latency(ms=50)),
        ("latency:ms=5,max_ms=9,when=after", Latency(ms=5, max_ms=9, when="after")),
        ("status:status=503,rate=0.05,vendor=moesif", Status(status=503, rate=0.05, vendor="moesif")),
        ("throttle:retry_after_s=2,form=date", Throttle(retry_after_s=2, form="date")),
        ("drop", Drop()),
        ("refuse:ids=m-1+m-2,status=500", Refuse(ids=frozenset({"m-1", "m-2"}), status=500)),
        ("slow_body: ms=10 , padding_bytes=0", SlowBody(ms=10, padding_bytes=0)),
    ],
)
def test_a_flag_names_a_fault(text: str, fault: Fault) -> None:
    """The short form of the command line reads as the fault it means."""
    assert parse_fault(text) == fault


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("fire", "no such kind; allowed: 'latency', 'status'"),
        ("status:503", "not name=value"),
        ("status:status=teapot", "status: allowed: a whole number"),
        ("status:status=99", "status: allowed: greater than or equal to 300"),
        ("status:colour=red", "colour: no such key; allowed: vendor, endpoint, rate"),
        ("status:vendor=acme", "vendor: allowed: 'moveo', 'moesif' or 'moengage'"),
        ("latency", "ms: a required key is missing"),
        ("latency:ms=9,max_ms=5", ": max_ms must not be below ms"),
        ("refuse:ids=a,rate=0.5", "rate and burst_count do not go with refuse"),
        ("refuse:ids=a,burst_count=2", "rate and burst_count do not go with refuse"),
        ("refuse:status=400", "at least one id or user"),
    ],
)
def test_a_flag_that_names_none_says_why(text: str, part: str) -> None:
    """The message holds the flag and the part of it that is wrong."""
    with pytest.raises(ConfigError) as caught:
        parse_fault(text)
    assert text in str(caught.value)
    assert part in str(caught.value)


def test_faults_travel_as_json() -> None:
    """What the admin route shows can be put back."""
    faults = (Latency(ms=1), Drop(when="after", vendor="moveo"), Refuse(ids=frozenset({"a"})))
    assert FAULTS.validate_json(FAULTS.dump_json(faults)) == faults
    with pytest.raises(ValidationError):
        FAULTS.validate_json(b'[{"kind": "fire"}]')
