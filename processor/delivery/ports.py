"""What delivery needs from outside: a way to send, a listener, a clock. Given to the dispatcher, faked in tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from processor.delivery.conclusion import Rejection
from processor.delivery.gate import Hold
from processor.delivery.parcel import Parcel
from processor.model import Answer, Verdict


class Transport(Protocol):
    """Sends one request and always comes back with an answer."""

    async def send(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        content: bytes,
        deadline_s: float,
        set_out: Callable[[], None],
    ) -> Answer:
        """Return the answer, or why there is none, within `deadline_s` seconds. Raises nothing but cancellation.

        `set_out` is called before the first byte of the content is handed to a connection.
        """


class Attempt(Struct, frozen=True):
    """One request that has come to its end, for counters and logs."""

    endpoint: str
    payload_count: int
    body_bytes: int
    wire_bytes: int
    duration_s: float
    answer: Answer
    verdict: Verdict
    is_probe: bool


class Listener(Protocol):
    """Hears what becomes of parcels. Called on the event loop; must not block and must not raise."""

    def delivered(self, parcels: list[Parcel]) -> None:
        """The vendor accepted these."""

    def rejected(self, rejection: Rejection, answer: Answer) -> None:
        """This one cannot be delivered: a dead letter."""

    def copied(self, parcels: list[Parcel]) -> None:
        """These repeat what was delivered already."""

    def released(self, parcels: list[Parcel]) -> None:
        """These are given up with their partition; the next owner reads them again."""

    def attempted(self, attempt: Attempt) -> None:
        """A request has come to its end."""

    def held(self, hold: Hold) -> None:
        """The destination stopped."""

    def resumed(self) -> None:
        """The destination goes on."""

    def retrying(self, endpoint: str, reason: str) -> None:
        """A batch will be sent again."""

    def compression_off(self, endpoint: str) -> None:
        """The vendor takes an endpoint's bodies only without compression."""

    def failed(self, error: BaseException) -> None:
        """A bug: nothing further may be committed."""


class Clock(Protocol):
    """Time and chance, passed in so that tests decide about them."""

    def now_s(self) -> float:
        """Return monotonic seconds."""

    def wall_ms(self) -> int:
        """Return the wall clock in epoch milliseconds."""

    def chance(self) -> float:
        """Return a number from zero to below one."""
