"""Says, while a destination runs, what trying again does not mend: certificates, credentials, a right, a setting.

The clients of a destination go on trying by themselves, and what they say of it is a code, or a text for every cause
alike. So the questions of `check --online` are asked beside them, and the answer is one line for each change of it.
Brokers that are merely down are the source's to tell.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final, TypeAlias

from processor.errors import BrokerError, ConfigError
from processor.source.contact import REFUSED_CODES
from processor.source.deadline import Deadline

log = logging.getLogger(__name__)

Lacking: TypeAlias = Callable[[Deadline], list[str]]
"""Returns which rights are not granted; raises `BrokerError` where the cluster does not say."""
Contact: TypeAlias = Callable[[], None]
"""Returns when a broker has answered; raises `BrokerError` with why none can be used."""

ASK_S: Final = 5.0
"""Longest time that the cluster may take to say what is granted."""
INTERVAL_S: Final = 60.0
"""Pause between looks while all is well."""
TROUBLED_INTERVAL_S: Final = 10.0
"""The same while something is wrong: whoever mends it wants to see that."""


class AccessWatch:
    """Looks from a thread of its own, and tells the log. Nothing else depends on it."""

    def __init__(self, lacking: Lacking, contact: Contact) -> None:
        """Ask nothing yet."""
        self._lacking = lacking
        self._contact = contact
        self._told = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="access", daemon=True)
        self._lock = threading.Lock()

    def start(self) -> None:
        """Look now, and again and again."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more. A look that waits for an answer is left behind: it ends with the process."""
        self._stop.set()

    def look(self) -> None:
        """Look once, at most one look at a time; what has changed since the last one is in the log afterwards."""
        with self._lock:
            trouble = self._trouble()
            if trouble is None or trouble == self._told:
                return
            self._told = trouble
            if trouble:
                log.error("Kafka: %s", trouble)
            else:
                log.info("Kafka answers, and grants what the settings need")

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
            except Exception:  # a bug, and no reason to stop delivering: this thread only tells
                log.exception("what Kafka grants is not looked at any more")
                return
            self._stop.wait(TROUBLED_INTERVAL_S if self._told else INTERVAL_S)

    def _trouble(self) -> str | None:
        """Return what somebody must mend; empty where that is nothing, None where nobody can tell at the moment."""
        try:
            return "; ".join(self._lacking(Deadline.after(ASK_S)))
        except BrokerError:
            pass  # why it does not answer is the next question
        try:
            self._contact()
        except BrokerError as error:
            return str(error) if error.code in REFUSED_CODES else None
        except ConfigError as error:
            return str(error)
        return None
