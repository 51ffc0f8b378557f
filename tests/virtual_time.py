"""An event loop whose clock jumps to the next timer instead of waiting for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, TypeVar

T = TypeVar("T")


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Runs timers in their order and without waiting; a test of an hour of retries takes milliseconds."""

    def __init__(self) -> None:
        """Start the clock at a time that is not zero, so that nobody takes it for a duration."""
        super().__init__()
        self._virtual_s = 1000.0

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self._virtual_s

    def _run_once(self) -> None:
        """Jump to the next timer when nothing else is ready."""
        if not self._ready:  # type: ignore[attr-defined]
            # A cancelled timer may still be in the list; jumping to it would leave the loop waiting for the next one.
            times = [timer.when() for timer in self._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
            if not times:
                raise RuntimeError("nothing is ready and no timer is set: this would wait for ever")
            self._virtual_s = max(self._virtual_s, min(times))
        super()._run_once()  # type: ignore[misc]


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns, run in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)


def virtual(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an asynchronous test in virtual time."""

    @wraps(test)
    def run(*args: Any, **values: Any) -> None:  # noqa: ANN401 - parameters of any test
        run_virtual(test(*args, **values))

    return run
