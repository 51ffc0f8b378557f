"""Whole groups in virtual time under every fault at once: nothing lost, nothing committed early, order kept."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from processor.delivery.gate import Stop
from processor.delivery.offsets import Key
from processor.delivery.settings import DeliverySettings, GuardSettings, IsolationSettings, RateLimit
from processor.source.window import EXCESS_SHARE, MIN_EXCESS_COUNT
from tests.rough_vendor import Faults, RoughVendor, item_id
from tests.simulated_group import Group, request_owner
from tests.simulated_log import Event, Log
from tests.simulation import endpoint
from tests.virtual_time import run_virtual

ROUGH_S = 120.0
"""How long everything may go wrong; afterwards only what is wrong with single payloads stays."""
GIVE_UP_S = 400.0
"""Longer than anything goes wrong: only what fails for ever can be given up."""
SETTLE_S = 6000.0
EVENT_COUNT = 400
USERS = 24
PARTITIONS = 4

LIKELIHOODS = {
    "server_error": st.sampled_from([0.0, 0.1, 0.4]),
    "throttled": st.sampled_from([0.0, 0.1, 0.3]),
    "unreachable": st.sampled_from([0.0, 0.1, 0.3]),
    "cut": st.sampled_from([0.0, 0.1, 0.3]),
    "timeout": st.sampled_from([0.0, 0.05, 0.2]),
    "wrong_key": st.sampled_from([0.0, 0.0, 0.02]),
}
FAULTS = ("rebalance", "rebalance", "fence", "kill", "stop", "letters", "clock")
ORDERS = ("reload", "pause", "drain", "resume", "accept")
MOVES = st.lists(st.sampled_from([*FAULTS, *ORDERS]), max_size=12)


class Story:
    """One run of a group, from a seed."""

    def __init__(
        self, seed: int, faults: Faults, moves: list[str], *, window_count: int, is_shared: bool, poison_share: float
    ) -> None:
        """Draw everything from the seed."""
        self.chance = random.Random(seed)
        self.moves = moves
        self.faults = faults
        self.log = Log(PARTITIONS)
        self.vendor = RoughVendor(faults, seed)
        self.vendor.max_body_bytes = self.chance.choice((600, 10_000))
        scope = "all" if is_shared else ""
        endpoints = [
            endpoint("bulk", lane_scope=scope, rank=1, gzip=False),
            endpoint("single", lane_scope=scope, max_batch_count=1),
        ]
        options = DeliverySettings(
            max_in_flight=self.chance.choice((1, 2, 8)),
            max_window_count=window_count,
            drain_ms=5_000,
            attempt_timeout_s=10.0,
            guard=GuardSettings(window_count=200, refused_count=150, min_users=20),
            isolation=IsolationSettings(failure_count=2, give_up_s=GIVE_UP_S),
            rate_limit=RateLimit(requests_per_second=self.chance.choice((None, 50.0))),
        )
        self.max_in_window = window_count + max(window_count // EXCESS_SHARE, MIN_EXCESS_COUNT)
        self.is_shared = is_shared
        self.poison_share = poison_share
        self.group = Group(self.log, self.vendor, endpoints, options, member_count=2, seed=seed)

    async def run(self) -> None:
        """Write events while things go wrong; then wait until all of them are done."""
        writing = asyncio.create_task(self._write())
        for move in self.moves:
            await asyncio.sleep(self.chance.random() * ROUGH_S / 12)
            await self._move(move)
            self._check_members()
        await self.group.order(Stop.NOTHING)
        written = await writing
        self.vendor.faults = Faults()
        going_on = asyncio.create_task(self._go_on())
        await self._settle(written)
        going_on.cancel()
        await self._settle(self.log.ends)
        await asyncio.sleep(1.0)  # the end of a partition that was assigned just now may wait to be looked at
        self._check_nothing_is_left()
        await self.group.close()

    async def _go_on(self) -> None:
        """Write a faultless event of a new user now and then: only beside successes of others is a payload given up.

        Those of the old ones may all wait behind such payloads, for aliases tie users together, and would fill what the
        window has room for.
        """
        for user in itertools.count(USERS):
            self.log.append(user % PARTITIONS, Event((f"u{user}",), ("bulk",)))
            await asyncio.sleep(self.chance.random() * 2)

    async def _write(self) -> dict[Key, int]:
        """Write events of users, each user in a partition of its own, over the rough time and beyond."""
        for _ in range(EVENT_COUNT):
            user = self.chance.randrange(USERS)
            partition = user % PARTITIONS
            lanes = (f"u{user}",) if self.chance.random() < 0.9 else (f"u{user}", f"v{partition}")
            names = self.chance.choice(((), ("bulk",), ("bulk",), ("bulk",), ("single",), ("bulk", "single")))
            dedupe_id = f"m{user}-{self.chance.randrange(20)}" if self.chance.random() < 0.1 else None
            offset = self.log.append(
                partition,
                Event(lanes, names, size=self.chance.randrange(100), dedupe_id=dedupe_id),
                gap=self.chance.choice((0, 0, 0, 2)),
            )
            for index in range(len(names)):
                draw = self.chance.random()
                if draw < 0.02:
                    self.vendor.refused.add((partition, offset, index))
                elif draw < 0.02 + self.poison_share:
                    self.vendor.poison.add((partition, offset, index))
            await asyncio.sleep(self.chance.random() * 2 * ROUGH_S / EVENT_COUNT)
        return dict(self.log.ends)

    async def _move(self, move: str) -> None:
        """Let something happen to the group."""
        group = self.group
        match move:
            case "rebalance":
                await group.rebalance()
            case "fence":
                await group.fence()
            case "kill" | "stop":
                await group.replace(is_orderly=move == "stop")
            case "letters":
                await group.break_letters()
            case "reload":
                for member in group.members:
                    member.reload(self.chance.choice((None, 5.0, 50.0)))
            case "pause" | "drain" | "resume":
                await group.order({"pause": Stop.ALL, "drain": Stop.READING, "resume": Stop.NOTHING}[move])
            case "accept":
                group.chance.choice(group.members).accept_rejections()
            case "clock":
                group.clock.step_s += self.chance.choice((-86_400.0, 3_600.0, 1e6))

    async def _settle(self, ends: dict[Key, int]) -> None:
        """Return when everything up to these offsets is done and committed."""
        deadline_s = self.group.clock.now_s() + SETTLE_S
        while not self.group.judge.is_committed(ends):
            assert self.group.clock.now_s() < deadline_s, self._stuck()
            await asyncio.sleep(1.0)
            self._check_members()

    def _stuck(self) -> str:
        """Say what was not done."""
        judge, log = self.group.judge, self.log
        lines = [
            f"{key}: end {log.ends[key]} committed {log.committed[key]} safe {judge.safe(key)}" for key in log.ends
        ]
        for member in self.group.members:
            dispatcher = member.dispatcher
            lines.append(
                f"{member.number}: {dispatcher.state()} in flight {dispatcher.in_flight_count} "
                f"waiting {dispatcher.schedule.waiting_count} retrying {dispatcher.schedule.retrying_count} "
                f"window {member.window.count} held {member._is_held} blocked {member._blocked}"
            )
        lines.append(f"refused {self.vendor.refused} poison {self.vendor.poison}")
        return "\n".join(lines)

    def _check_members(self) -> None:
        """Assert what must hold at any moment."""
        assert self.vendor.clashes == []
        for member in self.group.members:
            member.check_alive()
            assert member.most_in_window <= self.max_in_window

    def _check_nothing_is_left(self) -> None:
        """Assert that what was delivered leaves no trace but what is meant to be remembered."""
        for member in self.group.members:
            schedule = member.dispatcher.schedule
            assert member.dispatcher.is_idle
            assert schedule.dedupe._in_flight == {}
            assert (schedule._waiting_worth, member.window.count, len(member.pipeline.inbox)) == (0.0, 0, 0)

    def check(self) -> None:
        """Assert what must hold in the end."""
        faulty = self.vendor.refused | self.vendor.poison
        assert self.vendor.accepted_ids & faulty == set()
        expected = {(key[1], offset) for key, events in self.log.events.items() for offset in events}
        lettered = self.group.judge.letters
        assert lettered <= {(partition, offset) for partition, offset, _ in faulty}
        assert {one[:2] for one in self.vendor.accepted_ids} <= expected
        first_seen: dict[tuple[str, str], list[tuple[int, int, int]]] = defaultdict(list)
        for item in self.vendor.accepted:
            for lane in item["lanes"]:
                seen = first_seen[request_owner(item), lane + ("" if self.is_shared else item["endpoint"])]
                if item_id(item) not in seen:
                    seen.append(item_id(item))
        for seen in first_seen.values():
            assert seen == sorted(seen)


@given(
    seed=st.integers(0, 2**32),
    faults=st.builds(Faults, **LIKELIHOODS),
    moves=MOVES,
    window_count=st.sampled_from([40, 100, 1000]),
    is_shared=st.booleans(),
    poison_share=st.sampled_from([0.0, 0.002, 0.005]),
)
@settings(max_examples=25)
def test_nothing_is_lost_or_committed_early_whatever_happens_to_a_group(
    seed: int, faults: Faults, moves: list[str], window_count: int, poison_share: float, *, is_shared: bool
) -> None:
    """Every record is delivered or dead-lettered, offsets never pass one that is not, and each lane keeps its order."""

    async def main() -> None:
        story = Story(seed, faults, moves, window_count=window_count, poison_share=poison_share, is_shared=is_shared)
        await story.run()
        story.check()

    run_virtual(main())
