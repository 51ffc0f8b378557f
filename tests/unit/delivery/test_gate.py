"""When requests may start: slow start, circuit, throttling, hold."""

from __future__ import annotations

import pytest

from processor.delivery.gate import Gate, GateState, Hold
from processor.delivery.settings import CircuitSettings, DeliverySettings
from processor.destinations.base import Backoff

BACKOFF = Backoff(base_s=2.0, factor=2.0, cap_s=300.0, jitter="up_to_20_percent")


def _gate(*, limit: int = 1, failure_count: int = 3, cap_s: float = 60.0, backoff: Backoff = BACKOFF) -> Gate:
    """Return a gate for eight requests that has grown to `limit`."""
    circuit = CircuitSettings(failure_count=failure_count, cap_s=cap_s)
    gate = Gate(DeliverySettings(max_in_flight=8, circuit=circuit), backoff)
    while gate.limit < limit:
        gate.succeeded(0.0)
    return gate


def _hold(reason: str = "http_401", since_s: float = 0.0, *, is_probed: bool = True) -> Hold:
    """Return a hold that is probed each minute."""
    return Hold(reason, "message", since_s, 60.0, is_probed=is_probed)


def _open(gate: Gate, now_s: float = 0.0) -> None:
    """Open the circuit by three failures."""
    for _ in range(3):
        gate.failed(now_s, 0.0)


def test_slow_start_doubles_with_each_success_up_to_the_limit() -> None:
    """One request alone, then two, four, eight and no more."""
    gate = _gate()
    seen = [gate.permits(0.0, 0)]
    for _ in range(4):
        gate.succeeded(0.0)
        seen.append(gate.permits(0.0, 0))
    assert seen == [1, 2, 4, 8, 8]
    assert gate.permits(0.0, 5) == 3
    assert gate.permits(0.0, 9) == 0


def test_the_state_tells_what_the_gate_does() -> None:
    """Starting, flowing, throttled, circuit open and held are told apart."""
    gate = _gate()
    states = [gate.state(0.0)]
    while gate.limit < 8:
        gate.succeeded(0.0)
    states.append(gate.state(0.0))
    gate.throttled(0.0, 10.0, 0.0)
    states.append(gate.state(9.9))
    gate.succeeded(10.0)
    _open(gate, 10.0)
    states.append(gate.state(999.0))
    gate.hold_on(_hold())
    states.append(gate.state(999.0))
    assert [state.value for state in states] == ["starting", "flowing", "throttled", "circuit_open", "held"]


def test_failures_in_a_row_open_the_circuit_and_one_request_decides() -> None:
    """The last of so many failures closes the gate for the base wait; then a single request may start."""
    gate = _gate(limit=8)
    gate.failed(0.0, 0.0)
    gate.failed(0.0, 0.0)
    assert gate.permits(0.0, 0) == 8
    gate.failed(0.0, 0.0)
    assert [gate.permits(at_s, 0) for at_s in (0.0, 1.9, 2.0)] == [0, 0, 1]
    assert gate.wake_s(0.0) == 2.0


def test_a_success_between_failures_keeps_the_circuit_closed() -> None:
    """Only failures in a row count, and a refusal for content proves as much as a success."""
    gate = _gate(limit=8)
    for note in (gate.succeeded, gate.answered):
        gate.failed(0.0, 0.0)
        gate.failed(0.0, 0.0)
        note(0.0)
    gate.failed(0.0, 0.0)
    assert gate.state(0.0) is GateState.FLOWING


def test_requests_under_way_do_not_lengthen_the_pause() -> None:
    """Sixteen requests that fail together are one outage: the second pause is twice the first, not the cap."""
    gate = _gate(limit=8)
    for _ in range(16):
        gate.failed(0.0, 0.0)
    assert gate.wake_s(0.0) == 2.0
    gate.failed(2.0, 0.0)
    assert gate.wake_s(2.0) == 2.0 + 4.0


def test_answers_to_old_requests_open_no_floodgate() -> None:
    """Successes of requests that were under way when the circuit opened leave one request to decide."""
    gate = _gate(limit=8)
    _open(gate)
    for _ in range(5):
        gate.succeeded(0.5)
        gate.answered(0.5)
    assert (gate.state(2.0), gate.permits(2.0, 0), gate.success_count) == (GateState.CIRCUIT_OPEN, 1, 8)
    gate.succeeded(2.0)
    assert (gate.state(2.0), gate.permits(2.0, 0)) == (GateState.STARTING, 2)


def test_the_pause_of_an_open_circuit_grows_to_its_cap_and_never_beyond() -> None:
    """Jitter adds nothing beyond the cap of the circuit."""
    gate = _gate(cap_s=20.0)
    now_s, pauses = 0.0, []
    _open(gate, now_s)
    for _ in range(6):
        wake_s = gate.wake_s(now_s)
        assert wake_s is not None
        pauses.append(wake_s - now_s)
        now_s = wake_s
        gate.failed(now_s, 0.999)
    assert pauses == sorted(pauses)
    assert pauses[-1] == pytest.approx(20.0)


