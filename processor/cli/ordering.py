"""What the commands that give orders have in common: their options, and how an order and what is in force are told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from processor.cli.durations import duration_s

if TYPE_CHECKING:
    from processor.settings import Settings
    from processor.source.ordering import Desk, Standing
    from processor.source.orders import Order, Tripped, Wanted

MAX_TEXT_COUNT: Final = 200


def _one_line(text: str) -> str:
    """Return text that fits a line of a log.

    Raises:
        typer.BadParameter: It does not.
    """
    if len(text) > MAX_TEXT_COUNT or not text.isprintable():
        raise typer.BadParameter(f"allowed: one line of at most {MAX_TEXT_COUNT} characters")
    return text.strip()


def _wait_s(text: str) -> float:
    """Return how long somebody would wait.

    Raises:
        typer.BadParameter: The text is no length of time.
    """
    return duration_s(text, "--wait")


Reason: TypeAlias = Annotated[
    str, typer.Option("--reason", help="Why, for logs, page and `pause --list`.", callback=_one_line)
]
By: TypeAlias = Annotated[
    str,
    typer.Option(
        "--as", metavar="NAME", help="Whose word it is; else user and host of this command.", callback=_one_line
    ),
]
Wait: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--wait",
        metavar="DURATION",
        parser=_wait_s,
        help="Wait so long, such as 30s or 5m, until every process has obeyed; exit code 1 when not in time.",
    ),
]


def chosen(config: Path, destinations: list[str]) -> tuple[Settings, list[str]]:
    """Return the settings of a file, without secrets of vendors, and the chosen destinations, all of them if none.

    Raises:
        ConfigError: The file cannot be used, has no such destination, or a secret for Kafka is not there.
    """
    from processor.cli.options import select
    from processor.operations.logs import configure
    from processor.settings import load_without_secrets
    from processor.source.contact import require_contact
    from processor.workbench import require_secrets

    settings = load_without_secrets(config)
    names = select(settings.destinations, destinations)
    require_secrets(settings.kafka)
    configure(settings.operations.logs)
    require_contact(settings.kafka)
    return settings, names


def order(config: Path, destination: str, wanted: Wanted, *, by: str, reason: str, wait_s: float | None = None) -> None:
    """Give an order, tell it, and wait for what becomes of it where that is asked for.

    Raises:
        ConfigError: The file cannot be used, or has no such destination.
        BrokerError: Kafka cannot be reached, or a right is missing.
        typer.Exit: Not every process has obeyed in time.
    """
    from processor.source.ordering import desk

    settings, (name,) = chosen(config, [destination])
    with desk(settings.kafka, settings.group_id(name)) as at:
        given = give(at, name, wanted, by=by, reason=reason)
        if wait_s is not None:
            await_all(at, name, given, wait_s)


def give(at: Desk, name: str, wanted: Wanted, *, by: str, reason: str) -> Order:
    """Return the order, given and told."""
    from processor.source.deadline import Deadline
    from processor.source.ordering import TIMEOUT_S

    given, before = at.give(wanted, by or own_name(), reason, time.time_ns() // 1_000_000, Deadline.after(TIMEOUT_S))
    typer.echo(f"{name}: {told(given)}")
    if before is not None:
        typer.echo(f"{name}: before that it was {told(before)}")
    return given


def await_all(at: Desk, name: str, given: Order, wait_s: float) -> None:
    """Return when every process has obeyed.

    Raises:
        typer.Exit: Not in time, or another order was given meanwhile.
    """
    from processor.source.deadline import Deadline
    from processor.source.ordering import await_obeyed

    standing = await_obeyed(at, given, Deadline.after(wait_s))
    if standing.order is None or standing.order.id != given.id:
        another = "it was taken back" if standing.order is None else f"it is now {told(standing.order)}"
        typer.echo(f"{name}: another order was given meanwhile: {another}", err=True)
        raise typer.Exit(1)
    typer.echo(f"{name}: {obeyed_text(standing)}", err=not standing.progress.is_done)
    if not standing.progress.is_done:
        raise typer.Exit(1)


def told(one: Order) -> str:
    """Return an order as people read it."""
    from processor.source.orders import time_text

    return f"{one.wanted.value} by {one.text} at {time_text(one.at_ms)}"


def obeyed_text(standing: Standing) -> str:
    """Return how far the processes are."""
    found = standing.progress
    count = len(found.obeyed)
    if found.is_done and standing.members == ():
        return "no process is in the group; what starts will obey"
    if found.is_done:
        return f"done by {count} {'process' if count == 1 else 'processes'}"
    if standing.members is None:
        return f"{count} processes have obeyed, and they do not own all partitions"
    missing = ", ".join(f"{one.host} ({one.member_id})" for one in found.missing)
    return f"{count} of {len(standing.members)} processes have obeyed; not yet: {missing}"


def in_force(name: str, standing: Standing) -> Iterator[str]:
    """Yield what is in force for a destination, a line each."""
    from processor.source.orders import Wanted

    if standing.order is None or standing.order.wanted is Wanted.RUNNING:
        suffix = "" if standing.order is None else f" ({told(standing.order)})"
        yield f"{name}: not paused{suffix}"
    else:
        yield f"{name}: {told(standing.order)}; {obeyed_text(standing)}"
    yield from guards(name, standing)


def guards(name: str, standing: Standing) -> Iterator[str]:
    """Yield which guards hold a destination, and how they are lifted, a line each."""
    for one in standing.tripped:
        yield f"{name}: {tripped_text(one)}; to lift it: segment-bridge resume {name} --accept-rejections"


def tripped_text(one: Tripped) -> str:
    """Return a hold of the guard as people read it."""
    from processor.source.orders import time_text

    return f"the guard holds process {one.pid} on {one.host} since {time_text(one.at_ms)}: {one.message}"


def own_name() -> str:
    """Return user and host of this command."""
    import getpass
    import os
    import socket

    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user has no name
        user = f"uid-{os.getuid()}"
    return f"{user}@{socket.gethostname()}"
