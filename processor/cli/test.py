"""`segment-bridge test`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from processor.cli.options import DEFAULT_CONFIG, Config, warn_of_missing_salts


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("test")(run_cases)


def run_cases(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of golden cases.", dir_okay=False)],
    config: Config = DEFAULT_CONFIG,
    as_json: Annotated[bool, typer.Option("--json", help="Write the report as one JSON document.")] = False,
    require_coverage: Annotated[
        bool, typer.Option("--require-coverage", help="Fail as well when a part of a mapping is reached by no case.")
    ] = False,
) -> None:
    """Run golden cases: events beside a mapping, with what each should come to. Needs no Kafka and no keys."""
    from processor import workbench
    from processor.pipeline.cases import report
    from processor.settings import load_without_secrets

    settings = load_without_secrets(config)
    warn_of_missing_salts(settings.destinations, settings)
    outcome = workbench.run_cases(settings, files)
    if as_json:
        typer.echo(json.dumps(report.as_json(outcome), indent=2))
    else:
        for line in report.text_lines(outcome):
            typer.echo(line)
    raise typer.Exit(report.exit_code(outcome, require_coverage=require_coverage))
