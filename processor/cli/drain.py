"""`segment-bridge drain`."""

from __future__ import annotations

from typing import Annotated

import typer

from processor.cli.options import DEFAULT_CONFIG, Config
from processor.cli.ordering import By, Reason, Wait


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("drain")(drain)


def drain(
    destination: Annotated[str, typer.Argument(help="What to drain.")],
    reason: Reason = "",
    by: By = "",
    wait: Wait = None,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Have a destination read nothing more, deliver and commit what was read, and stay paused then, until `resume`."""
    from processor.cli.ordering import order
    from processor.source.orders import Wanted

    order(config, destination, Wanted.DRAINED, by=by, reason=reason, wait_s=wait)
