"""How Moveo One's answers are read.

Source: contract of Moveo One, section 7. A 2xx accepts the whole batch, and its body, which no document describes, is
not read.
"""

from __future__ import annotations

from typing import Final

from processor.destinations.answers import default_verdict, refuse
from processor.destinations.base import Backoff
from processor.model import Answer, Verdict

_PAYMENT_REQUIRED: Final = 402
"""Not on the vendor's list, so one of the "other 4xx": isolated like them. The guard holds when it is systemic."""


def classify(answer: Answer, count: int, now_ms: int, backoff: Backoff, *, compressed: bool) -> Verdict:
    """Return what an answer to a request of `count` events means."""
    if answer.status == _PAYMENT_REQUIRED:
        return refuse(_PAYMENT_REQUIRED, count)
    return default_verdict(answer, count, now_ms, backoff, compressed=compressed)
