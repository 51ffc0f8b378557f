"""Whether any broker can be reached: one notice when that ends, with its cause, and one when it is over.

The client says the same outage in several ways, once for each broker and each try. It decides with a given time.
"""

from __future__ import annotations

from typing import Final

from processor.errors import BrokerError
from processor.source.notices import Notice, NoticeCode

ALL_DOWN: Final = "_ALL_BROKERS_DOWN"
CAUSES: Final = frozenset({"_TRANSPORT", "_RESOLVE", "_SSL", "_AUTHENTICATION"})
"""Errors of the connection to one broker. Each may be why none can be reached, which the client says a moment later."""
_CONSEQUENCES: Final = CAUSES | {ALL_DOWN, "_TIMED_OUT"}
"""What is no news while no broker can be reached."""
GRACE_S: Final = 1.0
"""An error of one connection that is not followed by more within this time is one broker's alone."""


class Reach:
    """What is known of it. Consumer thread only."""

    def __init__(self) -> None:
        """Begin without any trouble."""
        self._is_lost = False
        self._told_code = ""
        self._cause: BrokerError | None = None
        self._cause_s = 0.0

    def heard(self, error: BrokerError, now_s: float) -> Notice | None:
        """Return what is to be said of an error at once, if anything is.

        An error of one connection is kept back; `due` gives it if it was not the beginning of more.
        """
        if error.code == ALL_DOWN and not self._is_lost:
            return self._lost(error if self._cause is None else self._cause)
        if self._is_lost and error.code in CAUSES and error.code != self._told_code:
            return self._lost(error)
        if error.code in CAUSES and not self._is_lost and self._cause is None:
            self._cause, self._cause_s = error, now_s
        return None

    def is_told(self, error: BrokerError) -> bool:
        """Return whether an error says nothing beyond what is told of the reach."""
        return error.code in CAUSES or error.code == ALL_DOWN or (self._is_lost and error.code in _CONSEQUENCES)

    def due(self, now_s: float) -> BrokerError | None:
        """Return an error of one connection that was kept back and has stayed alone."""
        if self._cause is None or now_s - self._cause_s < GRACE_S:
            return None
        cause, self._cause = self._cause, None
        return cause

    def reached(self) -> Notice | None:
        """Note that a broker has answered; return what is to be said of it."""
        if not self._is_lost:
            return None
        self._is_lost, self._told_code = False, ""
        return Notice(NoticeCode.BROKERS_BACK, "info", "a broker is reached again")

    def _lost(self, cause: BrokerError) -> Notice:
        self._is_lost, self._told_code, self._cause = True, str(cause.code), None
        return Notice(NoticeCode.BROKERS_DOWN, "warning", f"no broker can be reached, and is tried again: {cause}")
