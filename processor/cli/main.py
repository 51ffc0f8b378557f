"""The entry point: commands put together, and every way to fail turned into an exit code.

0 fine · 1 failure · 2 configuration or usage · 130 interrupted
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final, NoReturn

import typer

from processor.cli import (
    acls,
    check,
    demo,
    diff,
    drain,
    explain,
    import_,
    lag,
    migrate,
    offsets,
    pause,
    presets,
    preview,
    resume,
    run,
    sandbox,
    schema,
    test,
    trace,
    version,
    where,
)
from processor.errors import BrokerError, ConfigError, ProcessorError, TransientError

EXIT_FAILURE: Final = 1
EXIT_CONFIGURATION: Final = 2
EXIT_INTERRUPTED: Final = 130

application = typer.Typer(
    name="segment-bridge",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they would print values of events
    rich_markup_mode=None,  # a destination's process does not need rich in its memory
)
for _command in (
    *(run, demo, check, lag, where, trace, preview, explain, test, diff, presets, import_, migrate, sandbox),
    *(schema, offsets, acls, pause, resume, drain, version),
):
    _command.register(application)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Do what `arguments` (default: the command line) say, and exit."""
    _replace_closed_streams()
    try:
        application(arguments, prog_name="segment-bridge")
        code = 0
    except ConfigError as error:
        code = _fail(str(error), EXIT_CONFIGURATION)
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last fence: whatever it was, its text may hold an event
        code = _fail(_explanation(error), EXIT_FAILURE)
    sys.exit(code)


def _explanation(error: Exception) -> str:
    """Return what went wrong for a person, without anything that may be event data."""
    from processor.operations.logs import safe_text, safe_traceback

    match error:
        case BrokerError():  # speaks of brokers, topics and groups
            return f"Kafka: {error}"
        case OSError(strerror=str(text), filename=str(name)):
            return f"{name}: {text}"
        case OSError(strerror=str(text)):
            return text
        case TransientError() if error.safe != type(error).__name__:  # a sentence about a service that was asked
            return error.safe
        case ProcessorError() | OSError():
            return safe_text(error)
        case _:
            return "\n  ".join(["unexpected error", *safe_traceback(error)])


def _replace_closed_streams() -> None:
    """Put the null device in the place of standard streams that were closed (`<&-`), which Python leaves out."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            null = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - open as long as the process lives
            setattr(sys, name, null)


def _fail(message: str, code: int) -> int:
    typer.echo(message, err=True)
    return code
