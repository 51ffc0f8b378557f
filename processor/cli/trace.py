"""`segment-bridge trace`."""

from __future__ import annotations

from typing import Annotated

import typer

from processor.cli.options import DEFAULT_CONFIG, Config, select


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("trace")(trace)


def trace(
    destination: Annotated[str | None, typer.Argument(help="Only this one; default: all that run.")] = None,
    message_id: Annotated[str | None, typer.Option("--message-id", help="The event's messageId.")] = None,
    user: Annotated[str | None, typer.Option("--user", help="Its userId or anonymousId.")] = None,
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds after which the trace ends.")] = 60,
    url: Annotated[
        str | None, typer.Option("--url", help="The bridge's page; default: what operations.page says.")
    ] = None,
    config: Config = DEFAULT_CONFIG,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines.")] = False,
) -> None:
    """Ask a running bridge what becomes of an event, step by step, as it happens."""
    import msgspec

    from processor.cli.trace_text import line, verdict
    from processor.operations.trace_board import MAX_TIMEOUT_S, Question
    from processor.operations.trace_client import page_url
    from processor.operations.trace_client import trace as steps
    from processor.settings import load_without_secrets

    if (message_id is None) == (user is None):
        raise typer.BadParameter("give either --message-id or --user", param_hint="--message-id")
    if not 0 < timeout <= MAX_TIMEOUT_S:
        raise typer.BadParameter(f"more than 0 and at most {MAX_TIMEOUT_S}", param_hint="--timeout")
    if url is None:
        settings = load_without_secrets(config)
        if destination is not None:
            select(settings.destinations, [destination])
        url = page_url(settings.operations.page)
    has_seen = False
    last: dict[str, object] = {}
    for step in steps(url, Question(message_id, user, destination, timeout)):
        has_seen = has_seen or step["step"] == "read"
        last = step
        typer.echo(msgspec.json.encode(step).decode() if as_json else line(step))
    text, code = verdict(last, has_seen=has_seen, is_of_user=user is not None)
    if text:
        typer.echo(text, err=True)
    raise typer.Exit(code)
