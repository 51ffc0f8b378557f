"""What becomes of the source's notices."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest

from processor.operations.tally import Tally
from processor.pipeline.pipeline import Pipeline
from processor.pipeline.reading import Reading
from processor.source.notices import Notice, NoticeCode


async def test_notices_are_counted_and_expired_records_by_partition(caplog: pytest.LogCaptureFixture) -> None:
    """An operator sees which partition lost how much; every other notice counts by its code alone.

    A repeat is counted, and not logged again.
    """
    tally = Tally()
    pipeline = cast("Pipeline", SimpleNamespace(ledger=SimpleNamespace(tally=tally)))
    reading = Reading(pipeline, asyncio.get_running_loop(), 1.0)
    reading.said(Notice(NoticeCode.RECORDS_EXPIRED, "error", "gone", "t", 3, 5))
    reading.said(Notice(NoticeCode.RECORDS_EXPIRED, "error", "gone", "t", 3, 2))
    reading.said(Notice(NoticeCode.UNKEYED_RECORDS, "warning", "no keys", "t", count=4))
    reading.said(Notice(NoticeCode.UNKEYED_RECORDS, "warning", "no keys", "t", count=3, is_repeat=True))
    await asyncio.sleep(0)  # what was said from another thread is counted in the loop's next turn
    report = tally.report()
    assert report["events"] == {"records_expired": 7, "unkeyed_records": 7}
    assert report["expired"] == {"t": {"3": 7}}
    assert caplog.messages == ["gone", "gone", "no keys"]
