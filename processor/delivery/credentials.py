"""Asks vendors whether they take the credentials of their destinations. No event is sent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from enum import Enum
from typing import Final, NamedTuple

import httpx

from processor.delivery.http import HttpClient
from processor.delivery.http_settings import HttpSettings
from processor.destinations.base import Destination
from processor.model import Answer

_SUCCESS: Final = range(200, 300)
_REFUSED: Final = frozenset({401, 402, 403})


class Credentials(Enum):
    """What is known of a destination's credentials."""

    TAKEN = "taken"
    REFUSED = "refused"
    UNTOLD = "untold"
    """An answer came, but one that says nothing of them."""
    NO_ANSWER = "no answer"
    NOT_ASKED = "not asked"
    """The vendor has no route to ask, short of sending an event."""


class Asked(NamedTuple):
    """What a vendor said, in words that hold neither a key nor anything of the answer's body."""

    credentials: Credentials
    said: str


async def ask_vendors(
    destinations: Mapping[str, tuple[Destination, HttpSettings]], deadline_s: float
) -> Mapping[str, Asked]:
    """Return what the vendor of each destination says of its credentials; all are asked at once.

    Args:
        destinations: By name, each with how it is reached.
        deadline_s: Seconds for each, from the connection to the last byte of the answer.

    Raises:
        ConfigError: a certificate or key file cannot be used.
    """
    answers = await asyncio.gather(*(_asked(one, http, deadline_s) for one, http in destinations.values()))
    return dict(zip(destinations, answers, strict=True))


async def _asked(destination: Destination, http: HttpSettings, deadline_s: float) -> Asked:
    """Return what one vendor says."""
    probe = destination.probe
    if probe is None:
        return Asked(Credentials.NOT_ASKED, "the vendor has no route that only looks at credentials; nothing was sent")
    endpoint = next(iter(destination.endpoints.values()))
    headers = destination.headers(endpoint, probe.body, time.time_ns() // 1_000_000)
    client = HttpClient(http, 1)
    try:
        answer = await client.send(probe.method, probe.url, headers, probe.body, deadline_s)
    finally:
        await client.aclose()
    return _read(answer, httpx.URL(probe.url).host)


def _read(answer: Answer, host: str) -> Asked:
    """Return what an answer of a host means."""
    if answer.status is None:
        return Asked(Credentials.NO_ANSWER, f"no answer from {host} ({answer.error})")
    if answer.status in _SUCCESS:
        return Asked(Credentials.TAKEN, f"{host} takes the credentials")
    if answer.status in _REFUSED:
        return Asked(Credentials.REFUSED, f"{host} refuses the credentials (status {answer.status})")
    return Asked(Credentials.UNTOLD, f"{host} answers with status {answer.status}, which tells nothing of credentials")
