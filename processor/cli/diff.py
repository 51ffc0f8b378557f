"""`segment-bridge diff`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from processor.cli.options import select


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("diff")(diff)


def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The YAML file as it is.", dir_okay=False)],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The YAML file as it would be.", dir_okay=False)],
    events: Annotated[
        Path, typer.Argument(metavar="EVENTS", help="Recorded events as JSON lines; - for standard input.")
    ],
    destination: Annotated[str, typer.Option("--destination", "-d", help="Whose subscriptions to compare.")],
    as_json: Annotated[bool, typer.Option("--json", help="Write the report as one JSON document.")] = False,
    examples: Annotated[int, typer.Option(min=0, max=100, help="How many examples of each change to show.")] = 3,
) -> None:
    """Tell what another file would change for recorded events; exit code 1 when anything changes."""
    from processor import workbench
    from processor.errors import ConfigError
    from processor.pipeline.changes import report
    from processor.settings import load_without_secrets

    before, after = (load_without_secrets(path) for path in (old, new))
    for settings in (before, after):
        select(settings.destinations, [destination])
    try:
        with sys.stdin.buffer if str(events) == "-" else events.open("rb") as lines:
            changes = workbench.diff(before, after, destination, lines, example_limit=examples)
    except OSError as error:
        raise ConfigError(f"{events}: cannot be read: {error.strerror}") from error
    if as_json:
        typer.echo(json.dumps(report.as_json(changes), indent=2))
    else:
        for line in report.text_lines(changes):
            typer.echo(line)
    raise typer.Exit(report.exit_code(changes))
