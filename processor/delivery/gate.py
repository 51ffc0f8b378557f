"""Whether requests may start now: slow start, circuit, throttling and hold, for all requests of a destination at once.

A decider: it takes the monotonic time and says how many requests may start. One dispatcher feeds it every outcome.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from processor.delivery.retry import next_wait_s
from processor.delivery.settings import DeliverySettings
from processor.destinations.base import Backoff

CREDENTIAL_REASONS = frozenset({"http_401", "http_402", "http_403"})
"""Refusals of key or account, which a credential route can ask about."""


class GateState(Enum):
    """What a destination is doing, as its status shows it."""

    STARTING = "starting"
    FLOWING = "flowing"
    THROTTLED = "throttled"
    CIRCUIT_OPEN = "circuit_open"
    HELD = "held"


class Stop(Enum):
    """What an operator has stopped."""

    NOTHING = "nothing"
    READING = "reading"
    """Nothing more is read; what was read is delivered."""
    ALL = "all"
    """Nothing more is sent either."""


class Hold(Struct, gc=False, frozen=True):
    """Why a destination is held and how it comes loose.

    `is_probed` is false where no probe can help, because this process knows the cause and will say when it is gone.
    """

    reason: str
    message: str
    since_s: float
    probe_s: float
    is_probed: bool = True

    @property
    def is_credential(self) -> bool:
        """Return whether the vendor's credential route can tell that the cause is gone."""
        return self.reason in CREDENTIAL_REASONS


class Gate:
    """The one place that says whether the destination may be sent to.

    Requests that were under way when the gate closed may be answered while it is closed. What they say is old: it
    neither lengthens the backoff of the failure that closed the gate, nor lets more than one request through after it.
    A longer pause that the vendor names is kept all the same.
    """

    def __init__(self, settings: DeliverySettings, backoff: Backoff) -> None:
        """Begin with one request alone; concurrency doubles with each success."""
        self._settings = settings
        self._backoff = backoff
        self._limit = 1
        self._failure_count = 0
        self._throttle_count = 0
        self._closed_until_s = float("-inf")
        self.is_circuit_open = False
        self._next_probe_s = float("-inf")
        self.hold: Hold | None = None
        self.stop = Stop.NOTHING
        """An operator's word, which no answer of the vendor changes."""
        self.success_count = 0

    @property
    def limit(self) -> int:
        """Return how many requests may be in flight once the gate lets any through."""
        return self._limit

    def state(self, now_s: float) -> GateState:
        """Return what the destination is doing."""
        if self.hold is not None:
            return GateState.HELD
        if self.is_circuit_open:
            return GateState.CIRCUIT_OPEN
        if now_s < self._closed_until_s:
            return GateState.THROTTLED
        return GateState.FLOWING if self._limit >= self._settings.max_in_flight else GateState.STARTING

    @property
    def is_paused(self) -> bool:
        """Return whether an operator wants nothing to be sent, probes included."""
        return self.stop is Stop.ALL

    def is_closed(self, now_s: float, *, is_probe: bool = False) -> bool:
        """Return whether nothing may start but a probe; of a probe, whether that may not either."""
        return self.is_paused or (not is_probe and (self.hold is not None or now_s < self._closed_until_s))

    def permits(self, now_s: float, in_flight_count: int) -> int:
        """Return how many requests may start now, probes aside."""
        if self.is_closed(now_s):
            return 0
        return max(0, self._limit - in_flight_count)

    def is_probe_due(self, now_s: float, in_flight_count: int) -> bool:
        """Return whether a held destination may be tried with one request."""
        return (
            self.hold is not None
            and self.hold.is_probed
            and not self.is_paused
            and in_flight_count == 0
            and now_s >= max(self._next_probe_s, self._closed_until_s)
        )

    def wake_s(self, now_s: float) -> float | None:
        """Return the monotonic time at which the answer of `permits` or `is_probe_due` changes by itself."""
        if self.is_paused:
            return None
        if self.hold is not None:
            return max(self._next_probe_s, self._closed_until_s) if self.hold.is_probed else None
        return self._closed_until_s if now_s < self._closed_until_s else None

    def succeeded(self, now_s: float) -> None:
        """Note an accepted request: the circuit closes, concurrency doubles."""
        self.success_count += 1
        self.answered(now_s)
        if self.hold is None and now_s >= self._closed_until_s:
            self._limit = min(self._limit * 2, self._settings.max_in_flight)

    def answered(self, now_s: float) -> None:
        """Note an answer that refuses a request for what is in it: the vendor is there, so no outage is counted."""
        if now_s >= self._closed_until_s:
            self._failure_count = self._throttle_count = 0
            self.is_circuit_open = False

    def failed(self, now_s: float, chance: float) -> None:
        """Note a request that met an outage; enough of them in a row open the circuit."""
        if now_s < self._closed_until_s:
            return
        self._failure_count += 1
        circuit = self._settings.circuit
        excess = self._failure_count - circuit.failure_count
        if excess < 0:
            return
        self.is_circuit_open = True
        self._limit = 1
        wait_s = next_wait_s(self._backoff, excess + 1, chance, cap_s=circuit.cap_s)
        # Full jitter may draw next to nothing; an open circuit always rests for a while.
        self._close(now_s + min(max(wait_s, self._backoff.base_s / 2), circuit.cap_s))

    def throttled(self, now_s: float, wait_s: float | None, chance: float) -> float:
        """Note that the vendor asked for a pause, of `wait_s` where it said so; return the pause that is kept."""
        if now_s >= self._closed_until_s:
            self._throttle_count += 1
            self._limit = max(1, self._limit // 2)
        pause_s = next_wait_s(self._backoff, self._throttle_count, chance) if wait_s is None else wait_s
        self._close(now_s + pause_s)
        return pause_s

    def _close(self, until_s: float) -> None:
        """Let nothing start before a time; a longer pause that is already kept stays."""
        self._closed_until_s = max(self._closed_until_s, until_s)

    def hold_on(self, hold: Hold) -> bool:
        """Hold the destination; return whether that is news. The first reason stays until it is lifted."""
        self._limit = 1
        self._next_probe_s = hold.since_s + hold.probe_s
        if self.hold is not None:
            return False
        self.hold = hold
        return True

    def probe_failed(self, now_s: float) -> None:
        """Note that a probe was refused as well: look again after the pause between probes."""
        if self.hold is not None:
            self._next_probe_s = now_s + self.hold.probe_s

    def resume(self) -> Hold | None:
        """Lift the hold: a probe was accepted or an operator said so. Begin with one request alone.

        A pause that the vendor asked for is kept.

        Returns:
            The hold that was lifted, or None when there was none.
        """
        lifted, self.hold = self.hold, None
        self._limit = 1
        self._failure_count = self._throttle_count = 0
        self.is_circuit_open = False
        return lifted
