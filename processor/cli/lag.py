"""`segment-bridge lag`."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from processor.cli.durations import duration_s
from processor.cli.options import DEFAULT_CONFIG, Config, select

if TYPE_CHECKING:
    from types import FrameType

    from processor.lag.reading import Lag, LagReading
    from processor.settings import Settings

_CLEAR = "\x1b[H\x1b[J"


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("lag")(lag)


def lag(  # noqa: PLR0913 - one parameter for each option
    destinations: Annotated[
        list[str] | None, typer.Argument(metavar="DESTINATION", help="Only these; all of the file by default.")
    ] = None,
    config: Config = DEFAULT_CONFIG,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Look again after each interval, until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON, one object a look.")] = False,
    max_lag: Annotated[
        int | None, typer.Option("--max-lag", min=0, help="Exit code 1 when a destination has more records to do.")
    ] = None,
    max_age: Annotated[
        str | None,
        typer.Option("--max-age", help="Exit code 1 when an unfinished record is older, such as 90s, 15m or 2h."),
    ] = None,
    interval_s: Annotated[
        float,
        typer.Option("--interval", min=0, max=3_600, help="Seconds between looks, which rates are taken over; 0: one."),
    ] = 2.0,
    timeout_s: Annotated[
        float, typer.Option("--timeout", min=1, max=3_600, help="Longest time for one look, in seconds.")
    ] = 20.0,
    page: Annotated[
        str | None,
        typer.Option("--page", help="Address of a running bridge's page; that of the file on this machine by default."),
    ] = None,
) -> None:
    """Show how far destinations are behind, in records and in time; no bridge need run."""
    from processor.operations.logs import configure
    from processor.settings import load_without_secrets

    max_age_s = None if max_age is None else duration_s(max_age, "--max-age")
    if watch and (max_lag is not None or max_age_s is not None):
        raise typer.BadParameter("it does not end by itself, so no bound can end it", param_hint="--watch")
    settings = load_without_secrets(config)
    names = select(settings.destinations, destinations or [])
    configure(settings.operations.logs)
    with closing(_reading(settings, names, page)) as reading:
        if watch:
            _watch(reading, max(interval_s, 0.2), timeout_s, as_json=as_json)
        found = _once(reading, interval_s, timeout_s)
    _show(found, as_json=as_json)
    if _is_above(found, max_lag, max_age_s):
        raise typer.Exit(1)


def _reading(settings: Settings, names: Sequence[str], page: str | None) -> LagReading:
    """Return what looks at these destinations, once Kafka has answered."""
    from processor.lag.reading import LagReading
    from processor.source.contact import require_contact
    from processor.workbench import require_secrets

    require_secrets(settings.kafka)
    require_contact(settings.kafka)
    return LagReading(settings, names, page=settings.operations.page.local_url if page is None else page)


def _once(reading: LagReading, interval_s: float, timeout_s: float) -> Lag:
    """Return one look, with rates if there is an interval to take them over."""
    from processor.source.deadline import Deadline

    if interval_s:
        reading.glance(Deadline.after(timeout_s))
        time.sleep(interval_s)
    return reading.look(Deadline.after(timeout_s))


def _watch(reading: LagReading, interval_s: float, timeout_s: float, *, as_json: bool) -> None:
    """Show look after look until interrupted; a cluster that does not answer is waited for."""
    from processor.errors import BrokerError
    from processor.source.deadline import Deadline

    with _interrupts() as raise_swallowed:
        while True:
            try:
                found = reading.look(Deadline.after(timeout_s))
            except BrokerError as error:
                if error.fatal:
                    raise
                typer.echo(f"Kafka: {error}", err=True)
            else:
                _redraw(found, as_json=as_json)
            raise_swallowed()
            time.sleep(interval_s)


@contextmanager
def _interrupts() -> Iterator[Callable[[], None]]:
    """Give what raises an interrupt once more: one during a callback of the client ends nothing by itself."""
    seen: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        seen.append(number)
        raise KeyboardInterrupt

    def raise_swallowed() -> None:
        if seen:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, note)
    try:
        yield raise_swallowed
    finally:
        signal.signal(signal.SIGINT, before)


def _redraw(found: Lag, *, as_json: bool) -> None:
    """Print a look; on a terminal in the place of the last one."""
    is_drawn = sys.stdout.isatty() and not as_json
    if is_drawn:
        typer.echo(_CLEAR, nl=False)
    _show(found, as_json=as_json, most=shutil.get_terminal_size().lines - 2 if is_drawn else None)


def _show(found: Lag, *, as_json: bool, most: int | None = None) -> None:
    """Print a look, and on stderr what could not be told."""
    from processor.lag import report

    if as_json:
        typer.echo(json.dumps(report.as_json(found)))
        return
    for topic in found.missing:
        typer.echo(f"warning: topic {topic} does not exist", err=True)
    for text in found.untold:
        typer.echo(f"warning: {text}", err=True)
    for line in report.table_lines(found, most=most):
        typer.echo(line)


def _is_above(found: Lag, max_lag: int | None, max_age_s: float | None) -> bool:
    """Return whether a bound is exceeded, having said so on stderr."""
    from processor.lag.figures import above

    is_above = False
    for name, own in found.destinations.items():
        for text in above(own.rows, own.whole, max_lag, max_age_s):
            typer.echo(f"{name}: {text}", err=True)
            is_above = True
    if found.missing and (max_lag is not None or max_age_s is not None):
        typer.echo(f"not known of topics that do not exist: {', '.join(found.missing)}", err=True)
        is_above = True
    return is_above
