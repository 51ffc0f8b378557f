"""Questions on their way from a supervisor to its processes, and what these say on their way back.

Both travel as lines of JSON on the channel, beside the reports: `{"asker": 3, "ask": {…}}` and `{"asker": 3, "drop":
true}` down, `{"asker": 3, "said": {…}}` and `{"asker": 3, "ended": "finished"}` up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final, TypeAlias

import msgspec

from processor.operations.trace_board import FINISHED, Asker, Board, BusyError, Question, Step

log = logging.getLogger(__name__)

ASKER: Final = "asker"
"""The key that tells such a line from a report."""
PATIENCE_S: Final = 60.0

Send: TypeAlias = Callable[[bytes], None]
"""Puts bytes on the channel and does not wait."""


class Order(msgspec.Struct, omit_defaults=True):
    """A line from the supervisor."""

    asker: int
    ask: Question | None = None
    drop: bool = False


_decode = msgspec.json.Decoder(Order).decode


def _line(content: Order | Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(content) + b"\n"


class Member:
    """One destination's process in the eyes of the relay. It hears the channel."""

    def __init__(self, relay: Relay, name: str) -> None:
        """Wait for the process to report."""
        self._relay = relay
        self._name = name
        self._send: Send | None = None
        self._asked: set[int] = set()

    def joined(self, send: Send) -> None:
        """Ask it what is being asked. It listens from its first report on; all further ones change nothing."""
        if self._send is None:
            self._send = send
            self.ask_all()

    def left(self) -> None:
        """Ask it nothing any more: it has ended."""
        self._send = None
        self._relay.left(self, self._name, self._asked)

    def heard(self, line: Mapping[str, Any]) -> None:
        """Hand on what it has said."""
        self._relay.heard(self._name, line)

    def ask_all(self) -> None:
        """Tell the process who has come and gone since it was told last."""
        if self._send is None:
            return
        wanted = {asker.number: asker for asker in self._relay.askers_of(self._name)}
        for number in self._asked - wanted.keys():
            self._send(_line(Order(number, drop=True)))
        for number in wanted.keys() - self._asked:
            asker = wanted[number]
            left = msgspec.structs.replace(asker.question, timeout_s=max(asker.left_s, 0.001))
            self._send(_line(Order(number, ask=left)))
        self._asked = set(wanted)


class Relay:
    """The supervisor's end. Event loop only."""

    def __init__(self, board: Board) -> None:
        """Pass on whatever is asked at the board."""
        self._board = board
        self._members: dict[str, Member] = {}
        board.on_change.append(self._changed)

    def member(self, name: str) -> Member:
        """Return who hears a new process of a destination; an earlier one's is forgotten."""
        self._members[name] = Member(self, name)
        return self._members[name]

    def askers_of(self, name: str) -> list[Asker]:
        """Return those who ask about a destination."""
        return [asker for asker in self._board.askers if asker.question.destination in (None, name)]

    def left(self, member: Member, name: str, asked: set[int]) -> None:
        """Tell those who asked a process that it has ended; the next one is asked when it is there."""
        if self._members.get(name) is member:
            del self._members[name]
        for number in asked:
            asker = self._board.get(number)
            if asker is not None:
                asker.tell({"step": "process_ended", "destination": name})

    def heard(self, name: str, line: Mapping[str, Any]) -> None:
        """Tell one who asks what a process has said."""
        asker = self._board.get(line[ASKER])
        if asker is None:
            return
        if "said" in line:
            asker.tell(line["said"])
        elif line.get("ended") == FINISHED:
            asker.finish(name)

    def _changed(self) -> None:
        for member in list(self._members.values()):
            member.ask_all()


class Desk:
    """A supervised process's end. Event loop only."""

    def __init__(self, board: Board, destination: str, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Bring questions to the board, and what comes of them to the supervisor by `send`, which may wait for it."""
        self._board = board
        self._destination = destination
        self._send = send
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def heard(self, line: bytes) -> None:
        """Take an order; a line that is none is left out."""
        try:
            order = _decode(line)
        except msgspec.DecodeError:
            log.warning("unreadable order from the supervisor", extra={"line_bytes": len(line)})
            return
        task = self._tasks.pop(order.asker, None)
        if task is not None:
            task.cancel()
        if order.ask is not None:
            self._tasks[order.asker] = asyncio.create_task(self._answer(order.asker, order.ask), name="trace")

    async def _answer(self, number: int, question: Question) -> None:
        """Send what is said until the trace ends."""
        try:
            asker = self._board.ask(question, [self._destination])
        except BusyError:
            return  # the supervisor has the same bound, so this is one that it has dropped and that has not gone yet
        try:
            with suppress(OSError):  # the supervisor is gone, which others deal with
                while not asker.is_over:
                    step = await asker.next(PATIENCE_S)
                    if step is not None:
                        await self._send(_line(_said(number, step)))
        finally:
            self._board.drop(asker)

    def close(self) -> None:
        """Say nothing further."""
        for task in self._tasks.values():
            task.cancel()


def _said(number: int, step: Step) -> Mapping[str, Any]:
    """Return the line of a step; the last one only tells why the trace ended."""
    return {ASKER: number, "ended": step["reason"]} if step["step"] == "ended" else {ASKER: number, "said": step}
