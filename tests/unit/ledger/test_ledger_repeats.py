"""Repeats in made-up evidence: each needs a cause that was seen, and a cause explains no more than the window."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from processor.sandbox.ledger import Answer, Line
from tests.ledger.evidence import Disturbance, Evidence, Letter, Made, Moment, Sample
from tests.ledger.repeats import account_of, repeat_problems, unrests_of

VENDOR = "moveo"
BEFORE, AFTER = {0: "one", 1: "two"}, {0: "three", 1: "two"}
WINDOW = 3
START = Disturbance("start", "one", Moment(0, 0), 0.0)
KILL = Disturbance("kill", "one", Moment(10, 1), 10.0)
JOIN = Disturbance("join", "three", Moment(10, 1), 10.0)


def line(order: int, offset: int, answer: Answer = "sent", partition: int = 0) -> Line:
    """Return a line about the event of a record."""
    event_id = f"{partition}-{offset}"
    return Line(order, 0, 0, order, VENDOR, "events", "accepted", 200, answer, "track", event_id, "u1")


def sample(order: int, count: int, owners: dict[int, str], *, is_settled: bool = True, committed: int = 0) -> Sample:
    """Return a look when so much had been done to the group; `at_s` runs with `order`, two letters come by order 20."""
    moment = Moment(order, order // 10)
    return Sample(moment, float(order), {0: committed, 1: 0}, owners, is_settled, count)


SAMPLES = (
    sample(1, 1, {0: "one", 1: "one"}, is_settled=False),
    sample(2, 1, BEFORE),
    sample(9, 1, BEFORE),
    sample(12, 3, {}, is_settled=False),
    sample(20, 3, AFTER),
    sample(30, 3, AFTER),
)


def run(*lines: Line, letters: tuple[Letter, ...] = (), samples: tuple[Sample, ...] = SAMPLES) -> Evidence:
    """Return a run of two partitions in which one of two processes is killed at line 10 and replaced by line 20."""
    return Evidence(
        made=[Made(partition, offset, "track", f"{partition}-{offset}") for partition in (0, 1) for offset in range(9)],
        refused={},
        lines=lines,
        letters=letters,
        samples={VENDOR: samples},
        disturbances={VENDOR: (START, KILL, JOIN)},
        window_count=WINDOW,
    )


def problems(evidence: Evidence) -> list[str]:
    """Return what is wrong with the repeats."""
    return list(repeat_problems(evidence, VENDOR))


def test_repeats_behind_a_kill_are_explained() -> None:
    """Taken in before the process died and again by the next owner; they are counted as records."""
    evidence = run(line(8, 0), line(9, 1), line(21, 0), line(22, 1))
    assert [] == problems(evidence)
    account = account_of(evidence, VENDOR)
    assert [frozenset(), {(0, 0), (0, 1)}] == [places for _, places, _ in account.by_unrest]
    assert ([], []) == (account.lost_answers, account.unexplained)


@pytest.mark.parametrize(
    "pair",
    [(line(3, 0), line(4, 0)), (line(21, 0), line(22, 0)), (line(25, 0), line(25, 0))],
    ids=["before", "after", "in one request"],
)
def test_a_repeat_without_a_cause_is_found(pair: tuple[Line, Line]) -> None:
    """Both in a time in which no partition moved."""
    assert "repeated without a cause" in problems(run(*pair))[0]


def test_a_repeat_behind_a_cut_answer_is_explained_once() -> None:
    """The bridge cannot know of the first; of the second it does."""
    assert [] == problems(run(line(3, 0, "lost"), line(4, 0)))
    assert [] == problems(run(line(3, 0, "lost"), line(4, 0, "lost"), line(5, 0)))
    assert "without a cause: order 4 and 5" in problems(run(line(3, 0, "lost"), line(4, 0), line(5, 0)))[0]
    assert 1 == len(account_of(run(line(3, 0, "lost"), line(4, 0)), VENDOR).lost_answers)


def test_a_repeated_letter_needs_a_cause_as_well() -> None:
    """Letters are placed in time by their place in their own topic."""
    early, late, later = (Letter(position, VENDOR, 0, 0, "invalid_json") for position in (0, 1, 2))
    assert [] == problems(run(letters=(early, late)))
    evidence = run(letters=(late._replace(position=3), later._replace(position=4)))
    assert "the letter of (0, 0) was repeated without a cause" in problems(evidence)[0]


@pytest.mark.parametrize(
    ("before", "after", "is_explained"),
    [(20, 21, True), (21, 22, False), (9, 11, True), (9, 10, False)],
    ids=["taken in until it settled", "after it settled", "again once it began", "before it began"],
)
def test_an_unrest_explains_from_its_beginning_to_its_end(before: int, after: int, is_explained: bool) -> None:  # noqa: FBT001 - a table
    """It began when line 10 was the latest, and the group was seen settled when line 20 was."""
    assert is_explained is not bool(problems(run(line(before, 0), line(after, 0))))


@pytest.mark.parametrize(("first", "is_explained"), [(1, True), (2, False)])
def test_an_unrest_explains_letters_in_the_same_way(first: int, is_explained: bool) -> None:  # noqa: FBT001 - a table
    """The second letter was the latest when the group was seen settled."""
    letters = (Letter(first, VENDOR, 0, 0, "invalid_json"), Letter(first + 1, VENDOR, 0, 0, "invalid_json"))
    assert is_explained is not bool(problems(run(letters=letters)))


def test_more_repeats_than_the_window_are_found() -> None:
    """Two processes owned partitions: each has a window, and what the dead one did in its last moment comes on top."""
    first = [line(2, offset, partition=partition) for partition in (0, 1) for offset in range(4)]
    again = [line(21, offset, partition=partition) for partition in (0, 1) for offset in range(4)]
    bound = 2 * WINDOW
    assert [] == problems(run(*first[:bound], *again[:bound]))
    assert f"7 records were repeated after {KILL}, more than {bound}" in problems(run(*first[:7], *again[:7]))
    assert [] == problems(run(*first[:6], line(10, 8), *again[:6], line(22, 8)))
    assert f"more than {bound}" in problems(run(*first[:6], line(9, 8), *again[:6], line(22, 8)))[0]
    others = [line(10, 8, partition=1), line(22, 8, partition=1)]
    assert f"more than {bound}" in problems(run(*first[:6], others[0], *again[:6], others[1]))[0]


def test_a_process_that_leaves_in_order_has_no_last_moment() -> None:
    """It commits what it has finished, so only a window is left to repeat."""
    evidence = run(*(line(2, offset) for offset in range(8)), line(10, 8), *(line(21, offset) for offset in range(9)))
    leave = KILL._replace(kind="leave")
    assert [2 * WINDOW + 1, 2 * WINDOW] == [
        account_of(replace(evidence, disturbances={VENDOR: (START, one, JOIN)}), VENDOR).by_unrest[1][2]
        for one in (KILL, leave)
    ]


def test_a_repeat_of_several_payloads_is_one_record() -> None:
    """The window counts records."""
    first, again = [line(2, 0), elsewhere(line(3, 0))], [line(21, 0), elsewhere(line(22, 0))]
    assert {(0, 0)} == account_of(run(*first, *again), VENDOR).by_unrest[1][1]
    assert [] == problems(run(*first))


def elsewhere(one: Line) -> Line:
    """Return the line at another endpoint."""
    return msgspec.structs.replace(one, endpoint="other")


def test_what_was_seen_committed_is_never_repeated() -> None:
    """Not even behind a kill: the next owner begins where the group stands."""
    committed = (*SAMPLES[:2], sample(9, 1, BEFORE, committed=2), *SAMPLES[3:])
    evidence = run(line(7, 0), line(8, 1), line(21, 1), samples=committed)
    assert ["line 21 takes in (0, 1), though 2 was seen committed before"] == problems(evidence)
    letters = (Letter(0, VENDOR, 0, 1, "invalid_json"), Letter(1, VENDOR, 0, 1, "invalid_json"))
    early = (
        *SAMPLES[:2],
        Sample(Moment(9, 1), 9.0, {0: 2}, BEFORE, is_settled=True, disturbance_count=1),
        *SAMPLES[3:],
    )
    assert "letter 2 is about (0, 1), though 2 was seen committed before" in problems(
        run(letters=letters, samples=early)
    )


def test_a_group_that_never_settles_is_found() -> None:
    """Then nobody saw the end of the unrest, and it would explain everything."""
    unsettled = SAMPLES[:4]
    assert f"the group never settled after {JOIN}" in problems(run(samples=unsettled))


def test_disturbances_that_overlap_are_one_unrest() -> None:
    """The first ends when the group has settled; a kill and the start of its successor belong together."""
    first, second = unrests_of((START, KILL, JOIN), SAMPLES)
    assert ([START], [KILL, JOIN]) == (list(first.disturbances), list(second.disturbances))
    assert (Moment(2, 0), Moment(20, 2)) == (first.end, second.end)
    assert (frozenset({"one"}), frozenset({"one", "two"})) == (first.owners, second.owners)
    at_the_start = sample(10, 1, {0: "one", 1: "one"})
    assert frozenset({"one"}) == unrests_of((START, KILL, JOIN), [*SAMPLES[:3], at_the_start, *SAMPLES[3:]])[1].owners
    (all_in_one,) = unrests_of((START, KILL, JOIN), [one for one in SAMPLES if one.disturbance_count == 3])
    assert 3 == len(all_in_one.disturbances)


def test_the_later_of_two_unrests_is_the_cause() -> None:
    """A record that lay in both was repeated only when it came again."""
    leave = Disturbance("leave", "two", Moment(30, 3), 30.0)
    samples = (*SAMPLES, sample(40, 4, {0: "three", 1: "three"}))
    evidence = replace(run(line(9, 0), line(41, 0), samples=samples), disturbances={VENDOR: (START, KILL, JOIN, leave)})
    assert [set(), set(), {(0, 0)}] == [set(places) for _, places, _ in account_of(evidence, VENDOR).by_unrest]
