"""What a pipeline needs from outside: a decoder, a dead-letter topic, a consumer thread. Faked in tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from processor.delivery.dead_letter_form import DeadLetter
from processor.delivery.offsets import Key
from processor.model import Needs, Record
from processor.source.decode import Decoded, DecodedRun


class Decoder(Protocol):
    """Turns the value of a record into events."""

    def decode(self, record: Record) -> Decoded:
        """Return the events of a record, each with the record it is known by; raise SchemaNeeded for a new schema."""

    def decode_run(self, records: Sequence[Record], needs: Needs | None) -> DecodedRun:
        """Return what records hold, up to the first with a new schema; of each event at least what is needed."""

    async def fetch(self, schema_id: int) -> None:
        """Load a schema. Raises TransientError while the registry cannot be reached."""


class DeadLetterSink(Protocol):
    """Takes dead letters and says when each is safe."""

    def send(self, letter: DeadLetter, acknowledged: Callable[[], None]) -> None:
        """Queue a letter; `acknowledged` is called on the loop once the broker has it."""


class Consumer(Protocol):
    """What the pipeline tells the consumer thread; none of it waits."""

    def store(self, offsets: dict[Key, int]) -> None:
        """Mark offsets for the next commit."""

    def hold(self, is_held: bool) -> None:  # noqa: FBT001 - the one thing that the command says
        """Stop or go on reading."""

    def block(self, partitions: set[Key]) -> None:
        """Read nothing from these partitions for now, and from all others again."""


class PipelineSettings(Struct, frozen=True):
    """What a pipeline needs to know beside its stages."""

    destination: str
    version: str
    drain_s: float
    is_delivering: bool = True
