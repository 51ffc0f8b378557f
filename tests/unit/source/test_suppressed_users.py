"""The file of suppressed users: what is an id, when it is read again, and what happens when it cannot be."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from processor.errors import ConfigError
from processor.source import suppressed as module
from processor.source.suppressed import SuppressedUsers, keep_fresh, parse_ids
from tests.http_peer import eventually


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", set()),
        ("u-1", {"u-1"}),
        ("u-1\nu-2\n", {"u-1", "u-2"}),
        ("u-1\r\nu-2\r\n", {"u-1", "u-2"}),
        ("\ufeffu-1\n", {"u-1"}),
        ("\n \n# a comment\n\t# another\n u-1 \n", {"u-1"}),
        ("u-1 # asked on Tuesday\nu-2\t#\n", {"u-1", "u-2"}),
        ("u-1 # once # twice\t# thrice\n", {"u-1"}),
        ("u#1\nname with blanks\n", {"u#1", "name with blanks"}),
        ("501\n501\n", {"501"}),
        ("u\u20281\n", {"u\u20281"}),
    ],
)
def test_one_id_stands_on_a_line(text: str, ids: set[str]) -> None:
    """Empty lines, comments and blanks around an id do not count; what is within a word does."""
    assert parse_ids(text) == ids


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file with one id."""
    path = tmp_path / "ids.txt"
    write(path, "u-1\n")
    return path


_times: Iterator[int] = iter(range(1_700_000_000, 1_800_000_000))


def write(path: Path, content: str | bytes) -> None:
    """Write a file at a moment of its own."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    moment = next(_times)
    os.utime(path, (moment, moment))


def test_a_file_is_a_container_of_ids(file: Path) -> None:
    """Ids match exactly, and what is no text is no id."""
    users = SuppressedUsers(file)
    assert ["u-1" in users, "u" in users, "U-1" in users, 7 in users, len(users)] == [True, False, False, False, 1]


def test_a_changed_file_is_read_again(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Ids come and go with it, and the log names how many and no id."""
    users = SuppressedUsers(file)
    write(file, "u-2\nu-3\n")
    with caplog.at_level(logging.INFO):
        users.refresh()
    assert ["u-1" in users, "u-2" in users, "u-3" in users] == [False, True, True]
    assert [f"suppressed users: 2 ids from {file}"] == [record.getMessage() for record in caplog.records]


def test_a_replaced_file_is_read_again(file: Path, tmp_path: Path) -> None:
    """Another file under the same name is noticed even with the same time and size."""
    users = SuppressedUsers(file)
    other = tmp_path / "other"
    other.write_text("u-2\n")
    found = file.stat()
    os.utime(other, ns=(found.st_mtime_ns, found.st_mtime_ns))
    other.replace(file)
    users.refresh()
    assert "u-2" in users


def test_an_unchanged_file_is_not_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look costs one question to the file system."""
    users = SuppressedUsers(file)
    monkeypatch.setattr(module, "_read", lambda _: pytest.fail("it was read"))
    users.refresh()
    assert "u-1" in users


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"u-2\n\xff\n", "is not UTF-8 at byte 4"),
        (b"u" * 100, "is larger than 99 bytes"),
    ],
    ids=["gone", "binary", "large"],
)
def test_the_last_good_list_stays_in_force(
    file: Path,
    content: bytes | None,
    reason: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At start such a file is an error; later it is one warning, until there is a good file again."""
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 99)
    users = SuppressedUsers(file)
    if content is None:
        file.unlink()
    else:
        write(file, content)
    with pytest.raises(ConfigError, match=reason):
        SuppressedUsers(file)
    users.refresh()
    users.refresh()
    assert ("u-1" in users, len(users)) == (True, 1)
    expected = f"the file of suppressed users {file} {reason}; the last list, of 1 ids, stays in force"
    assert [expected] == [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    write(file, "u-4\n")
    users.refresh()
    assert ("u-1" in users, "u-4" in users) == (False, True)
    file.unlink()
    users.refresh()
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 2


def test_a_file_that_vanishes_between_two_questions_is_no_crash(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It changed, and then it cannot be read."""
    users = SuppressedUsers(file)
    write(file, "u-2\n")

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)
    users.refresh()
    assert "u-1" in users


async def test_the_file_is_looked_at_again_and_again(file: Path) -> None:
    """While the task runs, a change is in force soon."""
    users = SuppressedUsers(file)
    task = asyncio.create_task(keep_fresh(lambda: users, 0.001))
    for user_id in ("u-2", "u-3"):
        write(file, f"{user_id}\n")
        await eventually(lambda wanted=user_id: wanted in users)  # type: ignore[misc]  # bound at once
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
