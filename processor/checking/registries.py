"""Asks a schema registry whether it can be reached and takes the credentials."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from processor.checking.findings import Findings, Place
from processor.errors import TransientError
from processor.source.deadline import Deadline
from processor.source.decode_settings import RegistrySettings
from processor.source.registry import AccessRefusedError, SchemaRegistry

_SCHEMA_ID: Final = 1
"""Any id does: that there is none with this number is an answer, too, and one that only who is let in gets."""
_UNAUTHENTICATED: Final = 401


def ask_registry(name: str, settings: RegistrySettings, place: Place, found: Findings, deadline: Deadline) -> None:
    """Add what the registry of a destination says to a question like those that records bring about."""
    path = ("destinations", name, "decode", "avro", "registry")
    host = settings.url.host
    bounded = settings.model_copy(update={"request_timeout_s": min(settings.request_timeout_s, deadline.left_s)})
    try:
        asyncio.run(SchemaRegistry(bounded, time.monotonic).fetch(_SCHEMA_ID))
    except AccessRefusedError as error:
        if error.status == _UNAUTHENTICATED:
            found.problems.append(place(path, f"{host}: {error}"))
        else:
            text = f"{host}: {error}, unless it refuses schema {_SCHEMA_ID} alone, which was asked for"
            found.warnings.append(place(path, text))
    except TransientError as error:
        found.silent.append(place(path, f"{host}: {error}"))
    else:
        found.notes.append(f"destinations.{name}: schema registry {host} answers")
