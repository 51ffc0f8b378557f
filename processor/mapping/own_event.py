"""An event of the mapping's own, for mappings that write into it.

Liquid's counters write into the event, and what stands behind them in the same mapping sees that. Such a mapping works
on a copy, so that the caller's event never changes. The copy is shallow: only its own names are written, never what
they hold. Everything else pays nothing.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Final

from processor.mapping.paths import Resolve
from processor.mapping.values import Json, cleaned

_OWN: Final[ContextVar[dict[str, Any] | None]] = ContextVar("own event of the mapping that runs", default=None)


def on_own_event(resolve: Resolve) -> Resolve:
    """Return the resolver so that it runs on a copy of the event, which `is_own` knows meanwhile.

    What it gives is clean of `__proto__` keys even where the event had none: a counter may be called that.
    """

    def run(event: dict[str, Any]) -> Json:
        own = dict(event)
        token = _OWN.set(own)
        try:
            return cleaned(resolve(own))
        finally:
            _OWN.reset(token)

    return run


def is_own(root: Json) -> bool:
    """Return whether a root is the event's copy that the running mapping may write into.

    An item of the event, or an object that a directive built, is not: it may belong to the caller or to the mapping.
    """
    return root is not None and root is _OWN.get()
