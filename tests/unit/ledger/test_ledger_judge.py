"""The judge of the end-to-end runs finds what it is there to find, in made-up evidence: no Kafka, no bridge."""

from __future__ import annotations

from dataclasses import replace

import pytest

from processor.sandbox.ledger import Answer, Line
from tests.ledger.evidence import Disturbance, Evidence, Letter, Made, Moment, Sample
from tests.ledger.judge import judge

VENDOR = "moesif"
OWNERS = {0: "one", 1: "two"}
SWAPPED = {0: "two", 1: "one"}
GROUP = Made(0, 4, "group", "e4", "u1@12:00")
MADE = (
    Made(0, 0, "track", "e0"),
    Made(0, 1, "invalid_json", None),
    Made(0, 2, "track", "refused"),
    Made(0, 3, "track", "e3"),
    GROUP,
    Made(0, 5, "track_opted_out", "skipped"),
    Made(1, 0, "track", "f0"),
)


def line(
    order: int, event_id: str | None, endpoint: str = "actions", *, user: str = "u1", answer: Answer = "sent"
) -> Line:
    """Return a line of something that was taken in."""
    return Line(order, 0, 0, order, VENDOR, endpoint, "accepted", 201, answer, "action", event_id, user)


def sample(order: int, letter_count: int, p0: int, p1: int, owners: dict[int, str] | None = None) -> Sample:
    """Return a look at a settled group; `at_s` runs with `order`."""
    owned = OWNERS if owners is None else owners
    return Sample(Moment(order, letter_count), order, {0: p0, 1: p1}, owned, is_settled=True, disturbance_count=1)


LINES = (
    line(1, "e0"),
    line(2, "e3"),
    line(3, "e4", "companies", user="org1"),
    line(4, "u1@12:00", "users"),
    line(5, "f0", user="u2"),
)
LETTERS = (Letter(0, VENDOR, 0, 1, "invalid_json"), Letter(1, VENDOR, 0, 2, "http_400"))
SAMPLES = (sample(1, 0, 1, 0), sample(1, 1, 2, 0), sample(2, 2, 4, 0), sample(4, 2, 6, 0), sample(5, 2, 6, 1))
CLEAN = Evidence(
    made=MADE,
    refused={"refused": "http_400"},
    lines=LINES,
    letters=LETTERS,
    samples={VENDOR: SAMPLES},
    disturbances={VENDOR: (Disturbance("start", "one", Moment(0, 0), 0.0),)},
    window_count=2,
)


def with_lines(*lines: Line) -> Evidence:
    """Return the clean run with these lines instead."""
    return replace(CLEAN, lines=lines)


def without(event_id: str, endpoint: str = "actions") -> Evidence:
    """Return the clean run in which an endpoint never took an event in."""
    return with_lines(*(one for one in LINES if (one.id, one.endpoint) != (event_id, endpoint)))


def with_samples(*samples: Sample) -> Evidence:
    """Return the clean run with these looks before its last one."""
    return replace(CLEAN, samples={VENDOR: (*samples, SAMPLES[-1])})


def finds(evidence: Evidence, said: str) -> bool:
    """Return whether a problem is found that says so."""
    return any(said in problem for problem in judge(evidence))


def test_a_clean_run_is_clean() -> None:
    """Deliveries, skips, letters, a record of two payloads and rising offsets: nothing to say."""
    assert [] == judge(CLEAN)


# -- what became of the records


