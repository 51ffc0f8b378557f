"""What follows from a verdict, one answer at a time."""

from __future__ import annotations

import pytest

from processor.delivery.batches import Batch
from processor.delivery.conclusion import GUARD_REASON, Conclusion
from processor.delivery.gate import Hold
from processor.delivery.settings import IsolationSettings
from processor.errors import InvariantError
from processor.model import Decision, Verdict
from tests.concluding import DELIVERED, HELD, PLAIN, REFUSED, REJECTED, RETRY, Desk


def test_a_delivered_batch_is_done() -> None:
    """Every parcel is delivered, and concurrency grows."""
    desk = Desk()
    done = desk.say(desk.maker.batch("a", "b"), DELIVERED)
    assert (len(done.delivered), done.again, desk.gate.limit) == (2, [], 2)


def test_only_the_named_ones_of_a_delivered_batch_are_refused() -> None:
    """Items that the answer names are rejected with its reason, the others are delivered."""
    desk = Desk()
    batch = desk.maker.batch("a", "b", "c")
    expected = batch.parcels[1]
    done = desk.say(batch, Verdict(Decision.DELIVERED, reason="http_207", failed=frozenset({1}), message="item 1"))
    assert [(one.parcel, one.reason, one.message) for one in done.rejected] == [(expected, "http_207", "item 1")]
    assert (len(done.delivered), desk.guard.refused_count) == (2, 1)


@pytest.mark.parametrize("index", [-1, 2])
def test_a_name_outside_the_batch_is_a_bug(index: int) -> None:
    """An answer that cannot be matched with its request must not be guessed at."""
    desk = Desk()
    with pytest.raises(InvariantError):
        desk.say(desk.maker.batch("a", "b"), Verdict(Decision.DELIVERED, failed=frozenset({index})))


def test_refusals_inside_successes_trip_the_guard_too() -> None:
    """A vendor that says 200 and names every item as failed cannot drain the topic into dead letters."""
    desk = Desk()
    all_failed = Verdict(Decision.DELIVERED, reason="http_207", failed=frozenset({0, 1, 2}))
    done = desk.say(desk.maker.batch("a", "b", "c"), all_failed)
    assert done.hold is not None
    assert (done.hold.reason, desk.gate.hold, len(done.rejected)) == (GUARD_REASON, done.hold, 3)
    again = desk.say(desk.maker.batch("d"), Verdict(Decision.DELIVERED, failed=frozenset({0})))
    assert (again.hold, len(again.rejected)) == (None, 1)


def test_a_refused_batch_is_halved_until_the_guilty_one_stands_alone() -> None:
    """Halves start at once; a single refused parcel is rejected with the vendor's reason and message."""
    desk = Desk()
    done = desk.say(desk.maker.batch("a", "b", "c"), REFUSED)
    assert [(len(one), one.wake_s) for one in done.again] == [(2, 0.0), (1, 0.0)]
    last = desk.say(done.again[1], REJECTED)
    assert [(one.reason, one.message) for one in last.rejected] == [("http_400", "no name")]


def test_a_rejected_part_lets_the_part_behind_it_go_on() -> None:
    """Halves of one lane follow each other, also when the first ends as a dead letter."""
    desk = Desk()
    batch = desk.maker.batch("a", "a")
    assert desk.say(batch, REFUSED).again == [batch]
    done = desk.say(batch, REJECTED)
    assert (len(done.rejected), done.again, len(batch)) == (1, [batch], 1)


def test_beyond_the_extra_requests_halves_wait_and_nothing_is_sent_whole() -> None:
    """Every halving is paid for: once the budget is used up, halves wait longer and longer."""
    desk = Desk(max_extra_requests_per_minute=60)
    wakes = [desk.say(desk.maker.batch("a", "b"), REFUSED).again for _ in range(3)]
    assert [[one.wake_s for one in halves] for halves in wakes] == [[0.0, 0.0], [2.0, 2.0], [4.0, 4.0]]
    assert all(len(one) == 1 for halves in wakes for one in halves)


def test_refusals_of_enough_users_hold_instead_of_draining() -> None:
    """The refusal that trips the guard is put back, not dead-lettered; its batch mates stay as well."""
    desk = Desk()
    for user in ("a", "b"):
        desk.say(desk.maker.batch(user), REJECTED)
    done = desk.say(desk.maker.batch("c"), REJECTED)
    assert done.hold is not None
    assert (done.hold.reason, done.is_put_back, done.rejected) == (GUARD_REASON, True, [])
    assert done.hold.message == "3 of the latest payloads were refused (http_400)"


