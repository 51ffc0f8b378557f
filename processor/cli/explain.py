"""`segment-bridge explain`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from processor.cli.options import DEFAULT_CONFIG, Config, select, warn_of_missing_salts


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("explain")(explain)


def explain(
    destination: Annotated[str, typer.Option("--destination", "-d", help="Whose subscriptions to apply.")],
    config: Config = DEFAULT_CONFIG,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines, also on a terminal.")] = False,
) -> None:
    """Tell why events become what they become: gates, triggers term by term, fields with what they read."""
    from processor import workbench
    from processor.settings import load_without_secrets
    from processor.source.json_value import json_text

    settings = load_without_secrets(config)
    (name,) = select(settings.destinations, [destination])
    warn_of_missing_salts([name], settings)
    is_tree = sys.stdout.isatty() and not as_json
    has_failed = False
    for events in workbench.explain(settings, name, sys.stdin.buffer):
        for event in events:
            if is_tree:
                from processor.cli.explanation_tree import print_tree

                print_tree(event)
                continue
            try:
                typer.echo(json_text(event))
            except RecursionError:
                has_failed = True
                typer.echo("an event is nested too deeply to be shown as JSON", err=True)
    if has_failed:
        raise typer.Exit(1)
