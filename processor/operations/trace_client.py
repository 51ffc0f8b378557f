"""Asking a running bridge where an event is: the other end of `trace_page`."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus
from typing import Any, Final

import msgspec

from processor.errors import ConfigError, TransientError
from processor.operations.page_client import connection_to
from processor.operations.settings import PageSettings
from processor.operations.trace_board import Question, Step

SILENT_S: Final = 15.0
"""A bridge that sends not even an empty line for so long is gone: they come every second."""
_WRONG: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND})
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def page_url(page: PageSettings) -> str:
    """Return where the page of a bridge with these settings is found from the same machine.

    Raises:
        ConfigError: There is no page, or its port is another one each time.
    """
    url = page.local_url
    if url is not None:
        return url
    if not page.enabled:
        raise ConfigError("operations.page.enabled is false, so a running bridge cannot be asked")
    raise ConfigError("operations.page.port is 0, so the port is in the log of the running bridge: give it by --url")


def trace(url: str, question: Question) -> Iterator[Step]:
    """Yield what a running bridge says, as it comes, until the trace ends.

    Raises:
        ConfigError: `url` is no address, or the bridge knows no such destination.
        TransientError: Nobody answers there, the bridge refuses, or it is gone before the end.
    """
    connection, path = connection_to(url, SILENT_S)
    with closing(connection):
        try:
            body = msgspec.json.encode(question)
            connection.request("POST", f"{path}/trace", body, {"Content-Type": "application/json"})
            yield from _steps(connection.getresponse())
        except (OSError, http.client.HTTPException) as error:
            text = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
            message = f"no bridge can be asked at {url}: {text}"
            raise TransientError(message, safe=message) from error


def _steps(answer: http.client.HTTPResponse) -> Iterator[Step]:
    if answer.status != HTTPStatus.OK:
        message = _refusal(answer)
        raise ConfigError(message) if answer.status in _WRONG else TransientError(message, safe=message)
    is_ended = False
    for line in answer:
        if line.strip():
            step = _decode(line)
            is_ended = step["step"] == "ended"
            yield step
    if not is_ended:
        raise TransientError("the bridge is gone", safe="the bridge has ended before the trace did")


def _refusal(answer: http.client.HTTPResponse) -> str:
    """Return what the bridge says against the question."""
    try:
        return f"the bridge refuses: {json.loads(answer.read(10_000))['error']}"
    except (ValueError, KeyError, TypeError):
        return f"the bridge answers with status {answer.status}: is it of this version?"
