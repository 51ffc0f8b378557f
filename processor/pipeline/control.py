"""A destination under the orders of operators: it hears them, does what they say, and says when that is done."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from processor.delivery.conclusion import GUARD_REASON
from processor.delivery.gate import Hold, Stop
from processor.operations.logs import BY_TEXT
from processor.operations.status import State, StatusReport
from processor.pipeline.phase import Phase, Work, phase_of, stop_of
from processor.pipeline.pipeline import Pipeline
from processor.pipeline.report import Marks
from processor.source.order_topic import OrderTopic, Own
from processor.source.orders import OBEYED, TRIPPED, Accepted, News, Obeyed, Order, Tripped, Wanted, time_text
from processor.source.window import Window

log = logging.getLogger(__name__)

ORDERS_UNREAD = "control_topic_unread"
"""Why a destination starts but reads no event yet."""
FINISHING = "finishing"
"""Why a paused destination is not at rest yet."""
DRAINING = "draining"
"""Why a running destination reads nothing."""
TICK_S: Final = 0.2
"""Pause between looks at what an order has come to."""
RETRY_S: Final = 1.0
"""Pause before a topic that could not be read is tried again."""
IDLE_S: Final = 0.05
"""Least pause between two turns: a topic that answers at once must not keep the thread busy."""
TAKE_BACK_S: Final = 2.0
"""What taking back what this process said may take when it ends."""
STOP_S: Final = TAKE_BACK_S + 3.0
"""What the thread may take to end; one that still waits for an answer of the cluster is left behind."""

_VERBS: Final = {Wanted.RUNNING: "resumed", Wanted.PAUSED: "paused", Wanted.DRAINED: "to be drained"}
_DONE: Final = {
    Phase.PAUSED: "nothing is on its way, and what is done is committed",
    Phase.DRAINED: "everything that was read is done and committed",
}
_SHOWN: Final[dict[Phase, tuple[State, str]]] = {
    Phase.PAUSING: ("paused", FINISHING),
    Phase.PAUSED: ("paused", ""),
    Phase.DRAINED: ("drained", ""),
}


class Member(Protocol):
    """What the consumer thread tells of itself."""

    @property
    def is_at_rest(self) -> bool:
        """Return whether nothing is read since it was asked to be so."""

    @property
    def member_id(self) -> str:
        """Return by which name the brokers know this process in its group."""


class Control:
    """The orders of one destination; all but the thread that reads and writes them runs on the event loop."""

    def __init__(
        self,
        destination: str,
        pipeline: Pipeline,
        window: Window,
        member: Member,
        marks: Marks,
        topic: OrderTopic,
    ) -> None:
        """Follow nobody yet; no event may be read before `is_loaded` is set."""
        self._destination = destination
        self._pipeline = pipeline
        self._window = window
        self._member = member
        self._marks = marks
        self._topic = topic
        self._name = uuid.uuid4().hex
        self._host, self._pid = socket.gethostname(), os.getpid()
        self._order: Order | None = None
        self._phase = Phase.RUNNING
        self._done_id = ""
        self._obeyed: Obeyed | None = None
        self._hold: Hold | None = None
        self._tripped: tuple[str, Tripped] | None = None
        self._own: Own = {}
        self._stop = threading.Event()
        self.is_loaded = asyncio.Event()

    async def run(self) -> None:
        """Hear orders and follow what they come to, until cancelled; a bug in either is raised."""
        loop = asyncio.get_running_loop()
        failure: asyncio.Future[None] = loop.create_future()
        thread = threading.Thread(target=self._follow, args=(loop, failure), name="orders", daemon=True)
        thread.start()
        try:
            while not failure.done():
                self._look()
                await asyncio.wait({failure}, timeout=TICK_S)
            failure.result()
        finally:
            self._stop.set()
            await asyncio.to_thread(thread.join, STOP_S)

    def end(self) -> None:
        """Hear no more orders, and take back what was said to them: the destination stops."""
        self._stop.set()

    # -- on the thread

    def _follow(self, loop: asyncio.AbstractEventLoop, failure: asyncio.Future[None]) -> None:
        def call(function: Callable[..., None], *values: object) -> None:
            with contextlib.suppress(RuntimeError):  # a loop that has ended needs to hear nothing
                loop.call_soon_threadsafe(function, *values)

        try:
            self._turn(call)
        except Exception as error:  # noqa: BLE001 - the thread's outermost frame: the loop raises it
            call(_fail, failure, error)

    def _turn(self, call: Callable[..., None]) -> None:
        is_told = False
        try:
            while not self._stop.is_set():
                news = self._topic.turn()
                if news or self._topic.is_loaded != is_told:
                    is_told = self._topic.is_loaded
                    call(self._hear, news)
                self._topic.say(self._own)
                self._stop.wait(IDLE_S if self._topic.is_reading else RETRY_S)
        finally:
            self._topic.close(TAKE_BACK_S)

    # -- on the event loop

    def _hear(self, news: list[News]) -> None:
        """Do what was ordered, each in its turn."""
        try:
            for each in news:
                if self._stop.is_set():
                    break
                if isinstance(each, Order):
                    self._obey(each)
                else:
                    self._accept(each)
        except Exception as error:  # noqa: BLE001 - the event loop would swallow it, and the books are in doubt
            self._pipeline.fail(error)
        if self._topic.is_loaded:
            self.is_loaded.set()

    def _obey(self, order: Order) -> None:
        """Stop or let go on, from now on, and say whose word that is."""
        self._order, self._obeyed = order, None
        gate, schedule = self._pipeline.dispatcher.gate, self._pipeline.dispatcher.schedule
        if self.is_loaded.is_set() or gate.stop is not stop_of(order.wanted):  # an old word to go on is no news
            log.info("destination %s: %s", self._destination, _told(order), extra=BY_TEXT)
        gate.stop = stop_of(order.wanted)
        schedule.is_flushing = gate.stop is Stop.READING
        self._pipeline.after_work()
        self._look()

    def _accept(self, accepted: Accepted) -> None:
        """Lift the one hold that an operator has seen; another one, earlier or later, is none of this."""
        dispatcher = self._pipeline.dispatcher
        if self._tripped is None or self._tripped[0] != accepted.name or dispatcher.gate.hold is not self._hold:
            return
        text = "destination %s: %s accepts what was refused: it goes to the dead-letter topic, delivery goes on"
        log.info(text, self._destination, accepted.by, extra=BY_TEXT)
        dispatcher.guard.accept()
        dispatcher.resume(GUARD_REASON)
        self._look()

    def _look(self) -> None:
        """See how far the order is, and whether the guard holds; keep what this process says of both."""
        self._look_at_phase()
        self._look_at_guard()
        own: dict[tuple[str, str], Obeyed | Tripped] = {}
        if self._obeyed is not None:
            own[OBEYED, self._name] = self._obeyed
        if self._tripped is not None:
            own[TRIPPED, self._tripped[0]] = self._tripped[1]
        self._own = own

    def _look_at_phase(self) -> None:
        order = self._order
        self._phase = Phase.RUNNING if order is None else phase_of(order.wanted, self._work())
        if order is None or not self._phase.is_final:
            self._obeyed = None
            return
        if self._done_id != order.id:  # once: a partition that comes while it is paused is no news
            self._done_id = order.id
            log.info("destination %s is %s: %s", self._destination, self._phase.value, _DONE[self._phase])
        said = self._obeyed
        partitions = tuple(sorted(f"{one.key[0]}:{one.key[1]}" for one in self._pipeline.ledger.tracker))
        if said is None or (said.member_id, said.partitions) != (self._member.member_id, partitions):
            self._obeyed = Obeyed(
                order.id, self._member.member_id, self._host, self._pid, self._pipeline.wall_ms(), partitions
            )

    def _work(self) -> Work:
        pipeline = self._pipeline
        committed = self._marks.committed
        return Work(
            is_reading=not self._member.is_at_rest or len(pipeline.inbox) > 0,
            record_count=self._window.count,
            request_count=pipeline.dispatcher.in_flight_count,
            has_open_letters=pipeline.letters.is_open(),
            is_committed=all(committed.get(one.key, -1) >= one.committable for one in pipeline.ledger.tracker),
        )

    def _look_at_guard(self) -> None:
        """Give each hold of the guard a name of its own, by which an operator can lift it and no other."""
        hold = self._pipeline.dispatcher.gate.hold
        if hold is None or hold.reason != GUARD_REASON:
            self._hold = self._tripped = None
            return
        if hold is not self._hold:
            self._hold = hold
            said = Tripped(self._member.member_id, self._host, self._pid, hold.message, self._pipeline.wall_ms())
            self._tripped = (uuid.uuid4().hex, said)
        elif self._tripped is not None and self._tripped[1].member_id != self._member.member_id:
            name, said = self._tripped
            again = Tripped(self._member.member_id, said.host, said.pid, said.message, said.at_ms)
            self._tripped = (name, again)

    # -- for the status page

    def added_to(self, report: StatusReport) -> StatusReport:
        """Return a report with what an operator wants; `details.operator` is there from the first order on."""
        details = self.details()
        if details is not None:
            report["details"] = {**report.get("details", {}), "operator": details}
        if report["state"] == "starting" and not self.is_loaded.is_set():
            report["reason"] = ORDERS_UNREAD
        elif report["state"] in ("running", "standby", "held") and self._phase in _SHOWN:
            report["state"], report["reason"] = _SHOWN[self._phase]
        elif report["state"] == "running" and self._phase is Phase.DRAINING:
            report["reason"] = DRAINING
        return report

    def details(self) -> Mapping[str, Any] | None:
        """Return who wants what since when and why, and how far that is; None where nobody ever ordered anything."""
        order = self._order
        if order is None:
            return None
        return {
            "wanted": order.wanted.value,
            "phase": self._phase.value,
            "by": order.by,
            "since": time_text(order.at_ms),
            "reason": order.reason,
            "trouble": self._topic.trouble,
        }


def _told(order: Order) -> str:
    """Return an order as the log tells it."""
    return f"{_VERBS[order.wanted]} by {order.text}, ordered at {time_text(order.at_ms)}"


def _fail(failure: asyncio.Future[None], error: Exception) -> None:
    if not failure.done():
        failure.set_exception(error)
