"""`segment-bridge version`."""

from __future__ import annotations

import platform

import typer

from processor import __version__


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("version")(version)


def version() -> None:
    """Show the versions that a bug report needs."""
    import confluent_kafka

    client = confluent_kafka.libversion()[0]
    typer.echo(f"segment-bridge {__version__} (Python {platform.python_version()}, librdkafka {client})")
