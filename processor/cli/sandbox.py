"""`segment-bridge sandbox`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("sandbox")(sandbox)


def sandbox(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 takes a free one.")] = 8080,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            help="What goes wrong, such as status:status=503,rate=0.05,vendor=moesif or latency:ms=50; may be repeated."
        ),
    ] = None,
    record: Annotated[
        Path | None, typer.Option(help="File that gets one JSON line for each item accepted or refused.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of what goes wrong by chance.")] = 0,
) -> None:
    """Serve stand-ins for the three vendors, to try the bridge against; `/_sandbox/` shows and changes them."""
    from processor.operations.signals import exit_code
    from processor.sandbox.faults import parse_fault
    from processor.sandbox.settings import SandboxSettings
    from processor.sandbox.standins import serve

    faults = tuple(parse_fault(text) for text in fault or [])
    settings = SandboxSettings(record=record, faults=faults, seed=seed)
    told = serve(
        host, port, settings, on_ready=lambda url: typer.echo(f"vendors at {url}, counts at {url}/_sandbox/counts")
    )
    raise typer.Exit(exit_code(0, [told]))
