"""A consumer group on a simulated Kafka: members that read, commit, give partitions up, lose them and die.

Nothing of a member is faked but the Kafka client, the destination's mapping and the vendor; a judge looks at every
commit, and knows what is done only from the vendor and the dead-letter topic.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, cast

from processor.delivery.conclusion import GUARD_REASON
from processor.delivery.dispatcher import Dispatcher
from processor.delivery.gate import Stop
from processor.delivery.offsets import Key
from processor.delivery.settings import DeliverySettings, RateLimit
from processor.destinations.base import Backoff, Endpoint
from processor.destinations.plan import Plan
from processor.model import Record
from processor.operations.tally import Tally
from processor.pipeline import Pipeline, PipelineSettings
from processor.pipeline.ledger import Ledger
from processor.source.intake import size_bytes
from processor.source.window import Flow, Valve, Window
from tests.rough_vendor import MemberTransport, RoughVendor
from tests.simulated_log import Judge, Log
from tests.simulated_parts import CopyingPlan, Letters, PlainDecoder
from tests.simulation import FakeDestination, LoopClock

POLL_S = 0.05
IDLE_POLL_S = 0.5
POLL_COUNT = 20
COMMIT_S = 0.25
GRACE_S = 0.25
MOST_TURNS = 100
"""Fewer times a second than this a member's timer goes off; one that finds nothing to do would a thousand times."""


