"""`segment-bridge sandbox`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from processor.sandbox.settings import SandboxSettings


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("sandbox")(sandbox)


def sandbox(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 takes a free one.")] = 8080,
    settings: Annotated[
        Path | None,
        typer.Option(
            help="YAML file of limits, rates, keys and more; the options below come before it.",
            dir_okay=False,
        ),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            help="What goes wrong, such as status:status=503,rate=0.05,vendor=moesif or latency:ms=50, beside the "
            "faults of the file; may be repeated."
        ),
    ] = None,
    record: Annotated[
        Path | None, typer.Option(help="File that gets one JSON line for each item accepted or refused.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of what goes wrong by chance; that of the file, else 0.")
    ] = None,
) -> None:
    """Serve stand-ins for the three vendors, to try the bridge against; `/_sandbox/` shows and changes them."""
    from processor.operations.signals import exit_code
    from processor.sandbox.standins import serve

    chosen = _chosen(_read(settings), fault or [], record, seed)
    told = serve(
        host, port, chosen, on_ready=lambda url: typer.echo(f"vendors at {url}, counts at {url}/_sandbox/counts")
    )
    raise typer.Exit(exit_code(0, [told]))


def _read(file: Path | None) -> SandboxSettings:
    """Return the settings of a file, the defaults where none is named.

    Raises:
        ConfigError: it cannot be read, or something in it is wrong; names each problem with its line.
    """
    from processor.config import load_document, validate
    from processor.sandbox.settings import SandboxSettings

    return SandboxSettings() if file is None else validate(SandboxSettings, load_document(file))


def _chosen(settings: SandboxSettings, faults: list[str], record: Path | None, seed: int | None) -> SandboxSettings:
    """Return the settings with what the options say: faults beside those of the file, the rest in its place.

    Raises:
        ConfigError: one of the faults is none.
    """
    from processor.sandbox.faults import parse_fault

    said: dict[str, Any] = {"record": record, "seed": seed}
    given = {name: value for name, value in said.items() if value is not None}
    return settings.model_copy(update={"faults": (*settings.faults, *map(parse_fault, faults)), **given})
