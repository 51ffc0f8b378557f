"""Looking on while requests are made: what a dispatcher tells of each, to nobody unless somebody asked for it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple, Protocol, TypeAlias

from processor.delivery.batches import Batch
from processor.model import Answer, Verdict


class Sending(NamedTuple):
    """A request that is about to be sent.

    `batch` holds no payload where the request only asks the vendor whether the key is right. What it holds afterwards
    is what is left of it: a batch is cut, halved or emptied by its answer.
    """

    method: str
    url: str
    endpoint: str
    batch: Batch


class Watched(Protocol):
    """One request that somebody looks at."""

    def answered(self, answer: Answer, verdict: Verdict | None) -> None:
        """Hear what came back, and what that means where anything follows from it."""


Watch: TypeAlias = Callable[[Sending], AbstractContextManager[Watched]]
"""Called for each request; what it returns is open until everything that follows from the answer has been done.

It runs on the event loop, in the request's own task, and must neither wait nor raise.
"""


class _Unwatched:
    """A request that nobody looks at."""

    def answered(self, answer: Answer, verdict: Verdict | None) -> None:
        """Tell nobody."""


_NOBODY: AbstractContextManager[Watched] = nullcontext(_Unwatched())


def unwatched(_: Sending) -> AbstractContextManager[Watched]:
    """Look at no request."""
    return _NOBODY
