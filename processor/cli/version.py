"""`segment-bridge version`, also as `--version`."""

from __future__ import annotations

import platform
from typing import Annotated

import typer

from processor import __version__


def _shown(is_asked: bool) -> None:  # noqa: FBT001 - what the option calls
    """Show the versions and end, where the option stands."""
    if is_asked:
        show_version()
        raise typer.Exit


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("version")(show_version)
    application.callback()(_options)


def _options(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_shown, help="The same as the command `version`."),
    ] = False,
) -> None:
    """Carry Segment events from Kafka to Moveo One, Moesif and MoEngage, at least once."""
    del version  # its callback has ended the program


def show_version() -> None:
    """Show the versions that a bug report needs."""
    import confluent_kafka

    client = confluent_kafka.libversion()[0]
    typer.echo(f"segment-bridge {__version__} (Python {platform.python_version()}, librdkafka {client})")
