"""The users of whom nothing is sent: where they are listed, and the file that may change while a destination runs.

Gates ask an object that knows `in`, so that another source of ids needs nothing but another object.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, FilePath, model_validator

from processor.config.librdkafka import TOPIC_PATTERN
from processor.errors import ConfigError

log = logging.getLogger(__name__)

LOOK_S: Final = 5.0
"""Pause between looks at the file."""
MAX_FILE_BYTES: Final = 67_108_864
"""Largest file that is read: a list is kept in memory, and a wrong path may lead to anything."""

_Stamp = tuple[int, int, int]
"""Modification time in nanoseconds, size and inode: what differs when a file was written or replaced."""


class SuppressedUsersSettings(BaseModel):
    """Users of whom nothing is sent to this destination."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: FilePath | None = Field(
        default=None,
        description="UTF-8 file with one id a line. Empty lines and what follows a `#` at the beginning or after a "
        "blank are passed over. Read at start, and again within seconds when it changes. Exactly one of this and "
        "`topic`.",
    )
    topic: str | None = Field(
        default=None,
        pattern=TOPIC_PATTERN,
        description="Compacted topic whose record keys are ids; a record without value lifts what its key says. Read "
        "to its end before the first event, and followed.",
    )
    max_bytes: int = Field(
        default=268_435_456,
        ge=1_048_576,
        description="Most memory of the ids of `topic`, in bytes; more stops the destination, since what is not kept "
        "would be sent. Default 268435456: some two million ids.",
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.file is None) == (self.topic is None):
            raise ValueError("exactly one of `file` and `topic` is needed")
        return self


class SuppressedUsers:
    """The ids of a file. `in` may be asked by any thread; it sees the old list or the new one, whole."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            ConfigError: it cannot be read, is no UTF-8 or is too large; the text names the file and no id.
        """
        self._path = path
        self._stamp, self._ids = _read(path)
        self._trouble = ""

    def __contains__(self, user_id: object) -> bool:
        """Return whether nothing of this user may be sent; ids match exactly."""
        return user_id in self._ids

    def __len__(self) -> int:
        """Return how many ids are in force."""
        return len(self._ids)

    @property
    def is_up_to_date(self) -> bool:
        """Return whether the file could be read when it was last looked at."""
        return not self._trouble

    def refresh(self) -> None:
        """The list is that of the file as it is now; one that cannot be read leaves the last good list in force.

        Blocks while it reads, so it is not for the event loop. The log hears of trouble once, and of its end.
        """
        try:
            if _stamp(self._path) == self._stamp and not self._trouble:
                return
            stamp, ids = _read(self._path)
        except (OSError, ConfigError) as error:
            self._warn(error.safe if isinstance(error, ConfigError) else _cannot_be_read(self._path, error))
            return
        self._stamp, self._ids, self._trouble = stamp, ids, ""
        log.info("suppressed users: %d ids from %s", len(ids), self._path)

    def _warn(self, trouble: str) -> None:
        """Say once what is wrong with the file."""
        if not self._trouble:
            log.warning("%s; the last list, of %d ids, stays in force", trouble, len(self._ids))
        self._trouble = trouble


async def keep_fresh(users: Callable[[], SuppressedUsers | None], look_s: float = LOOK_S) -> None:
    """Look at the file of the list that is in force, if any, again and again until cancelled; each time in a thread."""
    while True:
        await asyncio.sleep(look_s)
        if (now := users()) is not None:
            await asyncio.to_thread(now.refresh)


def parse_ids(text: str) -> frozenset[str]:
    """Return the ids of a list: one a line, without the blanks around it, empty lines and comments."""
    lines = (_without_comment(line).strip() for line in text.removeprefix("\ufeff").split("\n"))
    return frozenset(line for line in lines if line)


def _without_comment(line: str) -> str:
    """Return a line up to a `#` that begins it or follows a blank; within a word it is part of an id."""
    if line.lstrip().startswith("#"):
        return ""
    ends = [at for mark in (" #", "\t#") if (at := line.find(mark)) >= 0]
    return line[: min(ends)] if ends else line


def _read(path: Path) -> tuple[_Stamp, frozenset[str]]:
    """Return the ids of a file, and its stamp from before it was read: what is written meanwhile is read next time."""
    try:
        stamp = _stamp(path)
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(_cannot_be_read(path, error)) from error
    if len(content) > MAX_FILE_BYTES:
        raise ConfigError(f"the file of suppressed users {path} is larger than {MAX_FILE_BYTES} bytes")
    try:
        return stamp, parse_ids(content.decode())
    except UnicodeDecodeError as error:
        raise ConfigError(f"the file of suppressed users {path} is not UTF-8 at byte {error.start}") from None


def _stamp(path: Path) -> _Stamp:
    """Return what tells one state of a file from another."""
    found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino


def _cannot_be_read(path: Path, error: OSError) -> str:
    return f"the file of suppressed users {path} cannot be read: {error.strerror}"
