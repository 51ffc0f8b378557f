"""`segment-bridge acls`."""

from __future__ import annotations

from typing import Annotated

import typer

from processor.cli.options import DEFAULT_CONFIG, Config


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("acls")(acls)


def acls(
    principal: Annotated[
        str, typer.Option("--principal", help="Who is granted the rights, as Kafka names it: User:segment-bridge.")
    ],
    config: Config = DEFAULT_CONFIG,
    describe_configs: Annotated[
        bool,
        typer.Option("--describe-configs", help="Also the right to see how topics are configured, for check --online."),
    ] = False,
) -> None:
    """Print a shell script that grants what a file needs of Kafka, and no more. Nobody is asked."""
    from processor.settings import load_without_secrets
    from processor.settings.acl_script import acl_script

    settings = load_without_secrets(config)
    typer.echo(acl_script(settings, principal, looks_at_topics=describe_configs), nl=False)