def _held(desk: Desk, reason: str = GUARD_REASON) -> None:
    """Hold the destination."""
    desk.gate.hold_on(Hold(reason, "", desk.now_s, 60.0))


def _probe(desk: Desk) -> Batch:
    """Return a probe."""
    probe = desk.maker.batch("a")
    probe.is_probe = True
    return probe


@pytest.mark.parametrize("verdict", [REJECTED, Verdict(Decision.DELIVERED, failed=frozenset({0}))])
def test_a_guard_is_not_lifted_by_a_refused_probe(verdict: Verdict) -> None:
    """Also a success that names the probe's one item as failed is a refusal."""
    desk = Desk()
    _held(desk)
    done = desk.say(_probe(desk), verdict)
    assert (done.is_put_back, done.is_resumed, desk.gate.hold is None) == (True, False, False)


def test_only_what_was_refused_alone_in_the_hold_is_accepted_with_it() -> None:
    """A payload that came in a refused batch may be innocent; its refusal counts, and trips the guard anew."""
    desk = Desk()
    for user in ("a", "b"):
        desk.say(desk.maker.batch(user), REJECTED)
    tripping, alone, together = desk.maker.batch("c"), desk.maker.batch("d"), desk.maker.batch("e", "f")
    assert desk.say(tripping, REJECTED).hold is not None
    assert (desk.say(alone, REJECTED).is_put_back, desk.say(together, REFUSED).is_put_back) == (True, True)
    desk.guard.accept()
    desk.gate.resume()
    assert [len(desk.say(one, REJECTED).rejected) for one in (tripping, alone)] == [1, 1]
    assert desk.guard.refused_count == 0
    for half in desk.say(together, REFUSED).again:
        desk.say(half, REJECTED)
    assert desk.guard.refused_count == 2
    assert desk.say(desk.maker.batch("g"), REJECTED).hold is not None


def test_an_accepted_probe_lifts_the_hold_and_the_guard_begins_anew() -> None:
    """After an accepted probe nothing of the past trips the guard."""
    desk = Desk()
    for user in ("a", "b", "c"):
        desk.guard.refused(user)
    _held(desk)
    done = desk.say(_probe(desk), DELIVERED)
    assert (done.is_resumed, desk.gate.hold, desk.guard.refused_count, desk.gate.limit) == (True, None, 0, 2)


def test_a_refused_payload_proves_that_the_key_is_right() -> None:
    """A probe that is refused for its content lifts a hold for the key, and is rejected itself."""
    desk = Desk()
    _held(desk, "http_401")
    done = desk.say(_probe(desk), REJECTED)
    assert (done.is_resumed, desk.gate.hold, len(done.rejected)) == (True, None, 1)


@pytest.mark.parametrize("verdict", [REFUSED, RETRY, HELD, PLAIN])
def test_answers_to_old_requests_put_back_what_they_held(verdict: Verdict) -> None:
    """While held, requests that were under way come back to their lanes, whatever else their answers say."""
    desk = Desk()
    _held(desk, "http_401")
    done = desk.say(desk.maker.batch("a", "b"), verdict)
    assert (done.is_put_back, done.again, done.hold, done.is_resumed) == (True, [], None, False)


def test_an_old_request_that_is_accepted_lifts_nothing() -> None:
    """Only a probe says that the cause is gone."""
    desk = Desk()
    _held(desk, "http_401")
    done = desk.say(desk.maker.batch("a"), DELIVERED)
    assert (done.is_resumed, desk.gate.hold is None, len(done.delivered)) == (False, False, 1)


def test_a_hold_keeps_the_vendors_pause_between_probes() -> None:
    """The contract's own pause between probes wins over the setting."""
    desk = Desk()
    done = desk.say(desk.maker.batch("a"), Verdict(Decision.HOLD, reason="http_403", probe_s=600.0))
    assert done.hold is not None
    assert (done.hold.probe_s, done.is_put_back) == (600.0, True)


def test_retries_back_off() -> None:
    """Each failure in a row doubles the wait."""
    desk = Desk(circuit={"failure_count": 100})
    batch = desk.maker.batch("a")
    assert [desk.say(batch, RETRY).again[0].wake_s for _ in range(4)] == [1.0, 2.0, 4.0, 8.0]


