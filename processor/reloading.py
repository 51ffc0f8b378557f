"""Changed settings on their way into a running destination.

Only what decides which events become which payloads, and how fast they are sent, is exchanged; it is compiled beside
what runs, in a thread, and put in its place on the event loop between two runs of records. Anything that goes wrong
before that leaves everything as it was.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Container, Sequence
from pathlib import Path
from typing import NamedTuple

from processor.destinations.base import Destination
from processor.destinations.plan import Plan
from processor.errors import ConfigError
from processor.operations.following import Stamp, follow, stamp_of
from processor.operations.logs import BY_TEXT
from processor.operations.reloads import Reloads, Result
from processor.operations.status import StatusReport
from processor.settings import DestinationSettings, Settings, load_configuration, load_settings, load_without_secrets
from processor.settings.changes import changes, taken_over
from processor.source.suppressed import SuppressedUsers, SuppressedUsersSettings
from processor.source.suppressed_topic import SuppressedTopic

log = logging.getLogger(__name__)


class Origin(NamedTuple):
    """The file that settings came from, and the stamp of all its `files` from before they were read.

    `files` are the file itself, then those that it names. `names` are its destinations where all of them are to run,
    None where somebody chose.
    """

    path: Path
    files: tuple[Path, ...]
    stamp: Stamp | None
    names: frozenset[str] | None = None

    @classmethod
    def at(cls, path: Path) -> Origin:
        """Return the origin of all destinations of a file; made before the settings are read, so no change is missed.

        Raises:
            ConfigError: the file cannot be read.
        """
        files = files_of(path)
        return cls(path, files, stamp_of(*files))


def files_of(path: Path) -> tuple[Path, ...]:
    """Return a file of settings, then the files that it names to hold a part of it.

    Raises:
        ConfigError: it cannot be read.
    """
    return path, *map(Path, load_configuration(path).others)


class Ready(NamedTuple):
    """What is to be exchanged, compiled."""

    own: DestinationSettings
    plan: Plan
    suppressed: SuppressedUsers | SuppressedTopic | None


Build = Callable[[str, DestinationSettings, Container[str] | None], tuple[Destination, Plan]]
"""Gives a destination and its plan for its part of the file; raises ConfigError."""


class Reloader:
    """Takes over what a file says by now into one destination. Event loop only."""

    def __init__(
        self, origin: Origin | None, settings: Settings, name: str, build: Build, now_ms: Callable[[], int]
    ) -> None:
        """Start with the settings that run. It does nothing where they do not ask for it, or come from no file."""
        self._origin = origin if settings.reload else None
        self._settings = settings
        self._name = name
        self._build = build
        self._now_ms = now_ms
        self._asked = asyncio.Event()
        self._files: Sequence[Path] = () if origin is None else origin.files
        self._book = Reloads()

    def ask(self) -> None:
        """Look at the file soon, where reloading is on, whether or not it has changed."""
        if self._origin is None:
            log.warning("destination %s: SIGHUP changes nothing, as `reload` is off", self._name)
        self._asked.set()

    def added_to(self, report: StatusReport) -> StatusReport:
        """Return a report with what became of reloads, where reloading is on."""
        return report if self._origin is None else {**report, "reload": self._book.report()}

    async def run(self, running: Callable[[], Ready], take_over: Callable[[Ready], None]) -> None:
        """Follow the file until cancelled. `running` gives what is in force, `take_over` exchanges it."""
        if self._origin is not None:
            origin = self._origin
            await follow(
                lambda: self._files, origin.stamp, lambda: self._reload(origin, running(), take_over), self._asked
            )

    async def _reload(self, origin: Origin, running: Ready, take_over: Callable[[Ready], None]) -> None:
        """Take over what the file says by now; the log and the book tell what came of it."""
        needs_restart: Sequence[str] | None = None
        try:
            found = await asyncio.to_thread(self._read, origin)
            needs_restart = found.needs_restart
            if needs_restart:
                text = "destination %s: restart to take over what changed in %s"
                log.warning(text, self._name, ", ".join(needs_restart), extra=BY_TEXT)
            ready = await asyncio.to_thread(self._prepare, found, running) if found.taken else None
        except Exception as error:  # noqa: BLE001 - whatever it is, what runs goes on
            self._refuse(error, needs_restart)
            return
        if ready is None:
            log.info("destination %s: nothing to reload, mapping %s stays", self._name, running.plan.hash)
            self._book.note(Result.UNCHANGED, self._now_ms(), needs_restart)
            return
        take_over(ready)
        self._settings = self._settings.model_copy(update={"destinations": {self._name: ready.own}})
        self._book.note(Result.APPLIED, self._now_ms(), needs_restart)
        log.info(
            "destination %s: reloaded %s; mapping %s, before it %s",
            self._name,
            ", ".join(found.taken),
            ready.plan.hash,
            running.plan.hash,
            extra=BY_TEXT,
        )

    def _refuse(self, error: Exception, needs_restart: Sequence[str] | None) -> None:
        """Say that everything stays as it is, and why."""
        self._book.note(Result.REFUSED, self._now_ms(), needs_restart)
        text = "destination %s: the changed settings cannot be used, the old ones stay in force: %s"
        if isinstance(error, ConfigError):
            log.error(text, self._name, "; ".join(error.safe.splitlines()), extra=BY_TEXT)
        else:
            log.error(text, self._name, "a bug", exc_info=error)

    def _read(self, origin: Origin) -> _Found:
        """Return how the file differs from what runs.

        Raises:
            ConfigError: it cannot be used.
        """
        self._files = files_of(origin.path)
        known: set[str] = set()

        def choose(names: Collection[str]) -> list[str]:
            known.update(names)
            if self._name not in known:
                raise _GoneError
            return [self._name]

        try:
            new = load_settings(origin.path, choose=choose)
        except _GoneError:
            return _Found(None, (), (f"destinations.{self._name}", *_added(origin, known)))
        differences = changes(self._settings, new, self._name)
        return _Found(new.destinations[self._name], differences.taken, (*differences.left, *_added(origin, known)))

    def _prepare(self, found: _Found, running: Ready) -> Ready:
        """Return what is to be exchanged.

        Raises:
            ConfigError: what is taken over cannot be compiled with what stays.
        """
        assert found.own is not None
        own = taken_over(running.own, found.own)
        suppressed = _suppressed(own.suppressed_users, running)
        _, plan = self._build(self._name, own, suppressed)
        return Ready(own, plan, suppressed)


class _GoneError(Exception):
    """The file says nothing of the destination any more."""


class _Found(NamedTuple):
    """What a file says of the destination, None where it does not, and the keys in which it differs from what runs."""

    own: DestinationSettings | None
    taken: Sequence[str]
    needs_restart: Sequence[str]


def _suppressed(settings: SuppressedUsersSettings | None, running: Ready) -> SuppressedUsers | SuppressedTopic | None:
    """Return the list that is to be asked: the one that is, as long as it comes from the same place."""
    if settings == running.own.suppressed_users:
        return running.suppressed
    return None if settings is None or settings.file is None else SuppressedUsers(settings.file)


def _added(origin: Origin, known: Collection[str]) -> list[str]:
    """Return destinations, as the file calls them, that nobody runs although all that it had were to run."""
    names = set() if origin.names is None else set(known) - origin.names
    return [f"destinations.{name}" for name in sorted(names)]


def say_added(origin: Origin) -> None:
    """Write one line about destinations that a supervisor does not run because they were added after its start.

    What else differs, or is wrong with the file, is said by the processes of the destinations.
    """
    try:
        known = load_without_secrets(origin.path).destinations.keys()
    except ConfigError:
        return
    if added := _added(origin, known):
        log.warning("restart to run what was added: %s", ", ".join(added))
