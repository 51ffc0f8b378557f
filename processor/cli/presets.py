"""`segment-bridge presets`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from processor.cli.options import select


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("presets")(presets)


def presets(
    vendor: Annotated[str, typer.Argument(help="Type of a destination; with --config a destination of the file.")],
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="The YAML file whose destination shapes them.", dir_okay=False),
    ] = None,
) -> None:
    """Print the subscriptions that `default` stands for, as YAML to copy and change."""
    from processor import workbench
    from processor.destinations import REGISTRY
    from processor.settings import load_without_secrets

    if config is None:
        (name,) = select(REGISTRY, [vendor], what="vendor", where="There are")
        typer.echo(workbench.vendor_presets(name), nl=False)
        return
    settings = load_without_secrets(config)
    (name,) = select(settings.destinations, [vendor])
    typer.echo(workbench.own_presets(name, settings.destinations[name]), nl=False)
