"""`segment-bridge schema`."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("schema")(schema)


def schema(
    cases: Annotated[bool, typer.Option("--cases", help="That of files of golden cases instead.")] = False,
) -> None:
    """Print the JSON Schema of the YAML file, for editors and reviews."""
    from processor.pipeline.cases.settings import json_schema as cases_schema
    from processor.settings import json_schema

    typer.echo(json.dumps(cases_schema() if cases else json_schema(), indent=2))
