"""Lanes and the dedupe window against a model that keeps one list: nothing lost, order kept, nothing stuck."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from processor.delivery.dedupe import DedupeWindow
from processor.delivery.lanes import LaneBook
from processor.delivery.offsets import Partition
from processor.delivery.parcel import Parcel
from tests.parcels import Maker
from tests.simulation import endpoint

NAMES = st.sampled_from(["actions", "users", "single"])
LANES = st.lists(st.sampled_from("abcd"), min_size=1, max_size=2).map(tuple)
NUMBERS = st.integers(0, 10_000)
MAX_BYTES = 100


class Lanes(RuleBasedStateMachine):
    """Adds, cuts, settles, puts back and drops in any order."""

    def __init__(self) -> None:
        """Serve three endpoints of one scope."""
        super().__init__()
        limits = {"lane_scope": "all", "max_batch_count": 3, "max_body_bytes": MAX_BYTES}
        self.endpoints = {
            "actions": endpoint("actions", **limits),
            "users": endpoint("users", **limits | {"one_per_lane": True}),
            "single": endpoint("single", **limits | {"max_batch_count": 1}),
        }
        self.dedupe = DedupeWindow(max_age_s=1e9, max_count=10_000)
        self.book = LaneBook(self.endpoints.values(), max_lane_count=5, dedupe=self.dedupe)
        self.maker = Maker()
        self.partitions = [Partition(("events", number), 0) for number in range(2)]
        self.waiting: list[Parcel] = []
        self.in_flight: list[tuple[list[Parcel], set[str]]] = []
        self.put_count = 0
        self.ended_count = 0
        self.delivered_ids: list[str] = []

    @rule(lanes=LANES, name=NAMES, size=st.integers(1, 60), number=st.integers(0, 12), owner=st.integers(0, 1))
    def add(self, lanes: tuple[str, ...], name: str, size: int, number: int, owner: int) -> None:
        """Take one parcel in; some ids repeat, also in the other partition."""
        entry = self.maker.entry(self.partitions[owner])
        dedupe_id = f"m{number}" if number < 8 else None
        parcel = self.maker.parcel(*lanes, endpoint=name, size=size, dedupe_id=dedupe_id, entry=entry)
        self.book.add(parcel)
        self.waiting.append(parcel)
        self.put_count += 1

    @rule(name=NAMES, max_count=st.sampled_from([None, 1, 2]))
    def cut(self, name: str, max_count: int | None) -> None:
        """Take a request; check it against the list of what waits."""
        before = {id(parcel): parcel for parcel in self.waiting}
        eligible = self._eligible(name)
        taken, copies = self.book.cut(name, max_count=max_count)
        for parcel in (*taken, *copies):
            del before[id(parcel)]
        self.waiting = list(before.values())
        self._check_cut(name, taken, copies)
        if eligible:
            assert min(eligible, key=lambda one: one.sequence) in (*taken, *copies)
        limit = min(self.endpoints[name].max_batch_count, 99 if max_count is None else max_count)
        full = len(taken) >= limit or sum(one.size_bytes for one in taken) > MAX_BYTES - 70
        keys = {key for parcel in taken for key in parcel.payload.lanes}
        self.in_flight += [(taken, keys)] if taken else []
        assert full or not self._eligible(name)
        self.ended_count += len(copies)

    def _check_cut(self, name: str, taken: list[Parcel], copies: list[Parcel]) -> None:
        """Assert limits, order, exclusion and that copies are copies."""
        limits = self.endpoints[name]
        assert all(parcel.payload.endpoint == name for parcel in (*taken, *copies))
        assert len(taken) <= limits.max_batch_count
        size_bytes = limits.envelope.body_bytes(len(taken), sum(parcel.size_bytes for parcel in taken))
        assert len(taken) <= 1 or size_bytes <= MAX_BYTES
        busy = {key for _, keys in self.in_flight for key in keys}
        position = {id(parcel): index for index, parcel in enumerate(taken)}
        for parcel in taken:
            for key in set(parcel.payload.lanes):
                assert key not in busy
                assert all(one.sequence > parcel.sequence for one in self.waiting if key in one.payload.lanes)
                mates = [one for one in taken if one is not parcel and key in one.payload.lanes]
                assert not mates or (len(parcel.payload.lanes) == 1 and not limits.one_per_lane)
                assert all(
                    (one.sequence > parcel.sequence) == (position[id(one)] > position[id(parcel)]) for one in mates
                )
        assert all(parcel.payload.dedupe_id in self.delivered_ids for parcel in copies)

    def _eligible(self, name: str) -> list[Parcel]:
        """Return the parcels that one request could begin with, the slow way."""
        busy = {key for _, keys in self.in_flight for key in keys}
        under_way = {parcel.payload.dedupe_id for batch, _ in self.in_flight for parcel in batch} - {None}
        seen: set[str] = set()
        found = []
        for parcel in sorted(self.waiting, key=lambda one: one.sequence):
            keys = set(parcel.payload.lanes)
            is_first = not keys & (busy | seen) and parcel.payload.endpoint == name
            if is_first and parcel.payload.dedupe_id not in under_way:
                found.append(parcel)
            seen |= keys
        return found

    @precondition(lambda self: self.in_flight)
    @rule(pick=NUMBERS, delivered_count=st.integers(0, 3), is_put_back=st.booleans())
    def settle(self, pick: int, delivered_count: int, *, is_put_back: bool) -> None:
        """Deliver the first parcels of a request; the others are refused, or return to their lanes."""
        taken, keys = self.in_flight.pop(pick % len(self.in_flight))
        delivered, rest = taken[:delivered_count], taken[delivered_count:]
        self.book.wake(self.dedupe.deliver(delivered))
        self.delivered_ids += [one.payload.dedupe_id for one in delivered if one.payload.dedupe_id is not None]
        still: set[str] = set()
        if is_put_back:
            still = {key for parcel in rest for key in parcel.payload.lanes}
            self.book.put_back(rest, still)
            self.waiting += rest
        else:
            self.book.wake(self.dedupe.cancel(rest))
        self.book.free(keys - still)
        self.ended_count += len(taken) - (len(rest) if is_put_back else 0)

    @rule(owner=st.integers(0, 1))
    def drop(self, owner: int) -> None:
        """Take out what waits of one partition."""
        gone = self.partitions[owner]
        expected = sorted((one for one in self.waiting if one.entry.partition is gone), key=lambda one: one.sequence)
        assert self.book.drop(lambda parcel: parcel.entry.partition is gone) == expected
        self.waiting = [one for one in self.waiting if one.entry.partition is not gone]
        self.ended_count += len(expected)

    @invariant()
    def everything_is_somewhere(self) -> None:
        """What was put in waits, is in flight, or has ended."""
        in_flight = sum(len(batch) for batch, _ in self.in_flight)
        assert self.book.waiting_count == len(self.waiting)
        assert self.put_count == len(self.waiting) + in_flight + self.ended_count

    @invariant()
    def no_id_is_delivered_twice(self) -> None:
        """The window lets an id through once."""
        assert len(self.delivered_ids) == len(set(self.delivered_ids))

    @invariant()
    def long_lanes_are_named(self) -> None:
        """A lane beyond its bound always names who feeds it; nothing is named when all are short."""
        lengths = {key: sum(one.payload.lanes.count(key) for one in self.waiting) for key in "abcd"}
        named = self.book.long_lane_partitions()
        if not self.in_flight and all(length <= 2 for length in lengths.values()):
            assert named == set()

    def teardown(self) -> None:
        """Deliver everything that is left: nothing may be stuck, and no lane may be left behind."""
        for _ in range(3 * self.put_count + 3):
            while self.in_flight:
                self.settle(0, 3, is_put_back=False)
            for name in self.endpoints:
                self.cut(name, None)
        assert (self.waiting, self.in_flight, len(self.book)) == ([], [], 0)
        assert self.book.long_lane_partitions() == set()


TestLanes = Lanes.TestCase
TestLanes.settings = settings(max_examples=80, stateful_step_count=50)
