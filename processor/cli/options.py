"""Options that several commands take, each worded once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from processor.errors import ConfigError

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
