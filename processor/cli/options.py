"""Options that several commands take, each worded once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias, TypeVar

import typer

from processor.errors import ConfigError

if TYPE_CHECKING:
    from processor.settings import Settings

T = TypeVar("T")

DEFAULT_CONFIG = Path("segment-bridge.yaml")

Config: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--config",
        "-c",
        envvar="SEGMENT_BRIDGE_CONFIG",
        help="The YAML file.",
        dir_okay=False,
    ),
]


def select(
    known: Iterable[str], wanted: Sequence[str], *, what: str = "destination", where: str = "The file has"
) -> list[str]:
    """Return the destinations, or whatever is chosen from, that were asked for, all of them when none was.

    Raises:
        ConfigError: One of them is not among the known; names the nearest that is.
    """
    names = list(known)
    for name in wanted:
        if name not in names:
            nearest = difflib.get_close_matches(name, names, n=1)
            hint = f"; did you mean {nearest[0]!r}?" if nearest else "."
            raise ConfigError(f"no {what} is called {name!r}{hint} {where}: {', '.join(names)}")
    return list(dict.fromkeys(wanted)) if wanted else names


def topic_names(names: Iterable[str] | None, option: str = "--topic") -> list[str]:
    """Return names of topics, each once; refuse what can be none."""
    from processor.config.librdkafka import TOPIC_PATTERN

    found = list(dict.fromkeys(names or ()))
    for name in found:
        if re.fullmatch(TOPIC_PATTERN, name) is None:
            raise typer.BadParameter(f"{name!r} can be no topic", param_hint=option)
    return found


def loaded(config: Path, load: Callable[[], T]) -> T:
    """Return what a file holds.

    Raises:
        ConfigError: As `load`; where the file may be of an older version, it says which command makes it one of today.
    """
    try:
        return load()
    except ConfigError as error:
        from processor.migration.files import said_of_old

        said = said_of_old(config)
        if said is None:
            raise
        raise ConfigError(f"{error}\n{said}", problems=error.problems) from error


def warn_of_missing_salts(names: Iterable[str], *files: Settings) -> None:
    """Say on stderr which salts of these destinations are not there, each once.

    Hashes that a command without keys shows are then not the vendor's.
    """
    told: dict[str, None] = {}
    for name, settings in product(names, files):
        privacy = settings.destinations[name].privacy
        salt = None if privacy is None or privacy.hash is None else privacy.hash.salt
        trouble = None if salt is None else salt.trouble()
        if trouble is not None:
            told[f"destinations.{name}.privacy.hash.salt: {trouble}"] = None
    for warning in told:
        typer.echo(f"warning: {warning}; hashes differ from those sent", err=True)
