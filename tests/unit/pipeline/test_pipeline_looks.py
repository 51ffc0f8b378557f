"""A loop that is busy with records still looks at its sockets often enough for a question to the page."""

from __future__ import annotations

import asyncio
import itertools

from processor.pipeline.pipeline import CHUNK_COUNT, LOOK_COUNT
from tests.fake_stages import Bench
from tests.virtual_time import virtual


@virtual
async def test_steps_of_others_go_between_two_chunks_and_not_one_beside_each() -> None:
    """Taking a connection, reading from it and answering are turns of the loop that must not cost a chunk each."""
    async with Bench() as bench:
        bench.window.max_count = bench.window.max_bytes = 10**9
        bench.read(*[{}] * (20 * CHUNK_COUNT))
        waiting: list[int] = []
        while len(bench.pipeline.inbox):
            waiting.append(len(bench.pipeline.inbox))
            await asyncio.sleep(0)
        chunks = sorted(set(waiting), reverse=True)
        assert {before - after for before, after in itertools.pairwise(chunks)} == {CHUNK_COUNT}
        assert len(chunks) > 10
        assert {waiting.count(count) for count in chunks[1:-1]} == {LOOK_COUNT}
