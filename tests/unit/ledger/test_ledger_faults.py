"""A run whose faults did not happen is found out, in made-up evidence."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from processor.sandbox.faults import Drop, Latency, Refuse, Status, Throttle
from processor.sandbox.ledger import Answer, Line
from tests.ledger.evidence import Disturbance, Evidence, Letter, Made, Moment, Sample
from tests.ledger.faults import hits, missing_faults
from tests.ledger.figures import figures
from tests.ledger.scenario import Scenario

VENDOR = "moveo"
FAULTS = (
    Latency(ms=5),
    Status(status=500),
    Throttle(),
    Drop(when="before"),
    Drop(when="after"),
    Refuse(ids=frozenset({"r"})),
)
HAPPENED = {
    "moveo/events/latency": 9,
    "moveo/events/status_500": 2,
    "moveo/events/throttle_429": 1,
    "moveo/events/drop_before": 3,
    "moveo/events/drop_after": 1,
    "moveo/other/drop_after": 4,
    "moesif/actions/drop_during": 5,
}
KILL = Disturbance("kill", "one", Moment(10, 1), 10.0)
JOIN = Disturbance("join", "two", Moment(10, 1), 10.0)


def line(order: int, event_id: str, answer: Answer = "sent") -> Line:
    """Return a line of something that was taken in."""
    return Line(order, 0, 0, order, VENDOR, "events", "accepted", 200, answer, "track", event_id, "u1")


def sample(order: int, count: int, owner: str, committed: int) -> Sample:
    """Return a look at a settled group of one process."""
    return Sample(Moment(order, 0), float(order), {0: committed}, {0: owner}, is_settled=True, disturbance_count=count)


ALONE = Line(4, 0, 0, 4, VENDOR, "events", "refused", 400, reason="chosen_item", count=1, guilty="r")
RUN = Evidence(
    made=[Made(0, 0, "track", "e0"), Made(0, 1, "track", "r"), Made(0, 2, "track", "e2")],
    refused={"r": "http_400"},
    lines=[line(1, "e0"), ALONE, line(5, "e2", "lost"), line(6, "e2"), line(12, "e2")],
    letters=[Letter(0, VENDOR, 0, 1, "http_400")],
    samples={VENDOR: [sample(2, 1, "one", 1), sample(9, 1, "one", 1), sample(20, 3, "two", 3)]},
    disturbances={VENDOR: [Disturbance("start", "one", Moment(0, 0), 0.0), KILL, JOIN]},
    window_count=5,
)


def missing(evidence: Evidence = RUN, happened: dict[str, int] | None = None) -> list[str]:
    """Return what did not happen."""
    return missing_faults(evidence, FAULTS, HAPPENED if happened is None else happened)


def test_a_run_with_all_its_faults_lacks_none() -> None:
    """Every kind has hit, the refused event stood alone, the killed process was at work and lost its partition."""
    assert [] == missing()


def test_hits_are_added_up_over_endpoints() -> None:
    """Of one vendor and no other."""
    assert {"latency": 9, "status_500": 2, "throttle_429": 1, "drop_before": 3, "drop_after": 5} == hits(
        HAPPENED, VENDOR
    )


@pytest.mark.parametrize("kind", ["latency", "status_500", "throttle_429", "drop_before"])
def test_a_fault_that_never_hit_is_found(kind: str) -> None:
    """Though another vendor may have been hit."""
    left = {path: count for path, count in HAPPENED.items() if not path.endswith(kind)} | {f"moesif/actions/{kind}": 1}
    assert [f"{VENDOR}: no {kind} has hit"] == missing(happened=left)


def test_a_refused_event_that_never_stood_alone_is_found() -> None:
    """A refused batch says nothing about one of its events."""
    crowded = [msgspec.structs.replace(one, count=2) if one is ALONE else one for one in RUN.lines]
    assert [f"{VENDOR}: r was never refused alone"] == missing(replace(RUN, lines=crowded))


def test_a_kill_that_moved_nothing_is_found() -> None:
    """An outside reader must have seen the partition with another process."""
    still = replace(RUN, samples={VENDOR: [*RUN.samples[VENDOR][:2], sample(20, 3, "one", 3)]})
    expected = [f"{VENDOR}: no partition was seen to move after {one}" for one in (KILL, JOIN)]
    assert expected == missing(still)
    unseen = replace(RUN, samples={VENDOR: RUN.samples[VENDOR][:2]})
    assert expected == missing(unseen)


def test_a_look_that_began_before_the_kill_shows_nothing_of_it() -> None:
    """Though it ended after it: what counts is how much had been done to the group when it began."""
    late = sample(11, 1, "one", 1)
    assert [] == missing(replace(RUN, samples={VENDOR: [*RUN.samples[VENDOR][:2], late, sample(20, 3, "two", 3)]}))


def test_only_the_looks_next_to_a_kill_say_what_it_moved() -> None:
    """What was owned long before, or long after, has other causes."""
    looks = [sample(1, 1, "two", 1), sample(9, 1, "one", 1), sample(20, 3, "two", 3), sample(30, 3, "one", 3)]
    assert [] == missing(replace(RUN, samples={VENDOR: looks}))


def test_a_kill_of_an_idle_process_is_found() -> None:
    """Everything that it owned was committed already."""
    idle = replace(RUN, samples={VENDOR: [sample(9, 1, "one", 3), sample(20, 3, "two", 3)]})
    assert [f"{VENDOR}: nothing was left to do for the process of {KILL}"] == missing(idle)


def test_figures_count_what_happened() -> None:
    """For the report: deliveries, letters, kills, repeats with their bound, and looks."""
    scenario = Scenario(event_count=3, user_count=1, partition_count=1, window_count=5)
    found = figures(RUN, scenario, HAPPENED, 7, 12.34)
    assert (found.seed, found.event_count, found.duration_s, len(found.vendors)) == (7, 3, 12.3, 1)
    moveo = found.vendors[0]
    assert (moveo.accepted_count, moveo.letter_count, moveo.sample_count) == (4, 1, 3)
    assert (moveo.kill_count, moveo.join_count, moveo.leave_count) == (1, 0, 0)
    assert (moveo.repeat_count, moveo.repeat_bound, moveo.lost_answer_count) == (1, 10, 1)
    assert moveo.faults == hits(HAPPENED, VENDOR)
