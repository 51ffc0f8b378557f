"""Where a process stands in its consumer group, as the consumer thread knows it and others may ask."""

from __future__ import annotations

from typing import Final, NamedTuple

_HEAD: Final = b"CGMDv2:"
_GENERATION_BYTES: Final = 4


class Membership(NamedTuple):
    """A look at one moment.

    `is_member` is true from the group's first answer on, as long as the client counts itself in; `has_joined` stays
    true from then on. `owned_count` are the partitions that the group gave, also those whose position is not known
    yet; `has_opened` says whether any was ever read.
    """

    is_member: bool = False
    has_joined: bool = False
    owned_count: int = 0
    has_opened: bool = False


def has_generation(metadata: object) -> bool:
    """Return whether a client's metadata of its group, as it keeps it for transactions, is that of a member.

    A group of the newer protocol tells a member of no partitions nothing, so this is asked instead. Behind their head
    stands the generation of the group or the epoch of the member, below zero for a client that is in no group.

    Source: `rd_kafka_consumer_group_metadata_write` of librdkafka 2.16; bytes of another form say nothing.
    """
    if not isinstance(metadata, bytes) or not metadata.startswith(_HEAD):
        return False
    generation = metadata[len(_HEAD) : len(_HEAD) + _GENERATION_BYTES]
    return len(generation) == _GENERATION_BYTES and int.from_bytes(generation, "little", signed=True) >= 0
