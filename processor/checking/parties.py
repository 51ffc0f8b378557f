"""Asks several parties at once, each in a thread of its own, and waits for all of them until one deadline."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Final, TypeAlias

from processor.checking.findings import Findings
from processor.errors import ConfigError
from processor.source.deadline import Deadline

Ask: TypeAlias = Callable[[Findings, Deadline], None]
"""Adds what a party says, within the deadline."""

GRACE_S: Final = 1.0
"""What a party may take beyond the deadline to say itself which of its questions was not answered."""


def ask_parties(parties: Mapping[str, Ask], timeout_s: float) -> Findings:
    """Return what all parties say, in their order. What one said before time ran out is kept.

    A thread that is still at it then is left to itself: it ends with the process.
    """
    deadline = Deadline.after(timeout_s)
    asked = {name: _started(name, ask, deadline) for name, ask in parties.items()}
    end = Deadline.after(deadline.left_s + GRACE_S)
    whole = Findings.none()
    for name, (found, done) in asked.items():
        try:
            done.result(end.left_s)
        except TimeoutError:
            found.silent.append(f"{name}: no answer within {timeout_s:g} s")
        except ConfigError as error:
            found.problems.append(str(error))
        whole.add(found)
    return whole


def _started(name: str, ask: Ask, deadline: Deadline) -> tuple[Findings, Future[None]]:
    """Return what a party that is being asked has said so far, and when it is done."""
    found, done = Findings.none(), Future[None]()

    def run() -> None:
        try:
            ask(found, deadline)
        except BaseException as error:  # noqa: BLE001 - raised again by who waits
            done.set_exception(error)
        else:
            done.set_result(None)

    threading.Thread(target=run, name=f"check {name}", daemon=True).start()
    return found, done
