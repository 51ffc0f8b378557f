"""`segment-bridge schema`."""

from __future__ import annotations

import json

import typer


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("schema")(schema)


def schema() -> None:
    """Print the JSON Schema of the YAML file, for editors and reviews."""
    from processor import settings

    typer.echo(json.dumps(settings.json_schema(), indent=2))