@pytest.mark.parametrize(("event_id", "endpoint"), [("e0", "actions"), ("e4", "companies"), ("u1@12:00", "users")])
def test_a_lost_payload_is_found(event_id: str, endpoint: str) -> None:
    """Also where the other payload of the record came through; what was committed past it is found as well."""
    lost = without(event_id, endpoint)
    assert finds(lost, f"is lost: {endpoint} never")
    assert finds(lost, "past an unfinished record")


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (line(6, "skipped"), "skipped, yet actions took it in"),
        (line(6, "refused"), "dead_lettered, yet actions took it in"),
        (line(6, "f0", "users", user="u2"), "delivered, yet users took it in"),
        (line(6, "stranger"), "stranger was taken in"),
        (line(6, None), "None was taken in"),
    ],
    ids=["skipped", "refused", "wrong endpoint", "never made", "nameless"],
)
def test_a_delivery_that_should_not_be_is_found(extra: Line, said: str) -> None:
    """What was to be skipped, refused or sent elsewhere, and what no record accounts for."""
    assert finds(with_lines(*LINES, extra), said)


def test_an_unplanned_refusal_is_found() -> None:
    """A request that broke the vendor's contract was refused for a reason that nobody had planned."""
    refused = Line(6, 0, 0, 6, VENDOR, "actions", "refused", 400, reason="invalid_body")
    assert finds(with_lines(*LINES, refused), "400 invalid_body")
    assert [] == judge(with_lines(*LINES, Line(6, 0, 0, 6, VENDOR, "actions", "refused", 400, reason="chosen_item")))


@pytest.mark.parametrize("missing", [0, 1])
def test_a_missing_letter_is_found(missing: int) -> None:
    """A bad record and a refused event that vanished; the offset past it is found as well."""
    vanished = replace(CLEAN, letters=[one for one in LETTERS if one.position != missing])
    assert finds(vanished, "its letters are []")
    assert finds(vanished, "past an unfinished record")


@pytest.mark.parametrize("record", MADE[3:6])
def test_an_extra_letter_is_found(record: Made) -> None:
    """Of an event that was delivered, or was to be skipped."""
    extra = Letter(2, VENDOR, record.partition, record.offset, "http_400")
    assert finds(replace(CLEAN, letters=(*LETTERS, extra)), "and its letters are [Letter")


def test_a_letter_about_nothing_is_found() -> None:
    """Its coordinates are of no record that was made."""
    extra = Letter(2, VENDOR, 7, 0, "invalid_json")
    assert finds(replace(CLEAN, letters=(*LETTERS, extra)), "never made")


@pytest.mark.parametrize("position", [0, 1])
def test_a_letter_with_a_wrong_reason_is_found(position: int) -> None:
    """A refused event must say what refused it, a bad record what is bad."""
    letters = [one._replace(reason="vendor_error") if one.position == position else one for one in LETTERS]
    assert finds(replace(CLEAN, letters=letters), "says vendor_error, not ")


# -- committed offsets


@pytest.mark.parametrize(
    "early",
    [
        sample(0, 0, 1, 0),
        sample(1, 0, 2, 0),
        sample(2, 1, 3, 0),
        sample(2, 1, 4, 0),
        sample(3, 2, 5, 0),
        sample(4, 2, 0, 1),
    ],
    ids=["delivery", "letter", "letter of a refusal", "record behind", "second payload", "other partition"],
)
def test_a_commit_before_a_record_was_done_is_found(early: Sample) -> None:
    """An offset that was seen before the acceptance or the letter below it came, though both came later."""
    assert finds(with_samples(early), "past an unfinished record")


def test_a_commit_that_rests_on_an_answer_that_was_cut_is_found() -> None:
    """The vendor took it in, but the bridge cannot know: it must send it again before it goes on."""
    cut = [line(1, "e0", answer="lost"), *LINES[1:]]
    assert finds(with_lines(*cut), "past an unfinished record")
    again = [*LINES[:4], line(5, "f0", user="u2", answer="lost"), line(6, "f0", user="u2")]
    settled = replace(with_lines(*again), samples={VENDOR: (*SAMPLES[:4], sample(6, 2, 6, 1))})
    assert [] == judge(settled)


