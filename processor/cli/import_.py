"""`segment-bridge import`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("import")(import_)


def import_(
    file: Annotated[
        Path, typer.Argument(help="JSON from Segment's Public API or `terraform show -json`; - for standard input.")
    ],
    destination_id: Annotated[
        str | None, typer.Option("--destination-id", help="Segment's id of the destination, where there are several.")
    ] = None,
) -> None:
    """Write a destination's subscriptions and filters from Segment as YAML; notes of what differs go to stderr."""
    from processor import workbench
    from processor.errors import ConfigError

    try:
        export = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
    try:
        yaml, notes = workbench.import_export(export, destination_id)
    except ConfigError as error:
        raise ConfigError(f"{'standard input' if str(file) == '-' else file}: {error}") from error
    typer.echo(yaml, nl=False)
    for note in notes:
        typer.echo(f"note: {note}", err=True)
