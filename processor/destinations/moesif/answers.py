"""How Moesif's answers are read.

Source: contract of Moesif, section 6. No result per record is documented, so a 2xx accepts the whole batch and
bisecting is the only way to a bad record.
"""

from __future__ import annotations

from typing import Final

from processor.destinations.answers import default_verdict, hold, with_hint
from processor.destinations.base import Backoff
from processor.model import Answer, Verdict

_NOT_ACCEPTABLE: Final = 406
"""On the vendor's list of configuration faults, unlike on the general one."""

_ADDRESS_HINT: Final = "the setting `base_url` is wrong"
_HINTS: Final = {
    "http_401": "the Collector Application Id is wrong or missing",
    "http_402": "the Moesif subscription is inactive or cancelled; events wait in Kafka until it is renewed",
    "http_403": "the Collector Application Id may not write here",
    "http_404": _ADDRESS_HINT,
    "http_405": _ADDRESS_HINT,
    "http_410": _ADDRESS_HINT,
}
"""What the vendor's list of statuses says, for the log and the status page.

Source: https://github.com/Moesif/apidocs at `41da5cf`, `source/includes/_errors.md`.
"""


def classify(answer: Answer, count: int, now_ms: int, backoff: Backoff, *, compressed: bool) -> Verdict:
    """Return what an answer to a request of `count` records means."""
    if answer.status == _NOT_ACCEPTABLE:
        return hold(answer)
    return with_hint(default_verdict(answer, count, now_ms, backoff, compressed=compressed), _HINTS)
