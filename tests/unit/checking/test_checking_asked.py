"""What is said of a schema registry, and of a Kafka that cannot be reached."""

from __future__ import annotations

import asyncio
import json
import ssl
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trustme

from processor.checking.findings import Findings
from processor.checking.kafka import ask_kafka
from processor.checking.registries import ask_registry
from processor.settings import load_settings
from processor.settings.doubts import placed
from processor.source.deadline import Deadline
from processor.source.decode_settings import RegistrySettings
from tests.http_peer import Exchange, Request, peer

PLACE = partial(placed, None)
PASSWORD = "a-made-up-password"


async def asked(port: int, **settings: Any) -> Findings:  # noqa: ANN401 - settings
    """Return what is found of the registry on this port."""
    given = {"url": f"http://127.0.0.1:{port}", "username": "u", "password": PASSWORD, **settings}
    registry = RegistrySettings.model_validate(given, context={"plain_secrets": True})
    found = Findings.none()
    await asyncio.to_thread(ask_registry, "one", registry, PLACE, found, Deadline.after(5))
    assert PASSWORD not in str(found)
    return found


@pytest.mark.parametrize(
    ("status", "body", "where"),
    [
        (200, {"schema": '"string"', "schemaType": "AVRO"}, "notes"),
        (404, {"error_code": 40403, "message": "no"}, "notes"),
        (401, {"error_code": 40101, "message": "no"}, "problems"),
        (403, {"error_code": 40301, "message": "no"}, "warnings"),
        (404, {}, "silent"),
        (500, {}, "silent"),
    ],
)
async def test_a_registry_is_asked_for_any_schema(status: int, body: object, where: str) -> None:
    """That there is none with this id is as good an answer as one; what says nothing of us is silence."""

    async def answer(exchange: Exchange, _request: Request) -> None:
        await exchange.answer(status, body=json.dumps(body).encode())

    async with peer(answer) as server:
        found = await asked(server.port)
    assert [name for name, texts in found._asdict().items() if texts] == [where]
    assert server.requests[0].headers["authorization"].startswith("Basic ")


async def test_a_registry_of_unknown_authority_is_named(tmp_path: Path) -> None:
    """A wrong CA shows before `run`, with what TLS says of it."""
    authority = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(authority))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    async def close(_reader: Any, writer: Any) -> None:  # noqa: ANN401 - streams
        writer.close()

    async with await asyncio.start_server(close, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        (said,) = (await asked(port, url=f"https://127.0.0.1:{port}", ca_file=authority)).silent
    place = "destinations.one.decode.avro.registry: 127.0.0.1: "
    assert said.startswith(f"{place}the schema registry could not be asked: TLS fails: ")
    assert "certificate" in said


def test_a_kafka_that_cannot_be_reached_is_asked_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says why, and after the deadline what was not asked."""
    monkeypatch.setenv("KEY", "k")
    file = tmp_path / "bridge.yaml"
    destination = {"type": "moesif", "start": "latest", "settings": {"application_id": {"env": "KEY"}}}
    kafka = {"bootstrap_servers": "127.0.0.1:1", "topics": ["events"]}
    file.write_text(json.dumps({"kafka": kafka, "destinations": {"one": destination}}))
    found = Findings.none()
    ask_kafka(load_settings(file), PLACE, 0.0, found, Deadline.after(10))
    (said,) = found.silent
    assert said.startswith("Kafka: 127.0.0.1:1 cannot be used: ")
    late = Findings.none()
    ask_kafka(load_settings(file), PLACE, 0.0, late, Deadline.after(0))
    assert late == Findings([], [], [], ["Kafka: contact: not asked, time is up"])