class Member:
    """One process of the group."""

    def __init__(self, group: Group, number: int) -> None:
        """Start with no partitions."""
        self.number = number
        self.group = group
        self.window = Window(group.window_count, 100_000_000)
        self.clock = group.clock
        self.epochs: dict[Key, int] = {}
        self.positions: dict[Key, int] = {}
        self.is_alive = True
        self.most_in_window = 0
        self._told_ends: dict[Key, int] = {}
        self._stored: dict[Key, int] = {}
        self._is_held = False
        self._blocked: set[Key] = set()
        self._valve = Valve(GRACE_S)
        self._callback = asyncio.Lock()
        self.pipeline = Pipeline(
            PipelineSettings("fake", "1.0", group.drain_s),
            cast("Plan", CopyingPlan(group.log, self)),
            PlainDecoder(),
            Ledger(Tally(), self.window),
            self.window,
            self.clock,
        )
        self.transport = MemberTransport(group.vendor, f"{number}")
        destination = FakeDestination(group.endpoints, group.backoff)
        self.dispatcher = Dispatcher(destination, group.settings, self.transport, self.pipeline, self.clock)
        self.turns: Counter[int] = Counter()
        turn = self.dispatcher.turn
        self.dispatcher._timer._call = lambda: self._counted(turn)
        self.letters = Letters(group, self, group.chance)
        self.pipeline.connect(self.dispatcher, self.letters, self)
        self._tasks = [asyncio.create_task(self.pipeline.run()), asyncio.create_task(self._read())]

    def _counted(self, turn: Callable[[], None]) -> None:
        """Count what the timer starts, by the second."""
        self.turns[int(self.clock.now_s())] += 1
        turn()

    def reload(self, requests_per_second: float | None) -> None:
        """Take over a plan of its own and another rate, as when the settings change."""
        plan = cast("Plan", CopyingPlan(self.group.log, self))
        self.pipeline.use(plan, RateLimit(requests_per_second=requests_per_second))

    def obey(self, stop: Stop) -> None:
        """Do what an operator wants, as `Control` does."""
        self.dispatcher.gate.stop = stop
        self.dispatcher.schedule.is_flushing = stop is Stop.READING
        self.transport.is_stopped = stop is Stop.ALL
        self.pipeline.after_work()

    def accept_rejections(self) -> None:
        """Lift the guard, if it holds."""
        hold = self.dispatcher.gate.hold
        if hold is not None and hold.reason == GUARD_REASON:
            self.dispatcher.guard.accept()
            self.dispatcher.resume(GUARD_REASON)

    # -- what the pipeline says to the consumer thread

    def store(self, offsets: dict[Key, int]) -> None:
        """Keep offsets of owned partitions for the next commit, as the client does: never backwards."""
        for key, offset in offsets.items():
            if key in self.positions:
                assert offset <= self.positions[key], "an offset beyond what was read"
                self._stored[key] = max(offset, self._stored.get(key, 0))

    def hold(self, is_held: bool) -> None:  # noqa: FBT001 - as the consumer thread has it
        """Stop or go on reading."""
        self._is_held = is_held

    def block(self, partitions: set[Key]) -> None:
        """Read nothing of these."""
        self._blocked = set(partitions)

    # -- the consumer thread

    async def _read(self) -> None:
        """Poll and commit until the member dies."""
        next_commit_s = 0.0
        while True:
            is_busy = False
            async with self._callback:
                now_s = self.clock.now_s()
                if self._valve.turn(self.window, held=self._is_held, now_s=now_s) is Flow.READ:
                    is_busy = self._poll(max(1, min(POLL_COUNT, self.window.room_count)))
                if now_s >= next_commit_s:
                    next_commit_s = now_s + COMMIT_S
                    self._commit()
            self.most_in_window = max(self.most_in_window, self.window.count)
            await asyncio.sleep(POLL_S if is_busy else IDLE_POLL_S)

    def _poll(self, count: int) -> bool:
        """Hand over records and the ends that are reached, partition by partition; return whether there were any."""
        is_any = False
        keys = sorted(self.positions.keys() - self._blocked)
        self.group.chance.shuffle(keys)
        for key in keys:
            records = self.group.log.records(key, self.positions[key], count)
            count -= len(records)
            if records:
                self.positions[key] = records[-1].offset + 1
            end = self.group.log.ends[key]
            is_reached = not self.group.log.records(key, self.positions[key], 1)
            ends = {key: end} if is_reached and self._told_ends.get(key) != end else {}
            if ends:
                self._told_ends[key] = self.positions[key] = end
            if records or ends:
                is_any = True
                self.window.add(len(records), sum(size_bytes(record) for record in records))
                self.pipeline.inbox.put_records(records, ends)
            if count <= 0:
                break
        return is_any

    def _commit(self) -> None:
        """Commit what is stored."""
        for key, offset in self._stored.items():
            self.group.commit(self, key, offset)
        self._stored.clear()

    def assign(self, keys: Iterable[Key]) -> None:
        """Own partitions from their committed offsets on."""
        for key in keys:
            self.transport.leaving.discard(key[1])
            self.epochs[key] = self.epochs.get(key, 0) + 1
            self.positions[key] = self.group.log.committed[key]
            self._told_ends.pop(key, None)
            self.group.owners[key] = self
            self.pipeline.inbox.put_assigned({key: self.positions[key]})

    async def revoke(self, keys: set[Key]) -> None:
        """Give partitions up in order: what is done is committed."""
        async with self._callback:
            self.transport.leaving |= {key[1] for key in keys}
            began_s = self.clock.now_s()
            offsets = await self.pipeline.revoke(keys)
            assert self.clock.now_s() - began_s <= self.group.drain_s + 0.01, "a revoke beyond the drain time"
            self.store(offsets)
            self._commit()
            self._forget(keys)

    async def lose(self, keys: set[Key]) -> None:
        """Hear that partitions are somebody else's already."""
        async with self._callback:
            self._forget(keys)
            self.transport.leaving |= {key[1] for key in keys}
            await self.pipeline.lose(keys)

    def _forget(self, keys: set[Key]) -> None:
        """Read and store nothing more of these."""
        for key in keys:
            self.positions.pop(key, None)
            self._stored.pop(key, None)

    # -- the end

    async def stop(self) -> None:
        """End in order, as on SIGTERM."""
        await self.pipeline.stop()
        await self.revoke(set(self.positions))
        await self.die()

    async def die(self) -> None:
        """End at once, as on SIGKILL: what was on the wire may still arrive."""
        self.is_alive = False
        for task in self._tasks:
            task.cancel()
        ends = await asyncio.gather(*self._tasks, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ends), ends
        await self.dispatcher.close()

    def check_alive(self) -> None:
        """Fail if a part of it has ended by itself, or the books do not add up."""
        for task in self._tasks:
            assert not task.done(), task.exception()
        assert max(self.turns.values(), default=0) < MOST_TURNS, "a timer that goes off for nothing"
        ledger = self.pipeline.ledger
        assert ledger.tally.agrees(ledger.outstanding_count)
        in_books = sum(len(partition.entries) for partition in ledger.tracker)
        in_inbox = sum(isinstance(item, Record) for item in self.pipeline.inbox._items)
        assert self.window.count == in_books + in_inbox


