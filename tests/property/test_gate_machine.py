"""The gate under any order of answers, holds and pauses."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from processor.delivery.gate import Gate, GateState, Hold, Stop
from processor.delivery.settings import CircuitSettings, DeliverySettings
from processor.destinations.base import Backoff

MAX_IN_FLIGHT = 8
FAILURE_COUNT = 3
CAP_S = 20.0
PROBE_S = 60.0
CHANCE = st.floats(0, 0.999)


class Gates(RuleBasedStateMachine):
    """Starts what the gate permits, answers anything, and keeps the promises in plain variables."""

    def __init__(self) -> None:
        """Begin at second zero with nothing in flight."""
        super().__init__()
        circuit = CircuitSettings(failure_count=FAILURE_COUNT, cap_s=CAP_S)
        self.gate = Gate(
            DeliverySettings(max_in_flight=MAX_IN_FLIGHT, circuit=circuit), Backoff(base_s=2.0, cap_s=50.0)
        )
        self.now_s = 0.0
        self.in_flight = 0
        self.obeyed_until_s = 0.0
        self.is_probing = False
        self.last_probe_s = float("-inf")

    @rule(seconds=st.floats(0, 100))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now_s += seconds

    @rule()
    def wait_until_woken(self) -> None:
        """Sleep as long as the gate says: at that time something must have changed."""
        wake_s = self.gate.wake_s(self.now_s)
        if wake_s is not None and wake_s > self.now_s:
            self.now_s = wake_s
            assert self.gate.permits(wake_s, 0) > 0 or self.gate.is_probe_due(wake_s, 0)

    @rule(count=st.integers(1, 20))
    def start(self, count: int) -> None:
        """Start what is permitted, never before the time that the vendor named, never while held."""
        permitted = self.gate.permits(self.now_s, self.in_flight)
        if permitted:
            assert self.now_s >= self.obeyed_until_s
            assert self.gate.hold is None
            assert self.gate.stop is not Stop.ALL
        if self.gate.state(self.now_s) is GateState.CIRCUIT_OPEN:
            assert permitted <= (self.in_flight == 0)
        self.in_flight += min(count, permitted)
        assert self.in_flight <= max(self.gate.limit, self.in_flight - min(count, permitted)) <= MAX_IN_FLIGHT

    @rule()
    def probe(self) -> None:
        """Probe when it is due: alone, while held, and not more often than agreed."""
        if self.gate.is_probe_due(self.now_s, self.in_flight):
            assert self.gate.hold is not None
            assert self.gate.hold.is_probed
            assert self.gate.stop is not Stop.ALL
            assert self.in_flight == 0
            assert self.now_s >= max(self.obeyed_until_s, self.last_probe_s + PROBE_S)
            self.gate.probe_failed(self.now_s)
            self.last_probe_s = self.now_s
            self.in_flight = 1
            self.is_probing = True

    @precondition(lambda self: self.in_flight)
    @rule(is_accepted=st.booleans())
    def accept_or_refuse(self, *, is_accepted: bool) -> None:
        """Answer a request by its content: concurrency doubles at most, and nothing is counted as an outage."""
        before = self.gate.limit
        if self.is_probing and is_accepted:
            self._resumed()
            before = 1
        (self.gate.succeeded if is_accepted else self.gate.answered)(self.now_s)
        self._ended()
        assert self.gate.limit in ({before, min(2 * before, MAX_IN_FLIGHT)} if is_accepted else {before})

    @precondition(lambda self: self.in_flight)
    @rule(chance=CHANCE)
    def fail(self, chance: float) -> None:
        """Answer with an outage; only enough of them close the gate, and never beyond the cap."""
        wake_s = self.gate.wake_s(self.now_s)
        self.gate.failed(self.now_s, chance)
        self._ended()
        if self.gate.hold is None and self.gate.wake_s(self.now_s) != wake_s:
            assert self.gate.limit == 1
            after_s = self.gate.wake_s(self.now_s)
            assert after_s is not None
            assert after_s - self.now_s <= CAP_S

    @precondition(lambda self: self.in_flight)
    @rule(wait_s=st.none() | st.floats(0.1, 900), chance=CHANCE)
    def throttle(self, wait_s: float | None, chance: float) -> None:
        """Answer with a pause, named or not."""
        before = self.gate.limit
        pause_s = self.gate.throttled(self.now_s, wait_s, chance)
        assert wait_s in {None, pause_s}
        assert self.gate.limit >= before // 2
        self.obeyed_until_s = max(self.obeyed_until_s, self.now_s + pause_s)
        self._ended()

    @rule(is_probed=st.booleans())
    def hold(self, *, is_probed: bool) -> None:
        """Hold; only the first is news."""
        was_held = self.gate.hold is not None
        assert self.gate.hold_on(Hold("http_401", "", self.now_s, PROBE_S, is_probed=is_probed)) is not was_held

    @rule(stop=st.sampled_from(Stop))
    def operator_orders(self, stop: Stop) -> None:
        """Stop something or nothing, by an operator's word."""
        self.gate.stop = stop

    @precondition(lambda self: self.gate.hold is not None)
    @rule()
    def operator_resumes(self) -> None:
        """Lift the hold by an operator's word."""
        self._resumed()

    def _resumed(self) -> None:
        """Lift the hold; concurrency begins with one, and named pauses are kept."""
        self.gate.resume()
        self.last_probe_s = float("-inf")
        assert (self.gate.hold, self.gate.limit) == (None, 1)

    def _ended(self) -> None:
        """Take a request off the books."""
        self.in_flight -= 1
        self.is_probing = False

    @invariant()
    def bounds_hold(self) -> None:
        """Concurrency stays between one and the setting; a held gate lets nothing through."""
        assert 1 <= self.gate.limit <= MAX_IN_FLIGHT
        permitted = self.gate.permits(self.now_s, self.in_flight)
        assert 0 <= permitted <= MAX_IN_FLIGHT
        if self.gate.hold is not None:
            assert permitted == 0
            assert self.gate.state(self.now_s) is GateState.HELD

    @invariant()
    def something_comes_next(self) -> None:
        """With nothing in flight, either something may start, or there is a time at which it may, or one must act."""
        if self.in_flight or self.gate.permits(self.now_s, 0) or self.gate.is_probe_due(self.now_s, 0):
            return
        is_for_others_to_end = self.gate.hold is not None and not self.gate.hold.is_probed
        assert self.gate.wake_s(self.now_s) is not None or is_for_others_to_end or self.gate.is_paused


TestGate = Gates.TestCase
TestGate.settings = settings(max_examples=80, stateful_step_count=60)
