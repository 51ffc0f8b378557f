"""What the consumer thread should read, as far as delivery decides about it."""

from __future__ import annotations

from processor.delivery.dispatcher import Dispatcher
from processor.delivery.gate import Stop
from processor.delivery.offsets import Key, OffsetTracker, Partition
from processor.pipeline.ports import Consumer
from processor.source.window import Window


class Steering:
    """Tells the consumer thread what has changed: nothing while held, no partition that would stop the others."""

    def __init__(self, dispatcher: Dispatcher, consumer: Consumer, tracker: OffsetTracker, window: Window) -> None:
        """Start with everything read."""
        self._dispatcher = dispatcher
        self._consumer = consumer
        self._tracker = tracker
        self._window = window
        self._blocked: set[Key] = set()
        self._is_held = False

    def turn(self, *, is_stopping: bool) -> None:
        """Look at the destination, and say what is wanted from now on.

        A held destination goes on reading until it has something to probe with, unless an operator has stopped that.
        """
        schedule, gate = self._dispatcher.schedule, self._dispatcher.gate
        is_stopped = is_stopping or gate.stop is not Stop.NOTHING
        is_held = is_stopped or (gate.hold is not None and not self._dispatcher.lacks_probe)
        if is_held != self._is_held:
            self._is_held = is_held
            self._consumer.hold(is_held)
        schedule.is_hurried = not self._window.is_low
        greedy = self._greedy_partitions()
        self._window.set_aside(sum(len(one.entries) for one in greedy), sum(one.size_bytes for one in greedy))
        obstructive = schedule.long_lane_partitions() | {one.key for one in greedy}
        self._let_in(is_blocked=bool(obstructive))
        blocked = set() if self._window.is_letting_in else obstructive
        if blocked != self._blocked:
            self._blocked = blocked
            self._consumer.block(blocked)

    def _greedy_partitions(self) -> list[Partition]:
        """Return the partitions that hold more of the window than it has left, and wait for what keeps failing.

        What is finished behind a payload that breaks the vendor cannot be committed. It may fill a part of the window,
        but must leave room for the other partitions, which have nothing to do with it.
        """
        if self._dispatcher.schedule.retrying_count == 0 or len(self._tracker) == 1:
            return []
        stuck = map(self._tracker.get, self._dispatcher.stuck_partitions())
        return [
            partition
            for partition in stuck
            if partition is not None and self._window.is_exceeded(len(partition.entries), partition.size_bytes)
        ]

    def _let_in(self, *, is_blocked: bool) -> None:
        """Have one more record read when only its success could tell what stops the reading from an outage.

        Only a success elsewhere tells a payload that breaks the vendor from an outage. With nothing else to send there
        would never be one, and the records behind that payload would fill the window, or its lane, for ever.
        """
        is_stopped = is_blocked or not self._window.is_low  # a full window stays paused until it is low
        if is_stopped and not self._window.is_letting_in and self._dispatcher.is_starved:
            self._window.let_in(1)
