"""What an operator has ordered of a destination, and what its processes say to that: records of the control topic.

A founding record's key is `[group, topic]`. The records here have keys `[group, kind, name]`, which older processes
pass over. A group has one order, the latest; names tell apart what its processes say. A decider: records come in, what
is in force comes out.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from typing import Final, TypeAlias, assert_never

import msgspec
from msgspec import Struct

Key: TypeAlias = tuple[str, str, str]
"""Group, kind and name."""

ORDER: Final = "order"
OBEYED: Final = "obeyed"
TRIPPED: Final = "tripped"
GIVEN: Final = ""
"""The name of an order that an operator gave."""
KEPT: Final = "kept"
"""The name of an order that a process wrote down again because the control topic was made anew.

One that was given wins over it, whichever was written later: nobody but an operator takes back an operator's word.
"""


class Wanted(Enum):
    """What an operator wants of a destination."""

    RUNNING = "running"
    """Read and deliver."""
    PAUSED = "paused"
    """Read nothing and send nothing; what is on its way comes to its end."""
    DRAINED = "drained"
    """Read nothing; what was read already is delivered."""


class Order(Struct, frozen=True):
    """An operator's word. `by` and `reason` are theirs; `at_ms` is the wall clock of the machine it was given on."""

    id: str
    wanted: Wanted
    by: str
    at_ms: int
    reason: str = ""

    @property
    def text(self) -> str:
        """Return who gave it and why, as a log line shows it."""
        return f"{self.by} ({self.reason})" if self.reason else self.by


class Obeyed(Struct, frozen=True):
    """A process has done all that an order asks for: reads nothing, has nothing on its way, has committed what is done.

    `member_id` is its name in the group, by which the brokers know it, and `partitions` what it owns, `topic:number`.
    """

    order_id: str
    member_id: str
    host: str
    pid: int
    at_ms: int
    partitions: tuple[str, ...] = ()


class Tripped(Struct, frozen=True):
    """The guard of a process holds the destination, from then until it is lifted; `message` says how much was refused.

    `accepted_by` is who has said that what was refused may go to the dead-letter topic, empty while nobody has.
    """

    member_id: str
    host: str
    pid: int
    message: str
    at_ms: int
    accepted_by: str = ""

    def is_as(self, other: Tripped) -> bool:
        """Say whether another one is of the same guard, accepted or not."""
        return (self.member_id, self.at_ms) == (other.member_id, other.at_ms)


Said: TypeAlias = Order | Obeyed | Tripped
_FORMS: Final[dict[str, type[Order | Obeyed | Tripped]]] = {
    ORDER: Order,
    OBEYED: Obeyed,
    TRIPPED: Tripped,
}


class Accepted(Struct, frozen=True):
    """An operator lifts the one hold that has this name."""

    name: str
    by: str


News: TypeAlias = Order | Accepted


def time_text(at_ms: int) -> str:
    """Return the time of a word as people and programs read it, to the second."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def encode_key(group_id: str, kind: str, name: str) -> bytes:
    """Return the key of a record."""
    return msgspec.json.encode([group_id, kind, name])


def decode_key(key: bytes | None) -> Key | None:
    """Return group, kind and name of a record; None where the key has another form, as that of a founding record."""
    try:
        group_id, kind, name = msgspec.json.decode(b"null" if key is None else key, type=tuple[str, str, str])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return group_id, kind, name


class Book:
    """What the records of one group say together, those that came later in place of earlier ones of the same name."""

    def __init__(self, group_id: str) -> None:
        """Know nothing yet."""
        self._group_id = group_id
        self._orders: dict[str, Order] = {}
        self.obeyed: dict[str, Obeyed] = {}
        """By the name of a process."""
        self.tripped: dict[str, Tripped] = {}
        """By the name of a hold."""
        self.unreadable_count = 0
        """Records of this group that a newer program may understand; what was known before them stays."""

    @property
    def order(self) -> Order | None:
        """Return the order in force, None where nobody ever gave one."""
        return self._orders.get(GIVEN, self._orders.get(KEPT))

    def take(self, key: bytes | None, value: bytes | None) -> News | None:
        """Take a record in, and return what of it a process must hear: another order in force, or a hold accepted.

        A record without value takes back what the one before it said.
        """
        known = decode_key(key)
        if known is None or known[0] != self._group_id or known[1] not in _FORMS:
            return None
        _, kind, name = known
        if value is None:
            self._forget(kind, name)
            return None
        try:
            said = msgspec.json.decode(value, type=_FORMS[kind])
        except (msgspec.DecodeError, UnicodeDecodeError):
            self.unreadable_count += 1
            return None
        return self._keep(name, said)

    def _forget(self, kind: str, name: str) -> None:
        records: dict[str, dict[str, Order] | dict[str, Obeyed] | dict[str, Tripped]] = {
            ORDER: self._orders,
            OBEYED: self.obeyed,
            TRIPPED: self.tripped,
        }
        records[kind].pop(name, None)

    def _keep(self, name: str, said: Said) -> News | None:
        """Keep a record; return what is news of it."""
        match said:
            case Order():
                before = self.order
                self._orders[name] = said
                return self.order if self.order != before else None
            case Obeyed():
                self.obeyed[name] = said
                return None
            case Tripped():
                self.tripped[name] = said
                return Accepted(name, said.accepted_by) if said.accepted_by else None
            case unknown:
                assert_never(unknown)


class Member(Struct, frozen=True):
    """A process in the group, by the brokers' account."""

    member_id: str
    host: str


class Progress(Struct, frozen=True):
    """How far a group is with an order. `missing` are processes that have not obeyed it, as far as they are known."""

    is_done: bool
    obeyed: tuple[Obeyed, ...]
    missing: tuple[Member, ...] = ()


def progress(order_id: str, book: Book, members: tuple[Member, ...] | None, partitions: frozenset[str]) -> Progress:
    """Return how far the processes of a group are with an order.

    Args:
        order_id: The order.
        book: What the control topic says.
        members: The processes in the group; None where the brokers do not tell.
            Then it is done when processes that have obeyed own all partitions.
        partitions: All partitions of the topics that the group reads, `topic:number`.
    """
    said = tuple(one for _, one in sorted(book.obeyed.items()) if one.order_id == order_id)
    if members is None:
        return Progress(partitions <= {each for one in said for each in one.partitions}, said)
    by_member = {one.member_id: one for one in said}
    obeyed = tuple(by_member[one.member_id] for one in members if one.member_id in by_member)
    missing = tuple(one for one in members if one.member_id not in by_member)
    return Progress(not missing, obeyed, missing)
