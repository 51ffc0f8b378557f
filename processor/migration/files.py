"""A configuration file taken to the version of today: what would change, and the file written in its place."""

from __future__ import annotations

import copy
import difflib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

from processor.config import load_document
from processor.config.document import parse_document
from processor.config.problems import path_text
from processor.errors import ConfigError
from processor.migration.edits import edited
from processor.migration.steps import VERSION, Change, changes_of, version_of
from processor.settings.version import CURRENT

_MARK: Final = "\ufeff"
_SHOWN: Final = 3


class Migration(NamedTuple):
    """What a file says, what it would say, and what that adds; `new` is `old` for a file of today."""

    file: Path
    version: object
    old: str
    new: str
    changes: tuple[Change, ...]

    @property
    def is_current(self) -> bool:
        """Say whether there is nothing to do."""
        return self.version == CURRENT

    def notes(self) -> list[str]:
        """Return what is added, a line each."""
        return [f"{path_text((*one.path, one.key))}: {_word(one.value)}: {one.why}" for one in self.changes]

    def diff(self) -> str:
        """Return the change as a unified diff."""
        old, new = (text.splitlines(keepends=True) for text in (self.old, self.new))
        return "".join(_whole_lines(difflib.unified_diff(old, new, str(self.file), str(self.file))))

    def write(self) -> None:
        """Put the new text in the file's place at once; its rights stay as they were.

        Raises:
            OSError: The folder or the file cannot be written.
        """
        target = self.file.resolve()  # what a link leads to is changed, and the link stays
        number, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        written = Path(name)
        try:
            with os.fdopen(number, "w", encoding="utf-8", newline="") as stream:
                stream.write(self.new)
                stream.flush()
                os.fsync(stream.fileno())
            written.chmod(target.stat().st_mode & 0o7777)
            written.replace(target)
        except BaseException:
            written.unlink(missing_ok=True)
            raise


def migration_of(file: Path) -> Migration:
    """Return what takes a file to the version of today.

    Raises:
        ConfigError: It cannot be read, is of a newer version, or has something at fault that hides what it says.
    """
    document = load_document(file)
    text = file.read_bytes().decode("utf-8")
    value: Any = document.value
    if document.problems:
        raise ConfigError("\n".join(one.render(str(file)) for one in document.problems))
    if not isinstance(value, dict):
        raise ConfigError(f"{file}: there is no object of settings in it")
    try:
        changes = tuple(changes_of(value))
        version = version_of(value)
        new = text if version == CURRENT else _checked(file, text, value, changes)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from error
    return Migration(file, version, text, new, changes)


def said_of_old(file: Path) -> str | None:
    """Return what to say about a file that may be of an older version, None where it would mean the same today.

    Nothing is said of a file that cannot be read, which has faults enough.
    """
    try:
        found = migration_of(file)
    except (ConfigError, OSError):
        return None
    if found.is_current or not found.changes:
        return None
    keys = ", ".join(path_text((*one.path, one.key)) for one in found.changes[:_SHOWN])
    more = "" if len(found.changes) <= _SHOWN else f" and {len(found.changes) - _SHOWN} more"
    return (
        f"{file}: if it was written for segment-bridge 0.1.0, it means something else today ({keys}{more}): "
        f"`segment-bridge migrate --config {file} --diff` shows what keeps it as it was; if it is meant as it stands, "
        f"write `{VERSION}: {CURRENT}` at its top"
    )


"""Keys that a sentence names."""


def _checked(file: Path, text: str, value: dict[str, Any], changes: Iterable[Change]) -> str:
    """Return the new text, once reading it has given just what it was to give."""
    body = text.removeprefix(_MARK)
    new = edited(body, changes, CURRENT)
    if parse_document(new, str(file)).value != _expected(value, changes):
        raise ConfigError("it is written so that it cannot be changed in its place: add by hand what --check names")
    return text[: len(text) - len(body)] + new


def _expected(value: dict[str, Any], changes: Iterable[Change]) -> dict[str, Any]:
    """Return the value of a file after its changes. What aliases share is changed once, and for all."""
    expected = copy.deepcopy(value)
    for change in changes:
        node: Any = expected
        for step in change.path:
            node = node[step]
        node[change.key] = change.value
    return {**expected, VERSION: CURRENT}


def _word(value: bool | int) -> str:  # noqa: FBT001 - any value of a file
    return str(value).lower()


def _whole_lines(lines: Iterable[str]) -> Iterable[str]:
    """Return lines of a diff, each with its end: the last of a file may have none."""
    return (line if line.endswith("\n") else f"{line}\n" for line in lines)
