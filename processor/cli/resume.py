"""`segment-bridge resume`."""

from __future__ import annotations

from typing import Annotated

import typer

from processor.cli.options import DEFAULT_CONFIG, Config
from processor.cli.ordering import By, Reason


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("resume")(resume)


def resume(
    destination: Annotated[str, typer.Argument(help="What goes on.")],
    accepts: Annotated[
        bool,
        typer.Option(
            "--accept-rejections",
            help="Lift the guard where it holds at this moment: what was refused goes to the dead-letter topic.",
        ),
    ] = False,
    reason: Reason = "",
    by: By = "",
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Let a destination go on that was paused or drained, or that its guard holds."""
    from processor.cli.ordering import chosen, give, guards, own_name, tripped_text
    from processor.source.deadline import Deadline
    from processor.source.ordering import TIMEOUT_S, desk
    from processor.source.orders import Wanted

    settings, (name,) = chosen(config, [destination])
    with desk(settings.kafka, settings.group_id(name)) as at:
        if accepts:
            lifted = at.accept(by or own_name(), Deadline.after(TIMEOUT_S))
            if not lifted:
                typer.echo(f"{name}: no guard holds it, so there is nothing to accept", err=True)
                raise typer.Exit(1)
            for one in lifted:
                typer.echo(f"{name}: accepted by {by or own_name()}: {tripped_text(one)}")
        give(at, name, Wanted.RUNNING, by=by, reason=reason)
        if not accepts:
            for line in guards(name, at.standing(Deadline.after(TIMEOUT_S))):
                typer.echo(line)
