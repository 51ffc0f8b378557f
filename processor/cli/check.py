"""`segment-bridge check`."""

from __future__ import annotations

from typing import Annotated

import typer

from processor.cli.options import DEFAULT_CONFIG, Config, loaded, select


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("check")(check)


def check(
    config: Config = DEFAULT_CONFIG,
    destination: Annotated[
        list[str] | None,
        typer.Option(
            "--destination", "-d", help="Only with the secrets of this one; may be given several times. Default all."
        ),
    ] = None,
    online: Annotated[
        bool,
        typer.Option("--online", help="Also ask Kafka, schema registries and vendors: topics, rights, limits, keys."),
    ] = False,
    timeout_s: Annotated[
        float, typer.Option("--timeout", min=1, max=3_600, help="With --online: longest time for it all, in seconds.")
    ] = 30.0,
    outage_h: Annotated[
        float,
        typer.Option("--outage", min=0, help="With --online: hours that topics must keep what a vendor does not take."),
    ] = 24.0,
) -> None:
    """Tell everything that is wrong with a file, without starting."""
    from processor import checking
    from processor.errors import ConfigError, TransientError
    from processor.migration.files import said_of_old
    from processor.operations.logs import configure
    from processor.settings import load_configuration, load_settings

    settings = loaded(config, lambda: load_settings(config, choose=lambda known: select(known, destination or [])))
    configure(settings.operations.logs)
    document = load_configuration(config)
    found = checking.check(
        settings, online=online, document=document, timeout_s=timeout_s, outage_s=outage_h * checking.HOUR_S
    )
    said = said_of_old(config)
    for warning in [*([] if said is None else [said]), *found.warnings]:
        typer.echo(f"warning: {warning}", err=True)
    for note in found.notes:
        typer.echo(note, err=True)
    silence = "\n".join(found.silent)
    if found.problems:
        raise ConfigError("\n".join([*found.problems, *found.silent]))
    if found.silent:
        raise TransientError(silence, safe=silence)
    count = len(settings.destinations)
    typer.echo(f"{config}: fine ({count} {'destination' if count == 1 else 'destinations'})")
