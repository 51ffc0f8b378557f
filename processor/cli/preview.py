"""`segment-bridge preview`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from processor.cli.options import DEFAULT_CONFIG, Config, select, warn_of_missing_salts


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("preview")(preview)


def preview(
    destination: Annotated[str, typer.Option("--destination", "-d", help="Whose subscriptions to apply.")],
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Show what events become: Segment events as JSON lines in, one JSON line each out; nothing is sent."""
    from processor import workbench
    from processor.settings import load_without_secrets

    settings = load_without_secrets(config)
    (name,) = select(settings.destinations, [destination])
    warn_of_missing_salts([name], settings)
    for line in workbench.preview(settings, name, sys.stdin.buffer):
        sys.stdout.buffer.write(line + b"\n")
        sys.stdout.buffer.flush()