class Group:
    """The members, the topic and who owns what."""

    def __init__(
        self,
        log: Log,
        vendor: RoughVendor,
        endpoints: list[Endpoint],
        settings: DeliverySettings,
        *,
        member_count: int,
        seed: int,
    ) -> None:
        """Share the partitions among the members."""
        self.log = log
        self.vendor = vendor
        self.endpoints = endpoints
        self.settings = settings
        self.backoff = Backoff(cap_s=60.0, jitter="full")
        self.drain_s = settings.drain_ms / 1000
        self.chance = random.Random(seed)
        self.clock = LoopClock(seed)
        self.judge = Judge(log, vendor)
        self.owners: dict[Key, Member | None] = dict.fromkeys(log.events)
        self.stop = Stop.NOTHING
        """What an operator has stopped, which a member that starts knows before it reads."""
        self._made = 0
        self.members = [self._member() for _ in range(member_count)]
        for number, key in enumerate(log.events):
            self.members[number % member_count].assign([key])

    @property
    def window_count(self) -> int:
        """Return the window of each member."""
        assert self.settings.max_window_count is not None
        return self.settings.max_window_count

    def _member(self) -> Member:
        """Return a new member."""
        self._made += 1
        member = Member(self, self._made)
        member.obey(self.stop)
        return member

    def commit(self, member: Member, key: Key, offset: int) -> None:
        """Commit for the owner alone, never backwards, never past what is not done."""
        if self.owners[key] is not member:
            return
        assert offset >= self.log.committed[key], "an offset that goes backwards"
        assert offset <= self.judge.safe(key), f"{key} {offset} is committed, {self.judge.safe(key)} is not done"
        self.log.committed[key] = offset

    # -- what may happen to a group

    async def rebalance(self) -> None:
        """Move one partition to any member, perhaps the same one."""
        key = self.chance.choice(list(self.owners))
        owner = self.owners[key]
        assert owner is not None
        await owner.revoke({key})
        self.owners[key] = None
        await asyncio.sleep(self.chance.random())
        self.chance.choice(self.members).assign([key])

    async def fence(self) -> None:
        """Give a partition to another member before its owner hears of it."""
        key = self.chance.choice(list(self.owners))
        owner = self.owners[key]
        others = [member for member in self.members if member is not owner]
        if owner is None or not others:
            return
        self.chance.choice(others).assign([key])
        await asyncio.sleep(self.chance.random() * 5)
        await owner.lose({key})

    async def replace(self, *, is_orderly: bool) -> None:
        """Stop or kill a member and start another in its place."""
        at = self.chance.randrange(len(self.members))
        gone = self.members[at]
        keys = [key for key, owner in self.owners.items() if owner is gone]
        await (gone.stop() if is_orderly else gone.die())
        self.members[at] = self._member()
        self.members[at].assign(keys)

    async def break_letters(self) -> None:
        """Make the dead-letter topic unwritable for one member, for a while."""
        member = self.chance.choice(self.members)
        member.letters.set_writable(is_writable=False)
        await asyncio.sleep(self.chance.random() * 30)
        if member.is_alive:
            member.letters.set_writable(is_writable=True)

    async def order(self, stop: Stop) -> None:
        """Stop something or nothing; each member hears of it in its own time."""
        self.stop = stop
        for member in list(self.members):
            await asyncio.sleep(self.chance.random())
            if member.is_alive:
                member.obey(stop)

    async def close(self) -> None:
        """End every member."""
        for member in self.members:
            await member.die()


def request_owner(item: dict[str, Any]) -> str:
    """Return which ownership an item of a request was mapped in."""
    owner: str = item["by"]
    return owner
