"""`segment-bridge run`."""

from __future__ import annotations

import logging
import os
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from processor.cli.options import DEFAULT_CONFIG, Config, loaded, select

log = logging.getLogger(__name__)


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("run")(run)


def run(
    config: Config = DEFAULT_CONFIG,
    destination: Annotated[
        list[str] | None, typer.Option("--destination", "-d", help="Only this one; may be given several times.")
    ] = None,
) -> None:
    """Deliver until stopped: one destination in this process, several in a supervised process each."""
    from processor.operations.logs import configure, errors_in_log
    from processor.reloading import Origin, say_added
    from processor.settings import load_settings, load_without_secrets

    origin = Origin.at(config)
    whole = loaded(config, lambda: load_without_secrets(config))
    names = select(whole.destinations, destination or [])
    origin = origin._replace(names=None if destination else frozenset(names))
    if len(names) == 1:
        from processor import app

        # Before secrets are read: that one is missing is a line of this log, like any other.
        configure(whole.operations.logs, destination=names[0])
        with errors_in_log(whole.operations.logs):
            settings = load_settings(config, choose=lambda _known: names)
            _say_age(config)
            code = app.run(settings, names[0], origin=origin)
        raise typer.Exit(code)
    from processor.operations.fleet import Following, run_fleet

    # Each process reads its own secrets; the supervisor needs none, so a missing one stops its destination alone.
    configure(whole.operations.logs)
    _say_age(config)
    stamp = None if origin.stamp is None else origin.stamp[:1]
    following = Following(config, stamp, partial(say_added, origin)) if whole.reload else None
    raise typer.Exit(run_fleet(names, config, whole.operations, following=following))


def _say_age(config: Path) -> None:
    """Say once, and not in each process of a supervisor, that the file may be of an older version."""
    from processor.migration.files import said_of_old
    from processor.operations.channel import ENVIRONMENT_KEY

    said = None if ENVIRONMENT_KEY in os.environ else said_of_old(config)
    if said is not None:
        log.warning("%s", said)
