"""`segment-bridge check`."""

from __future__ import annotations

from typing import Annotated

import typer

from processor.cli.options import DEFAULT_CONFIG, Config


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("check")(check)


def check(
    config: Config = DEFAULT_CONFIG,
    online: Annotated[
        bool, typer.Option("--online", help="Also ask Kafka and the vendors: topics, their limits, credentials.")
    ] = False,
) -> None:
    """Tell everything that is wrong with a file, without starting."""
    from processor import checking
    from processor.errors import ConfigError
    from processor.operations.logs import configure
    from processor.settings import load_configuration, load_settings

    settings = load_settings(config)
    configure(settings.operations.logs)
    found = checking.check(settings, online=online, document=load_configuration(config))
    for warning in found.warnings:
        typer.echo(f"warning: {warning}", err=True)
    for note in found.notes:
        typer.echo(note, err=True)
    if found.problems:
        raise ConfigError("\n".join(found.problems))
    count = len(settings.destinations)
    typer.echo(f"{config}: fine ({count} {'destination' if count == 1 else 'destinations'})")
