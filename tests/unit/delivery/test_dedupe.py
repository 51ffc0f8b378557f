"""Ids that were delivered lately."""

from __future__ import annotations

import random

import pytest

from processor.delivery.dedupe import DedupeWindow, Seen, is_deliberate
from processor.delivery.offsets import Key, Partition
from tests.parcels import Maker

KEY = ("events", 0)
OTHER = Partition(("events", 1), 0)


@pytest.fixture
def maker() -> Maker:
    """A maker of parcels of one partition."""
    return Maker()


def _window(max_age_s: float = 60.0, max_count: int = 3) -> DedupeWindow:
    """Return a small window."""
    return DedupeWindow(max_age_s=max_age_s, max_count=max_count)


def test_an_id_is_new_then_in_flight_then_delivered(maker: Maker) -> None:
    """The three things that can be known of an id follow each other."""
    window, parcel, copy = _window(), maker.parcel("u", dedupe_id="m1"), maker.parcel("u", dedupe_id="m1")
    seen = [window.look(copy)]
    window.start(parcel)
    seen.append(window.look(copy))
    window.deliver([parcel])
    seen.append(window.look(copy))
    assert seen == [Seen.NEVER, Seen.IN_FLIGHT, Seen.DELIVERED]


def test_lanes_that_wait_are_woken_once_by_either_outcome(maker: Maker) -> None:
    """Delivered or not, the lanes that waited for an id are named once."""
    window = _window()
    for settle in (window.deliver, window.cancel):
        parcel = maker.parcel("u", dedupe_id=f"m-{settle.__name__}")
        window.start(parcel)
        window.park(parcel, "lane-a")
        window.park(parcel, "lane-b")
        assert settle([parcel]) == ["lane-a", "lane-b"]
        assert settle([parcel]) == []


def test_what_was_not_delivered_is_new_again(maker: Maker) -> None:
    """A refused or returned payload does not make its copies repeats."""
    window, parcel = _window(), maker.parcel("u", dedupe_id="m1")
    window.start(parcel)
    window.cancel([parcel])
    assert window.look(parcel) is Seen.NEVER


def test_an_id_is_forgotten_after_its_time_and_remembered_anew(maker: Maker) -> None:
    """An id that comes back after its time is delivered again and then known for its whole time again."""
    window, parcel = _window(), maker.parcel("u", dedupe_id="m1")
    window.tick(100.0)
    window.deliver([parcel])
    window.tick(160.0)
    assert window.look(parcel) is Seen.NEVER
    window.deliver([parcel])
    window.tick(219.9)
    assert (window.look(parcel), len(window)) == (Seen.DELIVERED, 1)


def test_a_deliberate_repeat_does_not_renew_its_id(maker: Maker) -> None:
    """An id delivered twice within its time is forgotten at the time of its first delivery."""
    window, parcel = _window(), maker.parcel("u", dedupe_id="m1")
    window.deliver([parcel])
    window.tick(50.0)
    window.deliver([parcel])
    window.tick(60.0)
    assert window.look(parcel) is Seen.NEVER


def test_each_partition_has_a_window_of_its_own(maker: Maker) -> None:
    """The oldest id of a partition makes room in it; what other partitions bring pushes nothing out."""
    window = _window()
    parcels = [maker.parcel("u", dedupe_id=f"m{number}") for number in range(4)]
    other = maker.parcel("u", dedupe_id="m9", entry=maker.entry(OTHER))
    window.deliver([*parcels[:3], other])
    assert [window.look(parcel) for parcel in (*parcels[:3], other)] == [Seen.DELIVERED] * 4
    window.deliver(parcels[3:])
    assert [window.look(parcel) for parcel in (*parcels, other)] == [Seen.NEVER, *[Seen.DELIVERED] * 4]
    assert len(window) == 4


def test_an_id_delivered_anew_elsewhere_outlives_its_first_partition(maker: Maker) -> None:
    """After its time an id counts for the partition that brought it again, whatever becomes of the first one."""
    window, first = _window(), maker.parcel("u", dedupe_id="m1")
    again = maker.parcel("u", dedupe_id="m1", entry=maker.entry(OTHER))
    window.deliver([first])
    window.tick(60.0)
    window.deliver([again])
    window.forget({KEY})
    assert (window.look(first), len(window)) == (Seen.DELIVERED, 1)
    window.forget({OTHER.key})
    assert (window.look(first), len(window)) == (Seen.NEVER, 0)


