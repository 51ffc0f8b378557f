"""Questions about a group that its brokers cannot answer yet: asked again until a coordinator is found."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from processor.errors import BrokerError
from processor.source.deadline import Deadline
from processor.source.trouble import NO_COORDINATOR_YET

_PAUSE_S: Final = 0.2

Answer = TypeVar("Answer")


def coordinated(ask: Callable[[], Answer], deadline: Deadline) -> Answer:
    """Return what `ask` returns, asked again while the group has no coordinator; it blocks its thread meanwhile.

    Raises:
        BrokerError: What `ask` raises; a missing coordinator once the time is up.
    """
    while True:
        try:
            return ask()
        except BrokerError as error:
            if error.code not in NO_COORDINATOR_YET or deadline.left_s <= _PAUSE_S:
                raise
        time.sleep(_PAUSE_S)
