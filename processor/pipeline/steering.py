"""What the consumer thread should read, as far as delivery decides about it."""

from __future__ import annotations

from processor.delivery.dispatcher import Dispatcher
from processor.delivery.offsets import Key
from processor.pipeline.ports import Consumer
from processor.source.window import Window


class Steering:
    """Tells the consumer thread what has changed: nothing while held, no partition whose lane is overlong."""

    def __init__(self, dispatcher: Dispatcher, consumer: Consumer, window: Window) -> None:
        """Start with everything read."""
        self._dispatcher = dispatcher
        self._consumer = consumer
        self._window = window
        self._blocked: set[Key] = set()
        self._is_held = False

    def turn(self, *, is_stopping: bool) -> None:
        """Look at the destination, and say what is wanted from now on.

        A held destination goes on reading until it has something to probe with.
        """
        schedule = self._dispatcher.schedule
        is_held = is_stopping or (self._dispatcher.gate.hold is not None and not self._dispatcher.lacks_probe)
        if is_held != self._is_held:
            self._is_held = is_held
            self._consumer.hold(is_held)
        schedule.is_hurried = not self._window.is_low
        long = schedule.long_lane_partitions()
        self._let_in(is_blocked=bool(long))
        blocked = set() if self._window.is_letting_in else long
        if blocked != self._blocked:
            self._blocked = blocked
            self._consumer.block(blocked)

    def _let_in(self, *, is_blocked: bool) -> None:
        """Have one more record read when only its success could tell what stops the reading from an outage.

        Only a success elsewhere tells a payload that breaks the vendor from an outage. With nothing else to send there
        would never be one, and the records behind that payload would fill the window, or its lane, for ever.
        """
        is_stopped = is_blocked or not self._window.is_low  # a full window stays paused until it is low
        if is_stopped and not self._window.is_letting_in and self._dispatcher.is_starved:
            self._window.let_in(1)