def test_a_copy_in_another_partition_is_a_copy(maker: Maker) -> None:
    """A producer without keys may write the repeat of an event anywhere."""
    window = _window()
    window.deliver([maker.parcel("u", dedupe_id="m1")])
    assert window.look(maker.parcel("u", dedupe_id="m1", entry=maker.entry(OTHER))) is Seen.DELIVERED


@pytest.mark.parametrize(("max_age_s", "max_count"), [(0.0, 3), (60.0, 0)])
def test_zero_of_either_remembers_nothing(maker: Maker, max_age_s: float, max_count: int) -> None:
    """A window of no time or no room never calls anything a repeat."""
    window, parcel = _window(max_age_s, max_count), maker.parcel("u", dedupe_id="m1")
    window.deliver([parcel])
    assert (window.look(parcel), len(window)) == (Seen.NEVER, 0)


def test_a_partition_that_goes_takes_its_ids_along(maker: Maker) -> None:
    """Nothing is remembered of a partition that was given up, nor what is delivered after it went; others stay."""
    window, parcel = _window(), maker.parcel("u", dedupe_id="m1")
    other = maker.parcel("u", dedupe_id="m2", entry=maker.entry(OTHER))
    window.deliver([parcel, other])
    maker.partition.release()
    window.forget({KEY})
    window.start(parcel)
    assert window.deliver([parcel]) == []
    assert [window.look(one) for one in (parcel, other)] == [Seen.NEVER, Seen.DELIVERED]
    window.forget({KEY})
    assert len(window) == 1


@pytest.mark.parametrize("name", ["segment-bridge-redrive", "segment-bridge-replay"])
def test_deliberate_repeats_pass(maker: Maker, name: str) -> None:
    """A redrive or replay is sent although its id was delivered."""
    window, first = _window(), maker.parcel("u", dedupe_id="m1")
    window.deliver([first])
    again = maker.parcel("u", dedupe_id="m1", entry=maker.entry(headers=(("other", None), (name, b"1"))))
    assert (window.look(again), is_deliberate(again), is_deliberate(first)) == (Seen.NEVER, True, False)


def test_beside_a_deliberate_repeat_the_first_one_decides(maker: Maker) -> None:
    """The end of a repeat that bypasses the window says nothing about the one that copies wait for."""
    window, first = _window(), maker.parcel("u", dedupe_id="m1")
    again = maker.parcel("v", dedupe_id="m1", entry=maker.entry(headers=(("segment-bridge-replay", b"1"),)))
    copy = maker.parcel("w", dedupe_id="m1")
    window.start(first)
    window.start(again)
    window.park(copy, "w")
    assert (window.cancel([again]), window.look(copy)) == ([], Seen.IN_FLIGHT)
    assert (window.deliver([first]), window.look(copy)) == (["w"], Seen.DELIVERED)


def test_payloads_without_an_id_leave_no_trace(maker: Maker) -> None:
    """Where the vendor removes duplicates itself, the window does nothing."""
    window, parcel = _window(), maker.parcel("u")
    window.start(parcel)
    assert window.deliver([parcel]) == window.cancel([parcel]) == []
    assert (window.look(parcel), len(window)) == (Seen.NEVER, 0)


def test_the_window_knows_what_a_plain_list_of_deliveries_knows(maker: Maker) -> None:
    """Whatever is delivered and forgotten when, in several partitions: an id is known as long as it is to be."""
    chance, window, now_s = random.Random(8), _window(max_age_s=60.0, max_count=5), 0.0
    partitions = [Partition(("events", number), 0) for number in range(3)]
    delivered: list[tuple[str, Key, float]] = []
    probes = {name: maker.parcel("u", dedupe_id=name) for name in map(str, range(25))}
    for _ in range(2_000):
        now_s += chance.choice([0.0, 0.5, 5.0, 5.0, 70.0 if chance.random() < 0.05 else 1.0])
        window.tick(now_s)
        delivered = [one for one in delivered if now_s - one[2] < 60.0]
        if chance.random() < 0.03:
            gone = {one.key for one in chance.sample(partitions, chance.choice([1, 2, 3]))}
            window.forget(gone)
            delivered = [one for one in delivered if one[1] not in gone]
        else:
            name, partition = chance.choice(list(probes)), chance.choice(partitions)
            window.deliver([maker.parcel("u", dedupe_id=name, entry=maker.entry(partition))])
            if name not in [one[0] for one in delivered]:
                delivered.append((name, partition.key, now_s))
                own = [one for one in delivered if one[1] == partition.key]
                delivered = [one for one in delivered if one not in own[:-5]]
        known = {one[0] for one in delivered}
        assert {name for name, probe in probes.items() if window.look(probe) is Seen.DELIVERED} == known
        assert len(window) == len(known)