def test_a_named_pause_closes_the_whole_destination() -> None:
    """Retry-After holds for the batch and for the gate; a bare 429 is a pause as well."""
    desk = Desk()
    batch = desk.maker.batch("a")
    done = desk.say(batch, Verdict(Decision.RETRY, reason="http_503", is_throttled=True, wait_s=30.0), 503)
    assert (done.pause_s, batch.wake_s, desk.gate.permits(29.9, 0)) == (30.0, 30.0, 0)
    desk.now_s = 30.0
    assert desk.say(batch, Verdict(Decision.RETRY, reason="http_429", is_throttled=True), 429).pause_s is not None


def test_a_retry_turns_into_a_hold_after_so_many_attempts() -> None:
    """Where a contract says so, a missing route is believed after a few attempts."""
    desk = Desk()
    batch = desk.maker.batch("a")
    verdict = Verdict(Decision.RETRY, reason="http_404", hold_after=3)
    holds = [desk.say(batch, verdict, 404).hold for _ in range(3)]
    assert [hold is None for hold in holds] == [True, True, False]


def test_other_failures_say_nothing_of_a_route() -> None:
    """Only answers that would hold in the end are counted, and only those in a row."""
    desk = Desk()
    batch = desk.maker.batch("a")
    missing = Verdict(Decision.RETRY, reason="http_404", hold_after=3)
    answers = [(RETRY, 500)] * 3 + [(missing, 404)] * 2 + [(RETRY, 500)] + [(missing, 404)] * 3
    holds = [desk.say(batch, verdict, status).hold for verdict, status in answers]
    assert [hold is None for hold in holds] == [True] * 8 + [False]


def test_attempts_are_unlimited_unless_set_and_count_only_retries() -> None:
    """A limit counts answers that say to try again, not refusals of neighbours or probes of a held destination."""
    desk = Desk(max_attempts=2)
    batch = desk.maker.batch("a", "b")
    for parcel in batch.parcels:
        parcel.attempt_count = 50
    batch.parcels[0].retry_count = 1
    done = desk.say(batch, RETRY)
    assert [(one.reason, one.message) for one in done.rejected] == [("vendor_error", "2 attempts (http_500)")]
    assert [(len(one), one.wake_s) for one in done.again] == [(1, 1.0)]
    done = desk.say(batch, RETRY)
    assert (len(done.rejected), done.again) == (1, [])


@pytest.mark.parametrize(
    ("status", "wait_s"),
    [
        pytest.param(429, None, id="429"),
        pytest.param(503, 1.0, id="503 that names a pause"),
        pytest.param(503, None, id="503 that names none"),
    ],
)
def test_being_throttled_is_no_failed_attempt(status: int, wait_s: float | None) -> None:
    """That the vendor wants less at a time makes no dead letter, whatever number of attempts the settings allow."""
    desk = Desk(max_attempts=1)
    batch = desk.maker.batch("a")
    throttled = Verdict(Decision.RETRY, reason=f"http_{status}", is_throttled=True, wait_s=wait_s)
    for _ in range(5):
        done = desk.say(batch, throttled, status=status)
        assert (done.rejected, len(done.again)) == ([], 1)
        desk.now_s = batch.wake_s
    assert [one.reason for one in desk.say(batch, RETRY).rejected] == ["vendor_error"]


def test_a_batch_that_fails_while_others_succeed_is_taken_apart() -> None:
    """After so many lonely failures it is halved, and its parts with the next one."""
    desk = Desk(circuit={"failure_count": 100})
    batch = desk.maker.batch("a", "b", "c", "d")
    sizes = []
    for _ in range(4):
        sizes.append([len(one) for one in desk.say(batch, RETRY).again])
        desk.others_succeed()
    assert sizes == [[4], [4], [2, 2], [1, 1]]


def test_without_successes_elsewhere_nothing_is_taken_apart() -> None:
    """However long an outage lasts, batches stay whole and payloads are kept."""
    desk = Desk()
    batch, single = desk.maker.batch("a", "b"), desk.maker.batch("c")
    for _ in range(50):
        desk.now_s += 100.0
        assert [len(one) for one in desk.say(batch, RETRY).again] == [2]
        assert desk.say(single, RETRY, None, "timeout").again == [single]


