"""The wait for a schema that records need and nobody here has seen yet."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from processor.errors import TransientError
from processor.pipeline.ports import Decoder

log = logging.getLogger(__name__)

SCHEMA_HOLD = "schema_registry_unreachable"
SCHEMA_RETRY_S = 2.0
"""Pause between questions to a registry that cannot be reached. Its client has time limits of its own."""


class Schemas:
    """Loads schemas one at a time; what needs one waits meanwhile."""

    def __init__(self, decoder: Decoder) -> None:
        """Start without a problem."""
        self._decoder = decoder
        self.problem: str | None = None

    async def load(self, schema_id: int, is_over: Callable[[], bool]) -> None:
        """Return when a schema is known, or known not to exist, or nobody needs it any more."""
        while not is_over():
            try:
                await self._decoder.fetch(schema_id)
            except TransientError as error:
                if self.problem != error.safe:  # another cause is news: what was mended may not have been all
                    log.warning("reading is held: the schema registry cannot be reached (%s)", error.safe)
                self.problem = error.safe
                await asyncio.sleep(SCHEMA_RETRY_S)
                continue
            if self.problem is not None:
                log.info("reading goes on: the schema registry answers again")
            break
        self.problem = None
