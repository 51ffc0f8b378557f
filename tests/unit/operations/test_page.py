"""The page: health, readiness, metrics and status of all destinations."""

from __future__ import annotations

from collections.abc import Mapping

import httpx
import pytest

from processor.operations.page import serve
from processor.operations.settings import PageSettings
from processor.operations.status import StatusReport
from tests.full_report import full_report

ANY_PORT = PageSettings(port=0)


async def ask(reports: Mapping[str, StatusReport], path: str, *, supervised: bool = False) -> httpx.Response:
    """Return the page's answer for these reports."""
    async with serve(ANY_PORT, lambda: reports, supervised=supervised) as port, httpx.AsyncClient() as client:
        return await client.get(f"http://127.0.0.1:{port}{path}")


@pytest.mark.parametrize(
    ("path", "changes", "supervised", "expected"),
    [
        ("/livez", {}, False, 200),
        ("/livez", {"alive": False}, False, 503),
        ("/livez", {"alive": False}, True, 200),
        ("/livez", {"state": "held", "reason": "http_401"}, False, 200),
        ("/readyz", {"state": "held", "reason": "http_401"}, False, 200),
        ("/livez", {"ready": False}, False, 200),
        ("/readyz", {}, False, 200),
        ("/readyz", {"ready": False}, False, 503),
        ("/readyz", {"ready": False}, True, 503),
    ],
)
async def test_health(path: str, changes: dict[str, object], supervised: bool, expected: int) -> None:  # noqa: FBT001 - a column of the table
    """One destination that is not well makes the page say so; a supervisor is alive as long as it answers."""
    answer = await ask({"a": full_report(), "b": full_report(**changes)}, path, supervised=supervised)
    assert expected == answer.status_code


async def test_readiness_names_who_is_not_ready_and_why() -> None:
    """The answer holds the failing destinations with state and reason, and no others."""
    held = full_report(ready=False, state="held", reason="http_401")
    answer = await ask({"good": full_report(), "bad": held}, "/readyz")
    assert answer.json() == {"ok": False, "failing": {"bad": {"state": "held", "reason": "http_401"}}}


async def test_metrics_are_read_at_the_moment_of_asking() -> None:
    """Two scrapes of a moving report differ: nothing is remembered between them."""
    reports = {"a": full_report()}
    async with serve(ANY_PORT, lambda: reports, supervised=False) as port, httpx.AsyncClient() as client:
        first = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
        reports["a"] = full_report(partitions=[{"topic": "t", "partition": 0, "lag": 3}])
        second = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    lag = 'segment_bridge_lag_records{{destination="a",partition="0",topic="t"}} {}'
    assert lag.format("7.0") in first
    assert lag.format("3.0") in second


async def test_a_port_in_use_is_an_error() -> None:
    """Two pages cannot share a port; the second says so instead of serving nothing."""
    async with serve(ANY_PORT, dict, supervised=False) as port:
        with pytest.raises(OSError, match=r"^\[Errno \d+\] the page cannot be served .*: .*address already in use"):
            async with serve(PageSettings(port=port), dict, supervised=False):
                pytest.fail("two pages listen on one port")
