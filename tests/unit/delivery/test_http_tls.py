"""The HTTP client and TLS: whom it trusts, whom it shows a certificate, and what a failure is called."""

from __future__ import annotations

import asyncio
import re
import ssl
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import ValidationError

from processor.config import Secret
from processor.delivery.http import HttpClient
from processor.delivery.http_settings import HttpSettings
from processor.errors import ConfigError
from processor.model import Answer
from tests.http_peer import Exchange, Request, peer

DEADLINE_S = 5.0


async def fine(exchange: Exchange, _request: Request) -> None:
    """Answer 200."""
    await exchange.answer()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """An authority of the tests' own."""
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    """The authority's certificate as a file."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    """A server for 127.0.0.1 that asks nobody for a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def asking_tls(authority: trustme.CA, server_tls: ssl.SSLContext) -> ssl.SSLContext:
    """The same server, asking for a client certificate of the authority."""
    server_tls.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(server_tls)
    return server_tls


def write_client(authority: trustme.CA, folder: Path, password: bytes | None = None) -> tuple[Path, Path]:
    """Write a client certificate and its key, encrypted when there is a password; return both paths."""
    issued = authority.issue_cert("client@example.test")
    cert_file, key_file = folder / "client.pem", folder / "client.key"
    cert_file.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    key = issued.private_key_pem.bytes()
    if password is not None:
        loaded = load_pem_private_key(key, None)
        key = loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password))
    key_file.write_bytes(key)
    return cert_file, key_file


async def send(settings: HttpSettings, port: int) -> Answer:
    """Send one request over TLS with a client of its own."""
    client = HttpClient(settings, 1)
    try:
        return await client.send("POST", f"https://127.0.0.1:{port}/", {}, b"[]", DEADLINE_S)
    finally:
        await client.aclose()


async def test_the_authorities_of_the_file_are_trusted(ca_file: Path, server_tls: ssl.SSLContext) -> None:
    """`ca_file` makes a private authority acceptable."""
    async with peer(fine, server_tls) as server:
        assert (await send(HttpSettings(ca_file=ca_file), server.port)).status == 200


