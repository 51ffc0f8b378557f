"""How Moveo One's answers are read.

Source: contract of Moveo One, section 7. A 2xx accepts the whole batch, and its body, which no document describes, is
not read.
"""

from __future__ import annotations

from typing import Final

from processor.destinations.answers import default_verdict, refuse, with_hint
from processor.destinations.base import Backoff
from processor.model import Answer, Verdict

_PAYMENT_REQUIRED: Final = 402
"""Not on the vendor's list, so one of the "other 4xx": isolated like them. The guard holds when it is systemic."""

_KEY_HINT: Final = "the token is wrong or missing: copy it again from the Integrations page of the Moveo One app"
_ADDRESS_HINT: Final = "the setting `endpoint` is wrong"
_HINTS: Final = {
    "http_401": _KEY_HINT,
    "http_403": _KEY_HINT,
    "http_404": _ADDRESS_HINT,
    "http_405": _ADDRESS_HINT,
    "http_410": _ADDRESS_HINT,
}
"""What the vendor's page advises, and what its statuses can only mean.

Source: https://docs.moveo.one/integrations/segment/ (troubleshooting), read 2026-06.
"""


def classify(answer: Answer, count: int, now_ms: int, backoff: Backoff, *, compressed: bool) -> Verdict:
    """Return what an answer to a request of `count` events means."""
    if answer.status == _PAYMENT_REQUIRED:
        return refuse(_PAYMENT_REQUIRED, count)
    return with_hint(default_verdict(answer, count, now_ms, backoff, compressed=compressed), _HINTS)
