"""`segment-bridge migrate`."""

from __future__ import annotations

from typing import Annotated

import typer

from processor.cli.options import DEFAULT_CONFIG, Config


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("migrate")(migrate)


def migrate(
    config: Config = DEFAULT_CONFIG,
    *,
    check: Annotated[bool, typer.Option("--check", help="Only tell; exit code 1 when the file is of before.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Print the change as a unified diff.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Change the file in its place.")] = False,
) -> None:
    """Turn a file of an older version into one of today that means the same; without an option it is printed."""
    from processor.migration.files import migration_of
    from processor.settings.version import CURRENT

    if check and write:
        raise typer.BadParameter("they exclude each other", param_hint="--check, --write")
    found = migration_of(config)
    for note in found.notes():
        typer.echo(note, err=True)
    if diff:
        typer.echo(found.diff(), nl=False)
    elif not check and not write:
        typer.echo(found.new, nl=False)
    if found.is_current:
        typer.echo(f"{config}: is of version {CURRENT} already", err=True)
    elif write:
        found.write()
        typer.echo(f"{config}: is of version {CURRENT} now", err=True)
    elif check:
        typer.echo(f"{config}: is of version {found.version}, today's is {CURRENT}", err=True)
        raise typer.Exit(1)