def test_a_commit_of_what_is_skipped_needs_nothing() -> None:
    """Behind everything that was done, the skipped record may be committed at any time."""
    assert [] == judge(with_samples(sample(4, 2, 6, 0)))
    assert [] == judge(with_samples(sample(4, 2, 5, 0)))


def test_an_offset_that_goes_back_is_found() -> None:
    """What was committed stays committed."""
    assert finds(with_samples(sample(2, 2, 4, 0), sample(2, 2, 2, 0)), "went back from 4 to 2")


def test_an_end_that_was_not_committed_is_found() -> None:
    """The run is over when the end of every partition is committed, and no offset lies beyond."""
    assert finds(replace(CLEAN, samples={VENDOR: SAMPLES[:-1]}), "committed at the end")
    assert finds(replace(CLEAN, samples={VENDOR: (*SAMPLES, sample(9, 9, 6, 2))}), "committed at the end")


# -- order


def test_a_swapped_order_is_found() -> None:
    """Two events of a user at one endpoint, the newer one first; what was committed has waited for both."""
    swapped = with_lines(line(1, "e3"), line(2, "e0"), *LINES[2:])
    late = replace(swapped, samples={VENDOR: SAMPLES[3:]})
    assert judge(late) == [
        f"{VENDOR}: u1 at actions: first of offset 0 of 0 behind 3",
        f"{VENDOR}: u1 at actions: last of offset 3 of 0 behind 0",
    ]


def test_order_is_a_matter_of_one_user_at_one_endpoint_of_one_partition() -> None:
    """Other users, endpoints and partitions may come in any order."""
    others = with_lines(
        line(1, "e3"),
        line(2, "e0", user="u9"),
        line(3, "u1@12:00", "users"),
        line(4, "e4", "companies", user="org1"),
        line(5, "f0"),
    )
    assert [] == judge(replace(others, samples={VENDOR: SAMPLES[-2:]}))


def test_a_link_keeps_the_order_of_its_user() -> None:
    """The link of a group call stands in the lane of the user, though it carries no id of the event."""
    made = (*MADE, Made(0, 6, "identify", "e6"))
    lines = [*LINES[:3], line(4, "e6", "users"), line(5, "u1@12:00", "users"), line(6, "f0", user="u2")]
    end = sample(6, 2, 7, 1)
    swapped = replace(CLEAN, made=made, lines=lines, samples={VENDOR: (end,)})
    assert finds(swapped, "u1 at users: first of offset 4 of 0 behind 6")


def test_a_repeat_that_leaves_the_older_state_is_found() -> None:
    """After a crash everything is repeated to its end: an old event alone would be the vendor's last word."""
    killed = [Disturbance("start", "one", Moment(0, 0), 0.0), Disturbance("kill", "one", Moment(5, 2), 5.0)]
    looks = [sample(5, 2, 0, 0), sample(9, 2, 0, 1, SWAPPED)._replace(disturbance_count=2)]
    end = sample(9, 2, 6, 1, SWAPPED)._replace(disturbance_count=2)

    def crashed(*repeated: Line) -> Evidence:
        return replace(
            CLEAN,
            lines=(*LINES, *repeated),
            samples={VENDOR: (*looks, end)},
            disturbances={VENDOR: killed},
        )

    assert finds(crashed(line(6, "e0")), "last of offset 3 of 0 behind 0")
    assert [] == judge(crashed(line(6, "e0"), line(7, "e3")))
    assert [] == judge(crashed(line(6, "e3")))


def test_repeats_are_judged_as_well() -> None:
    """A second acceptance without a cause is found."""
    assert finds(with_lines(*LINES, line(6, "f0", user="u2")), "repeated without a cause")


def test_every_vendor_is_judged() -> None:
    """A vendor of which there are samples and no deliveries has lost everything."""
    other = replace(CLEAN, samples={VENDOR: SAMPLES, "moveo": ()}, disturbances={VENDOR: (), "moveo": ()})
    assert {"moveo"} == {one.partition(":")[0] for one in judge(other)}
