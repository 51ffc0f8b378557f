"""Files that are followed while a process runs: looked at by their paths, again and again.

By path, because what is mounted in a container is exchanged by turning a symbolic link; and by looking, because no
notification of changes reaches every kind of mount.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

logger = logging.getLogger(__name__)

LOOK_S: Final = 1.0
"""Pause between looks at the file. It is also how long a file must be left alone before it is read."""

_OneStamp = tuple[int, int, int]
"""Modification time in nanoseconds, size in bytes and inode: what differs when a file was written or replaced."""
Stamp = tuple[_OneStamp | None, ...]
"""That of each of several files, None for one that is not there."""


def stamp_of(*files: Path) -> Stamp | None:
    """Return the stamp of files as they are at this moment, None when the first of them is not there."""
    found = tuple(map(_one_stamp, files))
    return None if found[0] is None else found


def _one_stamp(path: Path) -> _OneStamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


class Settling:
    """Whether a file is to be read: it differs from what was read, and did not change between two looks.

    A decider; a file that is being written is not read in the middle. One that turns out to be broken is not read again
    before it has changed.
    """

    def __init__(self, read: Stamp | None) -> None:
        """Start with the stamp of what was read, from before it was."""
        self._read = self._last = read

    def is_due(self, stamp: Stamp | None) -> bool:
        """Return whether the file that has this stamp now is to be read; nobody reads one that is not there."""
        is_settled, self._last = stamp == self._last, stamp
        return stamp is not None and is_settled and stamp != self._read

    def note(self, read: Stamp | None) -> None:
        """Remember the stamp of what is being read, from before it is."""
        self._read = read


async def follow(
    files: Callable[[], Sequence[Path]],
    read: Stamp | None,
    on_change: Callable[[], Awaitable[None]],
    asked: asyncio.Event,
    *,
    look_s: float = LOOK_S,
) -> None:
    """Call back when one of some files has changed or somebody asked, until cancelled.

    One call ends before the next begins, and none that fails is the last.

    Args:
        files: Gives the files, at least one; asked before each look. Other files than before are a change.
        read: The stamp that they had before their content was read.
        on_change: What is called.
        asked: Set by whoever wants a call without a change; cleared here. Asking twice before that is asking once.
        look_s: Pause between two looks, in seconds.
    """
    settling = Settling(read)
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(asked.wait(), look_s)
        stamp = await asyncio.to_thread(stamp_of, *files())
        if not settling.is_due(stamp) and not asked.is_set():
            continue
        asked.clear()
        settling.note(stamp)
        try:
            await on_change()
        except Exception:  # whatever it is: the next change may mend it, and without an ear it would go unheard
            logger.exception("a changed file could not be dealt with", extra={"file": str(files()[0])})