async def test_an_unknown_authority_is_refused_before_anything_is_sent(
    server_tls: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the file the connection is not made, and the key of the request has not left; the log says why."""
    async with peer(fine, server_tls) as server:
        answer = await send(HttpSettings(), server.port)
    assert answer == Answer(None, error="tls", sent=False)
    assert server.requests == []
    assert ["requests fail in TLS: unable to get local issuer certificate"] == caplog.messages


async def test_a_certificate_for_another_name_is_refused(
    authority: trustme.CA, ca_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A trusted authority is not enough: the name must be the vendor's; the log says so."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("elsewhere.example.test").configure_cert(context)
    async with peer(fine, context) as server:
        answer = await send(HttpSettings(ca_file=ca_file), server.port)
    assert answer == Answer(None, error="tls", sent=False)
    assert ["requests fail in TLS: IP address mismatch, certificate is not valid for '127.0.0.1'."] == caplog.messages


async def test_a_failure_of_tls_is_told_once_until_requests_get_through(
    ca_file: Path, server_tls: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    """However often it is tried, there is one line; after an answer the same trouble is news again."""
    clock, good = Clock(), ca_file.read_bytes()  # noqa: ASYNC240 - a small file, and nothing else runs
    other = trustme.CA().cert_pem.bytes()
    ca_file.write_bytes(other)  # noqa: ASYNC240 - as above
    client = HttpClient(HttpSettings(ca_file=ca_file, max_connection_age_s=60), 1, clock)
    told = []
    async with peer(fine, server_tls) as server:
        for authorities in (other, other, good, other, other):
            clock.now_s += 60.0
            ca_file.write_bytes(authorities)  # noqa: ASYNC240 - as above
            await client.send("POST", f"https://127.0.0.1:{server.port}/", {}, b"[]", DEADLINE_S)
            told.append(len(caplog.messages))
        await client.aclose()
    assert told == [1, 1, 1, 2, 2]


async def test_a_server_without_tls_is_not_a_vendor() -> None:
    """Plain text on a TLS port is a failure before anything is sent."""

    async def script(_exchange: Exchange, _request: Request) -> None:
        raise AssertionError("no request may arrive")

    async with peer(script) as server:
        # The hello of TLS is no head of a request: the peer waits for more, so the deadline ends this.
        client = HttpClient(HttpSettings(), 1)
        answer = await client.send("POST", f"https://127.0.0.1:{server.port}/", {}, b"[]", 0.3)
        await client.aclose()
    assert (answer.status, answer.sent) == (None, False)


async def test_a_client_certificate_is_shown(
    authority: trustme.CA, ca_file: Path, asking_tls: ssl.SSLContext, tmp_path: Path
) -> None:
    """A server that asks for a certificate gets ours."""
    cert_file, key_file = write_client(authority, tmp_path)
    settings = HttpSettings(ca_file=ca_file, client_cert_file=cert_file, client_key_file=key_file)
    async with peer(fine, asking_tls) as server:
        assert (await send(settings, server.port)).status == 200


async def test_certificate_and_key_may_share_a_file(
    authority: trustme.CA, ca_file: Path, asking_tls: ssl.SSLContext, tmp_path: Path
) -> None:
    """Without `client_key_file` the key is looked for beside the certificate."""
    cert_file, key_file = write_client(authority, tmp_path)
    cert_file.write_bytes(cert_file.read_bytes() + key_file.read_bytes())
    async with peer(fine, asking_tls) as server:
        assert (await send(HttpSettings(ca_file=ca_file, client_cert_file=cert_file), server.port)).status == 200


async def test_without_a_client_certificate_nothing_is_accepted(ca_file: Path, asking_tls: ssl.SSLContext) -> None:
    """TLS 1.3 refuses only after the handshake looks done on our side, so the request counts as sent.

    Whether the alert is read or overtaken by the reset of the connection is the operating system's choice.
    """
    async with peer(fine, asking_tls) as server:
        answer = await send(HttpSettings(ca_file=ca_file), server.port)
    assert answer.status is None
    assert answer.error in {"tls", "reset"}
    assert server.requests == []


async def test_an_encrypted_key_opens_with_its_password(
    authority: trustme.CA, ca_file: Path, asking_tls: ssl.SSLContext, tmp_path: Path
) -> None:
    """`client_key_password` opens the key."""
    cert_file, key_file = write_client(authority, tmp_path, b"made-up")
    settings = HttpSettings(
        ca_file=ca_file,
        client_cert_file=cert_file,
        client_key_file=key_file,
        client_key_password=Secret("made-up"),
    )
    async with peer(fine, asking_tls) as server:
        assert (await send(settings, server.port)).status == 200


def test_a_key_that_its_password_does_not_open_is_found_by_check(authority: trustme.CA, tmp_path: Path) -> None:
    """No start is needed where the password is there, and it is not in the text."""
    cert_file, key_file = write_client(authority, tmp_path, b"made-up")
    with pytest.raises(ValidationError, match="not opened by `client_key_password`") as caught:
        HttpSettings(client_cert_file=cert_file, client_key_file=key_file, client_key_password=Secret("wrong"))
    assert "wrong" not in caught.value.errors(include_input=False)[0]["msg"]
    absent = Secret.unread("env", "NOT_SET_ANYWHERE")
    HttpSettings(client_cert_file=cert_file, client_key_file=key_file, client_key_password=absent)


def test_a_key_that_its_password_does_not_open_any_more_is_an_error_of_configuration(
    authority: trustme.CA, tmp_path: Path
) -> None:
    """It fails at the start, without a prompt on the terminal and without the password in the text."""
    cert_file, key_file = write_client(authority, tmp_path, b"wrong")
    settings = HttpSettings(client_cert_file=cert_file, client_key_file=key_file, client_key_password=Secret("wrong"))
    write_client(authority, tmp_path, b"made-up")
    with pytest.raises(ConfigError, match="do not go together") as caught:
        HttpClient(settings, 1)
    assert "wrong" not in str(caught.value)


def test_an_encrypted_key_without_a_password_is_found_by_check(authority: trustme.CA, tmp_path: Path) -> None:
    """No start is needed to find it, and nothing asks for the password on the terminal."""
    cert_file, key_file = write_client(authority, tmp_path, b"made-up")
    with pytest.raises(ValidationError, match="does not go with a key in `client_key_file`"):
        HttpSettings(client_cert_file=cert_file, client_key_file=key_file)


def test_a_key_of_another_certificate_is_found_by_check(authority: trustme.CA, tmp_path: Path) -> None:
    """Two files that do not belong together, and a certificate without any key, are errors of the file."""
    cert_file, _ = write_client(authority, tmp_path)
    (tmp_path / "other").mkdir()
    _, other_key_file = write_client(authority, tmp_path / "other")
    with pytest.raises(ValidationError, match="does not go with a key in `client_key_file`"):
        HttpSettings(client_cert_file=cert_file, client_key_file=other_key_file)
    with pytest.raises(ValidationError, match="does not go with a key in `client_cert_file`"):
        HttpSettings(client_cert_file=cert_file)


@pytest.mark.parametrize("name", ["ca_file", "client_cert_file"])
def test_files_that_hold_no_certificate_are_found_by_check(tmp_path: Path, name: str) -> None:
    """A wrong file is an error of the configuration, before anything is started."""
    path = tmp_path / "empty.pem"
    path.write_text("no certificate")
    with pytest.raises(ValidationError, match="PEM"):
        HttpSettings.model_validate({name: path})


@pytest.mark.parametrize("name", ["ca_file", "client_cert_file"])
def test_files_that_were_spoilt_since_are_an_error_of_configuration(
    authority: trustme.CA, tmp_path: Path, name: str
) -> None:
    """A file that was right when the settings were read fails at the start and is named."""
    path, key_file = write_client(authority, tmp_path)
    beside = {"client_key_file": key_file} if name == "client_cert_file" else {}
    settings = HttpSettings.model_validate({name: path, **beside})
    path.write_text("no certificate")
    with pytest.raises(ConfigError, match=re.escape(path.name)):
        HttpClient(settings, 1)


class Clock:
    """Monotonic seconds that pass when a test says so."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.now_s = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


async def test_renewed_files_are_taken_over_and_broken_ones_are_not(ca_file: Path, server_tls: ssl.SSLContext) -> None:
    """At the largest age files are read again; a file caught half written leaves what worked in use."""
    clock = Clock()
    good = ca_file.read_bytes()  # noqa: ASYNC240 - a small file, and nothing else runs
    trustme.CA().cert_pem.write_to_path(str(ca_file))
    client = HttpClient(HttpSettings(ca_file=ca_file, max_connection_age_s=60), 1, clock)

    async def status_at(now_s: float) -> int | str:
        clock.now_s = now_s
        answer = await client.send("POST", f"https://127.0.0.1:{server.port}/", {}, b"[]", DEADLINE_S)
        return answer.error if answer.status is None else answer.status

    async with peer(fine, server_tls) as server:
        assert await status_at(0.0) == "tls"
        ca_file.write_bytes(good)  # noqa: ASYNC240 - as above
        assert await status_at(59.0) == "tls", "young connections keep what they began with"
        assert await status_at(60.0) == 200
        ca_file.write_bytes(good[:100])  # noqa: ASYNC240 - as above
        assert await status_at(120.0) == 200
        await client.aclose()


async def test_a_proxy_opens_a_tunnel(
    ca_file: Path, server_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS goes through the proxy untouched: the proxy sees its own credentials and the vendor's name, nothing else."""

    async def tunnel(exchange: Exchange, request: Request) -> None:
        host, _, port = request.line.split()[1].partition(":")
        await exchange.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        reader, writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(_pump(exchange.reader, writer), _pump(reader, exchange.writer))

    async with peer(fine, server_tls) as vendor, peer(tunnel) as proxy:
        monkeypatch.setenv("TEST_PROXY", f"http://user:p%40ss@127.0.0.1:{proxy.port}")
        settings = HttpSettings.model_validate({"ca_file": ca_file, "proxy": {"env": "TEST_PROXY"}})
        assert (await send(settings, vendor.port)).status == 200
    assert proxy.requests[0].line == f"CONNECT 127.0.0.1:{vendor.port} HTTP/1.1"
    assert proxy.requests[0].headers["proxy-authorization"] == "Basic dXNlcjpwQHNz"
    assert "proxy-authorization" not in vendor.requests[0].headers


@pytest.mark.parametrize(
    ("status", "expected"), [(407, Answer(407, sent=False)), (502, Answer(None, error="connect", sent=False))]
)
async def test_a_proxy_that_opens_no_tunnel(status: int, expected: Answer) -> None:
    """Wrong credentials stand as the proxy's status, which holds the destination; other refusals may pass."""

    async def refuse(exchange: Exchange, _request: Request) -> None:
        await exchange.answer(status, Connection="close")

    async with peer(refuse) as proxy:
        settings = HttpSettings(proxy=f"http://127.0.0.1:{proxy.port}")
        assert await send(settings, 1) == expected


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the end, then pass the end on."""
    while content := await reader.read(65_536):
        writer.write(content)
        await writer.drain()
    writer.close()
