"""The wait for a schema: what the log says while a registry cannot be asked."""

from __future__ import annotations

import logging

import pytest

from processor.errors import TransientError
from processor.pipeline import schemas
from processor.pipeline.schemas import Schemas


class Registry:
    """Fails with one cause after the other, then answers."""

    def __init__(self, *causes: str) -> None:
        """Nothing is asked yet."""
        self._causes = list(causes)

    async def fetch(self, schema_id: int) -> None:
        """Raise the next cause, if one is left."""
        if self._causes:
            cause = self._causes.pop(0)
            raise TransientError(f"schema {schema_id}: {cause}", safe=cause)


async def test_another_cause_is_another_line(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The same cause is told once; one that shows when it is mended is told as well, and then that reading goes on."""
    monkeypatch.setattr(schemas, "SCHEMA_RETRY_S", 0)
    caplog.set_level(logging.INFO)
    registry = Registry("certificate", "certificate", "password", "password")
    loading = Schemas(registry)  # type: ignore[arg-type]  # one method of a decoder is asked
    await loading.load(7, lambda: False)
    assert caplog.messages == [
        "reading is held: the schema registry cannot be reached (certificate)",
        "reading is held: the schema registry cannot be reached (password)",
        "reading goes on: the schema registry answers again",
    ]
    assert loading.problem is None
