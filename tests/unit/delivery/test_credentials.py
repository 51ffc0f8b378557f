"""Asking vendors about credentials."""

from __future__ import annotations

from typing import Any

import pytest

from processor.config.secret import PLAIN_SECRETS
from processor.delivery.credentials import Asked, Credentials, ask_vendors
from processor.delivery.http_settings import HttpSettings
from processor.destinations import destination_class
from processor.destinations.base import Destination
from tests.http_peer import Exchange, Peer, Request, peer

KEY = "a-key-that-nobody-prints"
HTTP = HttpSettings()


def _destination(vendor: str, settings: dict[str, Any]) -> Destination:
    """Return a destination of a vendor, with plain keys."""
    kind = destination_class(vendor)
    return kind.create(vendor, kind.settings_model.model_validate(settings, context={PLAIN_SECRETS: True}))


def _moengage(port: int) -> Destination:
    """Return MoEngage as it is served on loopback."""
    address = f"http://127.0.0.1:{port}"
    return _destination(
        "moengage",
        {"api_id": "APP", "api_key": KEY, "region": "DC_03", "base_url": address},
    )


async def _said(status: int) -> tuple[Asked, Peer]:
    """Return what comes of an answer with a status, and the peer that gave it."""

    async def answer(exchange: Exchange, _: Request) -> None:
        await exchange.answer(status, f'{{"message": "{KEY}"}}'.encode())

    async with peer(answer) as vendor:
        asked = await ask_vendors({"eu": (_moengage(vendor.port), HTTP)}, 5.0)
    return asked["eu"], vendor


@pytest.mark.parametrize(
    ("status", "credentials", "text"),
    [
        (200, Credentials.TAKEN, "127.0.0.1 takes the credentials"),
        (401, Credentials.REFUSED, "127.0.0.1 refuses the credentials (status 401)"),
        (403, Credentials.REFUSED, "127.0.0.1 refuses the credentials (status 403)"),
        (500, Credentials.UNTOLD, "127.0.0.1 answers with status 500, which tells nothing of credentials"),
        (404, Credentials.UNTOLD, "127.0.0.1 answers with status 404, which tells nothing of credentials"),
    ],
)
async def test_what_an_answer_says(status: int, credentials: Credentials, text: str) -> None:
    """Neither the key nor the answer's body is in the words, and one request is made of it, without an event."""
    asked, vendor = await _said(status)
    assert asked == Asked(credentials, text)
    (request,) = vendor.requests
    assert request.line.startswith("POST /v1/integrations/authentication ")


async def test_no_answer_is_told_from_a_refusal() -> None:
    """Nobody listens there: that says nothing against the key."""
    async with peer(lambda exchange, _: exchange.answer()) as gone:
        port = gone.port
    asked = await ask_vendors({"eu": (_moengage(port), HTTP)}, 5.0)
    assert asked["eu"] == Asked(Credentials.NO_ANSWER, "no answer from 127.0.0.1 (connect)")


async def test_without_a_route_nothing_is_sent() -> None:
    """An event would be the only way to find out."""
    destination = _destination("moveo", {"api_key": KEY})
    asked = await ask_vendors({"one": (destination, HTTP), "two": (destination, HTTP)}, 5.0)
    assert [one.credentials for one in asked.values()] == [Credentials.NOT_ASKED] * 2
