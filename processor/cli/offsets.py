"""`segment-bridge offsets`."""

from __future__ import annotations

from typing import Annotated

import typer

from processor.cli.options import DEFAULT_CONFIG, Config, select


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("offsets")(offsets)


def offsets(
    destination: Annotated[str, typer.Argument(help="Whose position to set; none of its processes may run.")],
    to: Annotated[str, typer.Option("--to", help="earliest, latest, or a time such as 2026-01-31T08:00:00Z.")],
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Set where a destination goes on reading. What lies between is sent again, or never."""
    from processor.operations.logs import configure
    from processor.settings import load_without_secrets
    from processor.source.contact import require_contact
    from processor.source.reset import set_positions
    from processor.source.start import start_time_ms
    from processor.workbench import require_secrets

    try:
        start_time_ms(to)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--to") from error
    settings = load_without_secrets(config)
    (name,) = select(settings.destinations, [destination])
    require_secrets(settings.kafka)
    configure(settings.operations.logs, destination=name)
    require_contact(settings.kafka)
    group_id = settings.group_id(name)
    positions = set_positions(settings.kafka, group_id, settings.kafka.topics, to)
    for (topic, partition), offset in sorted(positions.items()):
        typer.echo(f"{group_id}  {topic}[{partition}]  {offset}")
