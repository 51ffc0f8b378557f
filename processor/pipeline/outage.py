"""What the log says when a vendor cannot be reached: once when it begins, once when it is over."""

from __future__ import annotations

import logging

log = logging.getLogger(__name__)


class Outage:
    """Follows the circuit and writes a line for each change; without it an outage would show on the page alone."""

    def __init__(self, destination: str) -> None:
        """Begin without an outage."""
        self._destination = destination
        self._is_on = False

    def follow(self, reason: str, *, is_circuit_open: bool) -> None:
        """Say what has changed since the last call; `reason` is the code of the latest failure."""
        if is_circuit_open == self._is_on:
            return
        self._is_on = is_circuit_open
        if is_circuit_open:
            text = "destination %s: requests fail (%s); until one succeeds, a single one is tried after each pause"
            log.warning(text, self._destination, reason)
        else:
            log.info("destination %s: requests are answered again", self._destination)
