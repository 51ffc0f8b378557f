"""What a member of a simulated group has instead of a decoder, a mapping and a writer of dead letters."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from processor.delivery.dead_letter_form import DeadLetter
from processor.model import Mapped, Needs, Payload, Record, Skipped
from processor.source.decode import Decoded, DecodedRun
from tests.simulated_log import Log
from tests.simulation import FakeDestination

if TYPE_CHECKING:
    from tests.simulated_group import Group, Member


class PlainDecoder:
    """Gives every record back as its own event."""

    def decode(self, record: Record) -> Decoded:
        """Return one event."""
        return [(record, None)]

    def decode_run(self, records: Sequence[Record], needs: Needs | None) -> DecodedRun:
        """Return the event of each record."""
        del needs
        return DecodedRun([self.decode(record) for record in records])

    async def fetch(self, schema_id: int) -> None:
        """Not needed here."""
        raise AssertionError(schema_id)


class CopyingPlan:
    """Looks an event up in the log and says who maps it, so that a request tells which ownership it comes from."""

    hash = "0123456789ab"
    letter_privacy = None
    needs = None

    def __init__(self, log: Log, member: Member) -> None:
        """Map for this member."""
        self._log = log
        self._member = member
        self.destination = FakeDestination(member.group.endpoints)

    def map_all(self, values: Sequence[tuple[Record, object]], now_ms: int, *, has_plain_keys: bool) -> list[Mapped]:
        """Return the payloads of each record."""
        del now_ms, has_plain_keys
        return [self._map(record) for record, _ in values]

    def _map(self, record: Record) -> Mapped:
        key = (record.topic, record.partition)
        event = self._log.events[key][record.offset]
        owner = f"{self._member.number}:{self._member.epochs[key]}"
        payloads = []
        for (partition, offset, index), endpoint in zip(
            self._log.payload_ids(key, record.offset), event.endpoints, strict=True
        ):
            body = {
                "id": [partition, offset, index],
                "lanes": event.lanes,
                "endpoint": endpoint,
                "by": owner,
                "dedupe_id": event.dedupe_id,
                "pad": "x" * event.size,
            }
            encoded = json.dumps(body, separators=(",", ":")).encode()
            payloads.append(Payload("act", endpoint, encoded, event.lanes, dedupe_id=event.dedupe_id))
        return Mapped(payloads, [] if payloads else [Skipped("no_subscription")], [])


class Letters:
    """One member's dead letters: acknowledged after a while, unless the topic cannot be written."""

    def __init__(self, group: Group, member: Member, chance: random.Random) -> None:
        """The topic can be written."""
        self._group = group
        self._member = member
        self._chance = chance
        self._waiting: list[tuple[DeadLetter, Callable[[], None]]] = []
        self._is_writable = True

    def send(self, letter: DeadLetter, acknowledged: Callable[[], None]) -> None:
        """Write a letter, some time."""
        self._waiting.append((letter, acknowledged))
        asyncio.get_running_loop().call_later(self._chance.random(), self._write)

    def _write(self) -> None:
        """Write what waits and say so, as long as the topic can be written and the member lives."""
        if not self._is_writable or not self._member.is_alive:
            return
        waiting, self._waiting = self._waiting, []
        for letter, acknowledged in waiting:
            self._group.judge.letters.add((letter.record.partition, letter.record.offset))
            acknowledged()

    def set_writable(self, *, is_writable: bool) -> None:
        """Break or mend the topic for this member."""
        self._is_writable = is_writable
        self._member.pipeline.letters_writable(is_writable, "" if is_writable else "no leader")
        self._write()
