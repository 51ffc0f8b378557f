"""`segment-bridge demo`."""

from __future__ import annotations

from typing import Annotated

import typer


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("demo")(demo)


def demo(
    events: Annotated[int, typer.Option(min=1, max=200_000, help="How many events to produce.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Which events: the same seed gives the same ones.")] = 1,
    faults: Annotated[bool, typer.Option("--faults", help="Let the vendors fail, throttle and hang up.")] = False,
    keep_running: Annotated[
        bool, typer.Option("--keep-running", help="Keep producing and delivering until Ctrl-C.")
    ] = False,
) -> None:
    """Show the bridge at work on this machine alone: a Kafka, three vendors and the events come with it."""
    from processor.demo import DemoPlan, run_demo

    raise typer.Exit(run_demo(DemoPlan(event_count=events, seed=seed, with_faults=faults, keep_running=keep_running)))
