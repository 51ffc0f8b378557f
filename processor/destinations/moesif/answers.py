"""How Moesif's answers are read.

Source: contract of Moesif, section 6. No result per record is documented, so a 2xx accepts the whole batch and
bisecting is the only way to a bad record.
"""

from __future__ import annotations

from typing import Final

from processor.destinations.answers import default_verdict, hold
from processor.destinations.base import Backoff
from processor.model import Answer, Verdict

_NOT_ACCEPTABLE: Final = 406
"""On the vendor's list of configuration faults, unlike on the general one."""


def classify(answer: Answer, count: int, now_ms: int, backoff: Backoff, *, compressed: bool) -> Verdict:
    """Return what an answer to a request of `count` records means."""
    if answer.status == _NOT_ACCEPTABLE:
        return hold(answer)
    return default_verdict(answer, count, now_ms, backoff, compressed=compressed)