def test_an_open_circuit_rests_although_chance_draws_nothing() -> None:
    """With full jitter an unlucky draw still rests for half the base wait."""
    gate = _gate(backoff=Backoff(base_s=2.0, jitter="full"))
    _open(gate)
    assert gate.wake_s(0.0) == 1.0


def test_a_named_pause_is_kept_and_halves_concurrency_once() -> None:
    """Nothing starts before the time the vendor named; refusals of requests under way halve no further."""
    gate = _gate(limit=8)
    assert gate.throttled(0.0, 30.0, 0.0) == 30.0
    gate.throttled(0.1, 5.0, 0.0)
    assert [gate.permits(at_s, 0) for at_s in (0.1, 29.9, 30.0)] == [0, 0, 4]


def test_the_longest_pause_that_was_named_holds() -> None:
    """A later answer may lengthen the pause."""
    gate = _gate()
    gate.throttled(0.0, 30.0, 0.0)
    gate.throttled(10.0, 60.0, 0.0)
    assert gate.wake_s(10.0) == 70.0


def test_a_pause_without_a_name_grows_only_with_new_requests() -> None:
    """Sixteen answers of 429 at once count as one; the next one after the pause waits twice as long."""
    gate = _gate(limit=8)
    for _ in range(16):
        gate.throttled(0.0, None, 0.0)
    assert gate.wake_s(0.0) == 2.0
    assert gate.throttled(2.0, None, 0.0) == 4.0
    gate.succeeded(6.0)
    assert gate.throttled(6.0, None, 0.0) == 2.0


def test_a_hold_lets_nothing_through_but_probes() -> None:
    """While held nothing is permitted; a probe is due after its pause, alone."""
    gate = _gate(limit=8)
    assert gate.hold_on(_hold())
    assert gate.permits(999.0, 0) == 0
    assert [gate.is_probe_due(at_s, 0) for at_s in (59.9, 60.0)] == [False, True]
    assert not gate.is_probe_due(60.0, 1)
    assert gate.wake_s(0.0) == 60.0


def test_a_probe_waits_for_the_named_pause_too() -> None:
    """A pause that reaches beyond the next probe delays it."""
    gate = _gate()
    gate.hold_on(_hold())
    gate.throttled(0.0, 300.0, 0.0)
    assert not gate.is_probe_due(299.9, 0)
    assert gate.wake_s(0.0) == 300.0


def test_a_failed_probe_waits_for_the_next_minute() -> None:
    """After a probe the next one is due a pause later; without a hold there is none."""
    gate = _gate()
    gate.probe_failed(0.0)
    assert not gate.is_probe_due(999.0, 0)
    gate.hold_on(_hold())
    gate.probe_failed(60.0)
    assert [gate.is_probe_due(at_s, 0) for at_s in (119.9, 120.0)] == [False, True]


def test_the_first_reason_stays_but_a_later_one_may_move_the_probe() -> None:
    """A second hold is no news; the next probe follows the latest answer."""
    gate = _gate()
    first = _hold("http_401")
    assert gate.hold_on(first)
    assert not gate.hold_on(Hold("http_403", "suspended", 60.0, 600.0))
    assert (gate.hold, gate.wake_s(0.0)) == (first, 660.0)


def test_where_no_probe_helps_none_is_sent() -> None:
    """A hold whose end this process will see itself is never probed and never wakes anything."""
    gate = _gate()
    gate.hold_on(_hold("dead_letters", is_probed=False))
    assert not gate.is_probe_due(10_000.0, 0)
    assert gate.wake_s(0.0) is None


def test_resuming_begins_with_one_request_and_keeps_the_named_pause() -> None:
    """Lifting a hold is no leave to disobey Retry-After; concurrency starts anew."""
    gate = _gate(limit=8)
    hold = _hold("dead_letters", is_probed=False)
    gate.throttled(0.0, 100.0, 0.0)
    gate.hold_on(hold)
    assert gate.resume() is hold
    assert [gate.permits(at_s, 0) for at_s in (99.9, 100.0)] == [0, 1]
    assert gate.resume() is None


def test_successes_of_old_requests_do_not_widen_a_held_gate() -> None:
    """What is answered while held changes nothing about beginning with one request."""
    gate = _gate(limit=8)
    gate.hold_on(_hold())
    gate.succeeded(1.0)
    assert gate.limit == 1


@pytest.mark.parametrize(
    ("reason", "is_credential"), [("http_401", True), ("http_403", True), ("guard_tripped", False)]
)
def test_only_refusals_of_the_key_can_be_asked_about(reason: str, *, is_credential: bool) -> None:
    """The credential route tells nothing about other causes."""
    assert _hold(reason).is_credential is is_credential


def test_an_open_gate_needs_no_waking() -> None:
    """Where nothing is closed, time changes nothing."""
    assert _gate().wake_s(0.0) is None
