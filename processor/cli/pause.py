"""`segment-bridge pause`."""

from __future__ import annotations

from typing import Annotated

import typer

from processor.cli.options import DEFAULT_CONFIG, Config
from processor.cli.ordering import By, Reason, Wait


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("pause")(pause)


def pause(
    destination: Annotated[str | None, typer.Argument(help="What to pause; with --list all unless given.")] = None,
    shows_list: Annotated[
        bool, typer.Option("--list", help="Tell what is in force, and who has obeyed it, instead of pausing.")
    ] = False,
    reason: Reason = "",
    by: By = "",
    wait: Wait = None,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Stop a destination's reading and sending in all its processes, also those that start later, until `resume`."""
    from processor.cli.ordering import chosen, in_force, order
    from processor.source.deadline import Deadline
    from processor.source.ordering import TIMEOUT_S, desk
    from processor.source.orders import Wanted

    if not shows_list:
        if destination is None:
            raise typer.BadParameter("name what to pause, or write --list", param_hint="DESTINATION")
        order(config, destination, Wanted.PAUSED, by=by, reason=reason, wait_s=wait)
        return
    settings, names = chosen(config, [] if destination is None else [destination])
    for name in names:
        with desk(settings.kafka, settings.group_id(name)) as at:
            for line in in_force(name, at.standing(Deadline.after(TIMEOUT_S))):
                typer.echo(line)
