"""A followed file: read when it has changed and is left alone, or when somebody asks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from processor.operations.following import Settling, Stamp, follow, stamp_of
from tests.http_peer import eventually

A: Stamp = ((1, 10, 100),)
B: Stamp = ((2, 10, 100),)
C: Stamp = ((3, 10, 100),)


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([A, A], [False, False]),
        ([B, B, B], [False, True, False]),
        ([B, C, C], [False, False, True]),
        ([B, A, A], [False, False, False]),
        ([None, None, A, A], [False, False, False, False]),
        ([None, B, B, B], [False, False, True, False]),
        ([B, B, A, A], [False, True, False, True]),
    ],
    ids=["untouched", "once", "being_written", "put_back", "away_for_a_while", "made_anew", "each_change"],
)
def test_a_file_is_read_once_when_it_has_settled(looks: list[Stamp | None], expected: list[bool]) -> None:
    """Only what stays the same for two looks is read, and it is read once, whatever comes of it."""
    settling = Settling(A)
    found = []
    for stamp in looks:
        found.append(settling.is_due(stamp))
        if found[-1]:
            settling.note(stamp)
    assert expected == found


@asynccontextmanager
async def following(path: Path, on_change: Callable[[str], None]) -> AsyncIterator[asyncio.Event]:
    """Follow a file inside the block; `on_change` gets its text. Gives what is set to ask."""

    async def read() -> None:
        on_change(path.read_text(encoding="utf-8"))  # noqa: ASYNC240 - a few bytes in a test

    asked = asyncio.Event()
    task = asyncio.create_task(follow(lambda: [path], stamp_of(path), read, asked, look_s=0.01))
    try:
        yield asked
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_turned_link_is_a_change(tmp_path: Path) -> None:
    """As Kubernetes exchanges what it mounts: the file behind the path is another one, of the same size."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "settings").write_text(name, encoding="utf-8")
    (tmp_path / "data").symlink_to("one")
    path = tmp_path / "settings"
    path.symlink_to("data/settings")
    seen: list[str] = []
    async with following(path, seen.append):
        (tmp_path / "next").symlink_to("two")
        (tmp_path / "next").rename(tmp_path / "data")
        await eventually(lambda: seen == ["two"])


async def test_asking_needs_no_change(tmp_path: Path) -> None:
    """Who asks is answered once, and nothing is read that nobody asked for."""
    path = tmp_path / "settings"
    path.write_text("same", encoding="utf-8")
    seen: list[str] = []
    async with following(path, seen.append) as asked:
        asked.set()
        asked.set()
        await eventually(lambda: seen == ["same"])
        assert not asked.is_set()


async def test_a_call_that_fails_is_not_the_last(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A bug is told, and the file is followed on."""
    path = tmp_path / "settings"
    path.write_text("0", encoding="utf-8")
    seen: list[float] = []
    async with following(path, lambda text: seen.append(1 / int(text))) as asked:
        asked.set()
        await eventually(lambda: "a changed file could not be dealt with" in caplog.text)
        assert caplog.records[-1].levelno == logging.ERROR
        path.write_text("2", encoding="utf-8")
        await eventually(lambda: seen == [0.5])


def test_a_path_that_leads_nowhere_has_no_stamp(tmp_path: Path) -> None:
    """A file that is away for a moment is no error."""
    assert stamp_of(tmp_path / "missing") is None


def test_files_beside_the_first_may_be_missing(tmp_path: Path) -> None:
    """One that comes or goes is a change of the whole."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("1", encoding="utf-8")
    before = stamp_of(first, second)
    second.write_text("2", encoding="utf-8")
    assert before is not None
    assert before[1] is None
    assert stamp_of(first, second) != before
    assert stamp_of(second, tmp_path / "missing") != before
