"""`segment-bridge where`."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated

import typer

from processor.cli.durations import parsed_s
from processor.cli.options import DEFAULT_CONFIG, Config, topic_names

if TYPE_CHECKING:
    from processor.search.whereabouts import Whereabouts
    from processor.settings import Settings

SINCE = "24h"
_SINCE_ALLOWED = "a length of time such as 90s, 15m, 2h or 1d"


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("where")(where)


def where(
    message_id: Annotated[str, typer.Option("--message-id", help="The event's messageId.")],
    config: Config = DEFAULT_CONFIG,
    *,
    since: Annotated[
        str,
        typer.Option("--since", help="How far back: 2h or 7d, a time such as 2026-01-31T08:00:00Z, or earliest."),
    ] = SINCE,
    topic: Annotated[
        list[str] | None,
        typer.Option("--topic", help="This topic instead of those of the file; may be given several times."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The answer as one JSON document.")] = False,
    event: Annotated[
        bool, typer.Option("--event", help="Print the event itself as a line of JSON, as explain takes it.")
    ] = False,
) -> None:
    """Tell where an event is: in the topic, behind which destinations, among dead letters; exit code 1 if nowhere."""
    from processor.operations.logs import configure
    from processor.settings import load_without_secrets

    begin = _begin(since)
    topics = topic_names(topic)
    if not message_id.strip():
        raise typer.BadParameter("an empty id is no event's", param_hint="--message-id")
    settings = load_without_secrets(config)
    configure(settings.operations.logs)
    found = _found(settings, message_id, begin, topics)
    for text in found.untold:
        typer.echo(f"warning: {text}", err=True)
    if event:
        _print_event(found)
    else:
        _print_answer(found, settings, as_json=as_json)
    if not found.is_found or (event and not _events(found)):
        raise typer.Exit(1)


def _found(settings: Settings, message_id: str, begin: str, topics: list[str]) -> Whereabouts:
    """Return where the event is, with a line of progress on a terminal."""
    from processor.cli.progress import counted
    from processor.search.whereabouts import whereabouts
    from processor.source.contact import require_contact
    from processor.workbench import require_secrets

    require_secrets(settings.kafka)
    for own in settings.destinations.values():
        require_secrets(own.decode)
    require_contact(settings.kafka)
    return whereabouts(settings, message_id, begin, topics, counted)


def _print_answer(found: Whereabouts, settings: Settings, *, as_json: bool) -> None:
    """Print where the event is."""
    from processor.search import report

    if as_json:
        typer.echo(json.dumps(report.as_json(found), indent=2))
        return
    for line in report.text_lines(found, settings.dead_letters.topic):
        typer.echo(line)
    if _events(found):
        typer.echo("why: the same command with --event, piped into segment-bridge explain --destination NAME")


def _print_event(found: Whereabouts) -> None:
    """Print the event of the first copy, for `explain`."""
    from processor.source.json_value import json_text

    for one in _events(found)[:1]:
        typer.echo(json_text(one))


def _events(found: Whereabouts) -> list[object]:
    """Return the event of each copy that was decoded."""
    return [copy.found.event for copy in found.copies if copy.found.event is not None]


def _begin(since: str) -> str:
    """Return from when on records are looked through, as `start` is written."""
    from processor.source.orders import time_text
    from processor.source.start import EARLIEST, LATEST, start_time_ms

    seconds = parsed_s(since)
    if seconds is not None:
        began_s = time.time() - seconds
        return EARLIEST if began_s < 0 else time_text(int(began_s * 1000))
    if since == LATEST:
        raise typer.BadParameter("nothing would be looked through", param_hint="--since")
    try:
        start_time_ms(since)
    except ValueError as error:
        raise typer.BadParameter(f"{error}, or {_SINCE_ALLOWED}", param_hint="--since") from error
    return since