def test_a_batch_beside_which_there_is_nothing_is_taken_apart() -> None:
    """Its own payloads are the only others: halves show which one is to blame, and nothing is given up for it."""
    desk = Desk(circuit={"failure_count": 100}, isolation=IsolationSettings(failure_count=3, give_up_s=1.0))
    batch = desk.maker.batch("a", "b", "c")
    batch.is_alone = True
    sizes = []
    for _ in range(3):
        desk.now_s += 100.0
        sizes.append([len(one) for one in desk.say(batch, RETRY).again])
    assert sizes == [[3], [3], [2, 1]]
    for _ in range(50):
        desk.now_s += 100.0
        assert desk.say(batch, RETRY).rejected == []
    assert len(batch) == 1


def _fail_alone(desk: Desk, batch: Batch, seconds: float) -> Conclusion:
    """Let others succeed, then let the batch fail so many seconds after it was due."""
    desk.others_succeed()
    desk.now_s = max(batch.wake_s, 0.0) + seconds
    return desk.say(batch, RETRY)


def test_a_payload_that_alone_keeps_failing_is_given_up_in_the_end() -> None:
    """So many seconds of failing alone while others succeed, and it ends as vendor_error."""
    desk = Desk(circuit={"failure_count": 1000})
    batch = desk.maker.batch("a")
    while not (done := _fail_alone(desk, batch, 1.0)).rejected:
        assert desk.now_s < 400.0
    assert [one.reason for one in done.rejected] == ["vendor_error"]
    assert desk.now_s >= 100.0


def test_a_success_that_says_nothing_costs_one_payload_in_the_end() -> None:
    """A receiver whose answer to one payload can never be read does not keep its neighbours for ever."""
    desk = Desk(circuit={"failure_count": 1000})
    batch = desk.maker.batch("a", "b")
    unread = Verdict(Decision.RETRY, reason="http_200")
    while not (done := desk.say(batch, unread, status=200)).rejected:
        desk.others_succeed()
        desk.now_s = max(batch.wake_s, 0.0) + 1.0
        assert desk.now_s < 400.0
    assert ([one.reason for one in done.rejected], len(batch)) == (["vendor_error"], 0)


def test_time_in_an_outage_proves_nothing_against_a_payload() -> None:
    """Hours between two failures, of which most was an open circuit, do not count as failing alone."""
    desk = Desk(circuit={"failure_count": 1000})
    batch = desk.maker.batch("a")
    for _ in range(3):
        assert _fail_alone(desk, batch, 10_000.0).rejected == []


@pytest.mark.parametrize(
    ("verdict", "status", "error"),
    [
        (Verdict(Decision.RETRY, reason="http_429", is_throttled=True), 429, ""),
        (Verdict(Decision.RETRY, reason="connect"), None, "connect"),
    ],
)
def test_failures_of_the_way_interrupt_the_count(verdict: Verdict, status: int | None, error: str) -> None:
    """A throttled or unconnected attempt is nobody's fault; the time around it is not counted."""
    desk = Desk(circuit={"failure_count": 1000})
    batch = desk.maker.batch("a")
    _fail_alone(desk, batch, 1.0)
    desk.say(batch, verdict, status, error)
    before = batch.parcels[0].lonely_s
    _fail_alone(desk, batch, 1.0)
    assert batch.parcels[0].lonely_s == before


def test_a_refusal_of_the_coding_is_answered_with_plain_bytes_once() -> None:
    """The first time the batch goes again without compression, the second time the destination holds."""
    desk = Desk()
    batch = desk.maker.batch("a")
    done = desk.say(batch, PLAIN)
    assert (done.again, batch.is_plain, batch.wake_s) == ([batch], True, 0.0)
    done = desk.say(batch, PLAIN)
    assert done.hold is not None
    assert (done.hold.reason, batch.is_plain) == ("http_415", False)


def test_a_probe_refused_for_its_coding_lifts_a_hold_for_the_key() -> None:
    """Probes are compressed alike: staying held would mean staying held for ever."""
    desk = Desk()
    _held(desk, "http_401")
    probe = _probe(desk)
    done = desk.say(probe, PLAIN)
    assert (done.is_resumed, done.again, probe.is_plain) == (True, [probe], True)


def test_a_probe_is_a_probe_only_until_it_is_sent_again() -> None:
    """A request that once was a probe cannot lift a later hold."""
    desk = Desk()
    probe = _probe(desk)
    desk.say(probe, RETRY)
    _held(desk, "http_401")
    assert not desk.say(probe, DELIVERED).is_resumed
