"""Follows what operators order in the control topic, and writes what a process says to that.

What was heard last stays in force while the topic cannot be read. When it was deleted, an order that stops something is
written down anew, because only an operator takes back an operator's word. Where nobody has made the topic again, it is
made for that: a process that starts would find none otherwise, and deliver beside those that are stopped.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from confluent_kafka import Consumer

from processor.errors import BrokerError
from processor.source.cluster import Cluster
from processor.source.control_reader import ControlReader, ControlRecord, late
from processor.source.control_topic import ControlTopic
from processor.source.deadline import Deadline
from processor.source.orders import (
    KEPT,
    OBEYED,
    ORDER,
    Accepted,
    Book,
    News,
    Obeyed,
    Order,
    Tripped,
    Wanted,
    encode_key,
)
from processor.source.trouble import LOST_CODES

log = logging.getLogger(__name__)

LOOK_S: Final = 5.0
"""Pause between looks at the topic: whether it is still the same one, and is read to its end."""
MISSING_LOOK_S: Final = 1.0
"""The same while there is none: the first order makes it, and is to be heard soon."""
READ_S: Final = 0.5
"""Longest wait for a record; a record that comes ends it."""
READ_COUNT: Final = 1_000
"""Most records of one turn: the topic is shared by all groups, and not all of it is compacted yet."""
ASK_S: Final = 5.0
"""Longest time that the cluster may take to answer before the topic is read."""
LOOK_ASK_S: Final = 2.0
"""The same for a look: while its answer is waited for, no record is read."""
WRITE_S: Final = 5.0
"""Longest time for writing what this process says."""
REWRITE_S: Final = 5.0
"""So long after a record was written it is expected to have been read back; one that has vanished is written again."""

Own = Mapping[tuple[str, str], Obeyed | Tripped]
"""What this process says at the moment, by kind and name."""


class OrderTopic:
    """The orders of one group. One thread turns and writes; properties are for any thread."""

    def __init__(
        self,
        group_id: str,
        control: ControlTopic,
        cluster: Cluster,
        make_consumer: Callable[[], Consumer],
        clock: Callable[[], float] = time.monotonic,
        *,
        contact: Callable[[], None] = lambda: None,
    ) -> None:
        """Connect nothing yet.

        Args:
            group_id: The group whose orders are followed.
            control: Writes records, and names the topic; nothing is read by it.
            cluster: Where the topic is looked up.
            make_consumer: Gives a consumer that can be assigned without joining a group, with end-of-partition events.
            clock: Monotonic seconds.
            contact: Raises `BrokerError` with why no broker can be used: while nothing is read nobody else says so.
        """
        self._group_id = group_id
        self._contact = contact
        self._control = control
        self._cluster = cluster
        self._make_consumer = make_consumer
        self._clock = clock
        self._reader: ControlReader | None = None
        self._topic_id = ""
        self._book = Book(group_id)
        self._coming = self._book
        self._coming_news: list[News] = []
        self._is_made_since = False
        self._is_gone = False
        self._end = 0
        self._look_at_s = 0.0
        self._kept: Order | None = None
        self._written: dict[bytes, tuple[bytes | None, float]] = {}
        self._own_names: set[tuple[str, str]] = set()
        self._write_trouble = ""
        self._unreadable_count = 0
        self.trouble = ""
        """Why the topic cannot be read at the moment; empty while it can, or while there is none."""
        self.is_loaded = False
        """Whether it is known what was ordered."""

    @property
    def order(self) -> Order | None:
        """Return the order in force, None where nobody ever gave one."""
        return self._book.order or self._kept

    def turn(self) -> list[News]:
        """Return what has been ordered since the last turn, in its order. Waits a moment for a record.

        What was ordered before this process followed the topic is one piece of news: what of it is in force.
        """
        try:
            if self._clock() >= self._look_at_s:
                self._look()
            return self._read()
        except BrokerError as error:
            self._fail(error)
            return []

    @property
    def is_reading(self) -> bool:
        """Say whether there is something to wait for in `turn`; else the next one should wait."""
        return self._reader is not None and not self.trouble

    def _look(self) -> None:
        """See whether there is a topic, still the same one, and how far it goes."""
        self._look_at_s = self._clock() + LOOK_S
        deadline = Deadline.after(ASK_S if self._reader is None else LOOK_ASK_S, self._clock)
        state = self._cluster.topics([self._control.name], deadline)[self._control.name]
        if state is None:
            self._miss()
            return
        self._is_gone = False
        if self._reader is not None and state.topic_id != self._topic_id:
            log.warning("control topic %s was deleted and made again: it is read anew", self._control.name)
            self._disconnect()
        if self._reader is None:
            self._reader = ControlReader(self._control.name, self._make_consumer())
            self._is_made_since = self.is_loaded and state.topic_id != self._topic_id
            self._topic_id, self._coming, self._coming_news = state.topic_id, Book(self._group_id), []
        is_behind = self._coming is self._book and self._reader.position < self._end
        self._end = self._reader.end(deadline.request_s)
        if is_behind:
            raise late(self._control.name, "read")
        if self._coming is self._book:
            self._recover()

    def _miss(self) -> None:
        """There is no topic: nobody has ordered anything, or what is known stays in force."""
        self._look_at_s = self._clock() + MISSING_LOOK_S
        self._disconnect()
        self.is_loaded = self._is_gone = True
        if self.order is not None and not self.trouble:
            self._warn(f"control topic {self._control.name} does not exist any more")
            self.trouble = f"control topic {self._control.name} does not exist any more"

    def _read(self) -> list[News]:
        """Take in what has come; a topic that was read to its end comes into force."""
        heard: list[News] = []
        timeout_s = READ_S
        for _ in range(READ_COUNT):
            if self._reader is None:
                break
            try:
                record = self._reader.read(timeout_s)
            except BrokerError as error:  # what came before it was heard
                self._fail(error)
                break
            if record is not None:
                heard += self._take(record)
            if self._coming is not self._book and self._reader.position >= self._end:
                heard += self._put_in_force()
            if record is None:
                break
            timeout_s = 0
        self._tell_unreadable()
        return heard

    def _take(self, record: ControlRecord) -> list[News]:
        """Return what of a record is news now; what a topic says that is not read to its end is kept for later."""
        before = self.order
        news = self._coming.take(record.key, record.value)
        if news is None:
            return []
        if self._coming is self._book:
            return [] if news == before else [news]  # what was kept is read back
        self._coming_news.append(news)
        return []

    def _put_in_force(self) -> list[News]:
        """Go by what the topic says from now on; return the order in force, unless it was known already.

        Of a topic that was made while this process listened everything is news, in its order. Of any, which holds were
        accepted: that may have come while the topic could not be read.
        """
        before, self._book = self.order, self._coming
        self._kept = before if self._book.order is None and before is not None else None
        if self._kept is not None and self._kept.wanted is not Wanted.RUNNING:
            log.warning("control topic %s does not hold what was ordered: it is written anew", self._control.name)
        self.is_loaded = True
        self._recover()
        if self._is_made_since:
            return [news for news in self._coming_news if news != before]
        order = self.order
        accepted: list[News] = [news for news in self._coming_news if isinstance(news, Accepted)]
        return accepted if order is None or order == before else [order, *accepted]

    def _tell_unreadable(self) -> None:
        count = self._coming.unreadable_count
        if count > self._unreadable_count:
            log.warning("control topic %s holds an order that this version cannot read", self._control.name)
        self._unreadable_count = count

    def _recover(self) -> None:
        if self.trouble:
            self.trouble = ""
            log.info("orders of operators are heard again from control topic %s", self._control.name)

    def _fail(self, error: BrokerError) -> None:
        """Keep what is known, and say so once: an order that cannot be read may be a pause, whatever the cause."""
        if error.code in LOST_CODES or error.fatal:
            self._disconnect()
        if not self.trouble:
            self._warn(self._cause(error), is_final=error.fatal)
        self.trouble = str(error)
        self._look_at_s = min(self._look_at_s, self._clock() + MISSING_LOOK_S)

    def _cause(self, error: BrokerError) -> str:
        """Return why nothing is heard; before anything is, that may be that there is no broker to ask."""
        try:
            if not (self.is_loaded or error.fatal):
                self._contact()
        except BrokerError as cause:
            return str(cause)
        return str(error)

    def _warn(self, trouble: str, *, is_final: bool = False) -> None:
        level = logging.ERROR if is_final else logging.WARNING
        if not self.is_loaded:
            log.log(level, "orders of operators: %s; no event is read before they are known", trouble)
        elif self.order is None:
            log.log(level, "orders of operators: %s; none is heard until that is mended", trouble)
        else:
            log.log(level, "orders of operators: %s; what was ordered last stays in force", trouble)

    def _disconnect(self) -> None:
        reader, self._reader = self._reader, None
        self._coming = Book(self._group_id)
        if reader is not None:
            reader.close()

    # -- what this process says

    def say(self, own: Own) -> None:
        """Write what of this process's words is not in the topic yet, and take back those that hold no longer.

        What cannot be written now is tried again with the next call.
        """
        if self._is_gone:
            self._put(self._kept_record(self.order), WRITE_S)
        if not self.is_reading or self._coming is not self._book:
            return
        due = {key: value for key, value in self._due(own).items() if self._is_due(key, value)}
        self._own_names |= own.keys()
        self._put(due, WRITE_S)

    def _due(self, own: Own) -> dict[bytes, bytes | None]:
        """Return the records in which the topic differs from what it should say."""
        due: dict[bytes, bytes | None] = {}
        for (kind, name), said in own.items():
            if not self._is_said(name, said):
                due[encode_key(self._group_id, kind, name)] = msgspec.json.encode(said)
        for kind, name in self._own_names - own.keys():
            if name in (self._book.obeyed if kind == OBEYED else self._book.tripped):
                due[encode_key(self._group_id, kind, name)] = None
        return due | self._kept_record(self._kept)

    def _kept_record(self, kept: Order | None) -> dict[bytes, bytes | None]:
        """Return an order as a process writes it down for the operator; none where it stops nothing."""
        if kept is None or kept.wanted is Wanted.RUNNING:
            return {}
        key, value = encode_key(self._group_id, ORDER, KEPT), msgspec.json.encode(kept)
        return {key: value} if self._is_due(key, value) else {}

    def _is_said(self, name: str, said: Obeyed | Tripped) -> bool:
        """Return whether the topic says it; an operator may have added to a hold that it is accepted."""
        if isinstance(said, Tripped):
            known = self._book.tripped.get(name)
            return known is not None and known.is_as(said)
        return self._book.obeyed.get(name) == said

    def _is_due(self, key: bytes, value: bytes | None) -> bool:
        """Return whether a record was not written just now: it is read back only some moments later."""
        written, at_s = self._written.get(key, (b"", float("-inf")))
        return written != value or self._clock() - at_s >= REWRITE_S

    def _put(self, records: dict[bytes, bytes | None], timeout_s: float) -> None:
        self._written.update({key: (value, self._clock()) for key, value in records.items()})
        try:
            self._control.put(records, Deadline.after(timeout_s, self._clock))
        except BrokerError as error:
            if not self._write_trouble:
                log.warning("what this process says to orders cannot be written: %s", error)
            self._write_trouble = str(error)
        else:
            self._write_trouble = "" if records else self._write_trouble

    def close(self, timeout_s: float) -> None:
        """Take back what this process said, and disconnect."""
        names = [(kind, name) for kind, name in self._own_names if name in {**self._book.obeyed, **self._book.tripped}]
        if names and self.is_reading:
            self._put({encode_key(self._group_id, kind, name): None for kind, name in names}, timeout_s)
        self._disconnect()
        self._control.close()
