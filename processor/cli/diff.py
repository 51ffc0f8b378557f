"""`segment-bridge diff`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from processor.cli.options import select, topic_names, warn_of_missing_salts

if TYPE_CHECKING:
    from processor.pipeline.changes.tally import Changes
    from processor.settings import Settings
    from processor.workbench import Recorded

MISUSE = "say either EVENTS, a file of recorded events, or --from, the beginning of a time range of the topic"
RANGE_ONLY = "goes with --from, and says nothing of a file of recorded events"
EMPTY = "the range ends before it begins, so that nothing would be compared"


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("diff")(diff)


def diff(  # noqa: PLR0913 - one parameter for each option
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The YAML file as it is.", dir_okay=False)],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The YAML file as it would be.", dir_okay=False)],
    events: Annotated[
        Path | None, typer.Argument(metavar="EVENTS", help="Recorded events as JSON lines; - for standard input.")
    ] = None,
    *,
    destination: Annotated[str, typer.Option("--destination", "-d", help="Whose subscriptions to compare.")],
    start: Annotated[
        str | None,
        typer.Option("--from", help="Instead of EVENTS: records of the topic from a time on, or earliest."),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option(
            "--to", help="Where the range ends: a time such as 2026-01-31T08:00:00Z, or latest, which is the default."
        ),
    ] = None,
    topic: Annotated[
        list[str] | None,
        typer.Option("--topic", help="This topic instead of those of NEW; may be given several times."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Most records to read, spread over the partitions.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write the report as one JSON document.")] = False,
    examples: Annotated[int, typer.Option(min=0, max=100, help="How many examples of each change to show.")] = 3,
) -> None:
    """Tell what another file would change for recorded events; exit code 1 when anything changes."""
    from processor.cli.progress import counted
    from processor.pipeline.changes import report
    from processor.settings import load_without_secrets

    span = _span(events, start, end)
    if span is None:
        _refuse({"--to": end, "--topic": topic, "--limit": limit})
    topics = topic_names(topic)
    before, after = (load_without_secrets(path) for path in (old, new))
    for settings in (before, after):
        select(settings.destinations, [destination])
    warn_of_missing_salts([destination], before, after)
    if events is not None:
        changes = _of_lines(before, after, destination, events, examples)
    else:
        assert span is not None  # refused above
        recorded = _recorded(after, destination, topics, span, limit)
        changes = recorded.diff(before, counted(recorded.records(), recorded.most), example_limit=examples)
    if as_json:
        typer.echo(json.dumps(report.as_json(changes), indent=2))
    else:
        for line in report.text_lines(changes):
            typer.echo(line)
    raise typer.Exit(report.exit_code(changes))


def _of_lines(before: Settings, after: Settings, destination: str, events: Path, examples: int) -> Changes:
    """Return what changes for the events of a file."""
    from processor import workbench
    from processor.errors import ConfigError

    try:
        with sys.stdin.buffer if str(events) == "-" else events.open("rb") as lines:
            return workbench.diff(before, after, destination, lines, example_limit=examples)
    except OSError as error:
        raise ConfigError(f"{events}: cannot be read: {error.strerror}") from error


def _recorded(
    after: Settings, destination: str, topics: Sequence[str], span: tuple[str, str], limit: int | None
) -> Recorded:
    """Return the records of a time range, in the Kafka of the file as it would be."""
    from processor import workbench
    from processor.operations.logs import configure

    configure(after.operations.logs)
    return workbench.Recorded(after, destination, topics, *span, limit=limit)


def _span(events: Path | None, start: str | None, end: str | None) -> tuple[str, str] | None:
    """Return where the time range begins and ends, None where the events are those of a file."""
    from processor.source.start import EARLIEST, LATEST

    if (events is None) == (start is None):
        raise typer.BadParameter(MISUSE, param_hint="EVENTS, --from")
    if start is None:
        return None
    until = LATEST if end is None else end
    first_ms, last_ms = _time_ms(start, "--from"), _time_ms(until, "--to")
    is_reversed = first_ms is not None and last_ms is not None and last_ms <= first_ms
    if start == LATEST or until == EARLIEST or is_reversed:
        raise typer.BadParameter(EMPTY, param_hint="--from, --to")
    return start, until


def _time_ms(text: str, option: str) -> int | None:
    """Return the time at which a range begins or ends, None where it is an end of the topic."""
    from processor.source.start import start_time_ms

    try:
        return start_time_ms(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


def _refuse(options: Mapping[str, object]) -> None:
    """Refuse the options of a time range beside a file of events: nobody is to think that they shorten it."""
    for option, value in options.items():
        if value is not None and value != []:
            raise typer.BadParameter(RANGE_ONLY, param_hint=option)
