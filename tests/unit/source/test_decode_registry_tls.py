"""A schema registry behind TLS: whom it is trusted by, whom it lets in, and what is said when it does not."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import ValidationError

from processor.errors import TransientError
from processor.source.decode import Decoder
from processor.source.decode_settings import DecodeSettings
from tests.http_peer import Exchange, Request, peer

AUTHORITY = trustme.CA()
STRANGER = trustme.CA()
PASSWORD = b"made-up"


async def schema(exchange: Exchange, _request: Request) -> None:
    """Answer as a registry does."""
    await exchange.answer(body=json.dumps({"schema": '"string"', "schemaType": "AVRO"}).encode())


def server_tls(name: str = "127.0.0.1", *, asks: bool = False) -> ssl.SSLContext:
    """Return a server's context of the authority, one that asks for a certificate of it if wanted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(name).configure_cert(context)
    if asks:
        context.verify_mode = ssl.CERT_REQUIRED
        AUTHORITY.configure_trust(context)
    return context


def authorities(folder: Path, authority: trustme.CA = AUTHORITY) -> Path:
    """Return a file with the authority's certificate."""
    path = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


def client_files(folder: Path, password: bytes | None = None) -> dict[str, Path]:
    """Return settings with a certificate for us and its key, encrypted when there is a password."""
    issued = AUTHORITY.issue_cert("bridge@example.test")
    cert_file, key_file = folder / "client.pem", folder / "client.key"
    cert_file.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    key = issued.private_key_pem.bytes()
    if password is not None:
        encryption = BestAvailableEncryption(password)
        key = load_pem_private_key(key, None).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    key_file.write_bytes(key)
    return {"client_cert_file": cert_file, "client_key_file": key_file}


def decoder(port: int = 1, **registry: Any) -> Decoder:  # noqa: ANN401 - settings
    """Return a decoder that asks https on this port."""
    asked = {"url": f"https://127.0.0.1:{port}", "request_timeout_s": 2, **registry}
    return Decoder(
        DecodeSettings.model_validate({"format": "avro", "avro": {"registry": asked}}, context={"plain_secrets": True})
    )


async def told(port: int, **registry: Any) -> str:  # noqa: ANN401 - settings
    """Return what is said of a registry that cannot be asked."""
    with pytest.raises(TransientError) as caught:
        await decoder(port, **registry).fetch(7)
    return caught.value.safe


async def test_the_authorities_of_the_file_are_trusted(tmp_path: Path) -> None:
    """`ca_file` makes a private authority acceptable, and user and password arrive."""
    async with peer(schema, server_tls()) as server:
        await decoder(server.port, ca_file=authorities(tmp_path), username="u", password="p").fetch(7)
    assert server.requests[0].headers["authorization"] == "Basic dTpw"


@pytest.mark.parametrize("has_file", [True, False])
async def test_an_unknown_authority_is_named_as_the_cause(tmp_path: Path, *, has_file: bool) -> None:
    """Whoever reads the log learns that it is the certificate, and nothing has been sent."""
    own = {"ca_file": authorities(tmp_path, STRANGER)} if has_file else {}
    async with peer(schema, server_tls()) as server:
        said = await told(server.port, username="u", password="p", **own)
    # With no authority at hand OpenSSL misses the issuer; one of the same name makes it doubt the signature.
    assert said.startswith("the schema registry could not be asked: TLS fails: ")
    assert "certificate" in said
    assert server.requests == []


async def test_a_certificate_for_another_name_is_named_as_the_cause(tmp_path: Path) -> None:
    """A trusted authority is not enough."""
    async with peer(schema, server_tls("registry.example.test")) as server:
        said = await told(server.port, ca_file=authorities(tmp_path))
    assert "TLS fails: IP address mismatch, certificate is not valid for '127.0.0.1'" in said


async def test_a_registry_without_tls_is_named_as_the_cause() -> None:
    """An address with https of a registry that speaks http."""

    async def refuse(_reader: Any, writer: Any) -> None:  # noqa: ANN401 - streams
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        said = await told(server.sockets[0].getsockname()[1])
    assert said in (
        "the schema registry could not be asked: TLS fails: WRONG_VERSION_NUMBER",
        "the schema registry could not be asked: TLS fails: RECORD_LAYER_FAILURE",
    )


@pytest.mark.parametrize("password", [None, PASSWORD])
async def test_our_certificate_is_shown(tmp_path: Path, password: bytes | None) -> None:
    """A registry that asks for a certificate gets ours; `client_key_password` opens an encrypted key."""
    secret = {} if password is None else {"client_key_password": password.decode()}
    async with peer(schema, server_tls(asks=True)) as server:
        files = client_files(tmp_path, password)
        await decoder(server.port, ca_file=authorities(tmp_path), **files, **secret).fetch(7)
    assert len(server.requests) == 1


async def test_without_our_certificate_nothing_is_answered(tmp_path: Path) -> None:
    """TLS 1.3 refuses after the handshake; whether its alert or the reset comes first is the system's choice."""
    async with peer(schema, server_tls(asks=True)) as server:
        said = await told(server.port, ca_file=authorities(tmp_path))
    assert "CERTIFICATE_REQUIRED" in said or "ReadError" in said or "WriteError" in said or "Protocol" in said
    assert server.requests == []


async def test_a_key_that_was_encrypted_since_asks_nobody(tmp_path: Path) -> None:
    """Files are read for each fetch; OpenSSL would ask the terminal for the password and wait."""
    files = client_files(tmp_path)
    asking = decoder(1, **files)
    client_files(tmp_path, PASSWORD)
    with pytest.raises(TransientError, match="could not be asked: TLS fails"):
        await asking.fetch(7)


def test_files_that_do_not_go_together_are_errors_of_the_file(tmp_path: Path) -> None:
    """`check` finds what holds no certificate, and a key that nothing opens."""
    (tmp_path / "empty.pem").touch()
    with pytest.raises(ValidationError, match="must hold certificates in PEM form"):
        decoder(ca_file=tmp_path / "empty.pem")
    files = client_files(tmp_path, PASSWORD)
    with pytest.raises(ValidationError, match="encrypted and without `client_key_password`"):
        decoder(1, **files)
    with pytest.raises(ValidationError, match="need `client_cert_file`"):
        decoder(client_key_password="made-up")
