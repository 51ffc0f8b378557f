"""What is said of certificates, by brokers that are plain TLS servers on loopback."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from processor.config import Secret
from processor.source.settings import KafkaSettings
from processor.source.tls_trouble import speaks_tls, tls_trouble

AUTHORITY = trustme.CA()
STRANGER = trustme.CA()
DAY = timedelta(days=1)


def context(
    name: str = "127.0.0.1",
    *,
    asks: bool = False,
    not_before: datetime | None = None,
    not_after: datetime | None = None,
) -> ssl.SSLContext:
    """Return a broker's context with a certificate on that name; it may ask for one of its clients."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(name, not_before=not_before, not_after=not_after).configure_cert(made)
    if asks:
        made.verify_mode = ssl.CERT_REQUIRED
        AUTHORITY.configure_trust(made)
    return made


@contextmanager
def broker(tls: ssl.SSLContext | None) -> Iterator[int]:
    """Serve until the block ends: a broker that waits for a request after the greeting, or that speaks no TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, suppress(OSError):
                        if tls is None:
                            connection.sendall(b"no TLS is spoken here at all")
                            connection.recv(1_000)
                            continue
                        with tls.wrap_socket(connection, server_side=True) as spoken:
                            spoken.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.fixture
def ca_file(tmp_path: Path) -> str:
    """A file with the authority."""
    path = tmp_path / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(str(path))
    return str(path)


def client(folder: Path, authority: trustme.CA) -> dict[str, str]:
    """Return properties with a client's certificate."""
    issued = authority.issue_cert(common_name="bridge")
    (folder / "client.pem").write_bytes(issued.cert_chain_pems[0].bytes())
    (folder / "client.key").write_bytes(issued.private_key_pem.bytes())
    return {
        "ssl.certificate.location": str(folder / "client.pem"),
        "ssl.key.location": str(folder / "client.key"),
    }


def said(port: int, **properties: Any) -> str | None:  # noqa: ANN401 - any property
    """Return what is said of a broker on this port."""
    kafka = KafkaSettings(
        bootstrap_servers=f"127.0.0.1:{port}",
        topics=("events",),
        properties={"security.protocol": "ssl", **properties},
    )
    return tls_trouble(kafka)


def test_certificates_of_brokers_are_told_apart(ca_file: str, tmp_path: Path) -> None:
    """Its time, its name, its authority: each with what to do, and nothing where all is well."""
    now = datetime.now(UTC)
    expired = context(not_before=now - 2 * DAY, not_after=now - DAY)
    early = context(not_before=now + DAY, not_after=now + 2 * DAY)
    stranger = tmp_path / "stranger.pem"
    STRANGER.cert_pem.write_to_path(str(stranger))
    cases = [
        (context(), ca_file, None),
        (expired, ca_file, "certificate has expired; have the broker's certificate renewed"),
        (early, ca_file, "is the clock of this machine right?"),
        (context("broker.example.test"), ca_file, "not valid for '127.0.0.1'; connect by a name that it holds"),
        (context(), str(stranger), "does `ssl.ca.location` hold the authority that signed it?"),
        (context(), str(tmp_path / "empty"), "does `ssl.ca.location` hold the authority that signed it?"),
    ]
    (tmp_path / "empty").mkdir()
    for tls, authorities, expected in cases:
        with broker(tls) as port:
            found = said(port, **{"ssl.ca.location": authorities})
            if expected is None:
                assert found is None
            else:
                assert found is not None
                assert found.startswith(f"127.0.0.1:{port}: its certificate is not accepted: ")
                assert found.endswith(expected) or expected in found


def test_a_check_that_is_switched_off_is_not_made(ca_file: str) -> None:
    """Names and authorities are looked at as the client looks at them."""
    with broker(context("broker.example.test")) as port:
        assert said(port, **{"ssl.ca.location": ca_file, "ssl.endpoint.identification.algorithm": "none"}) is None
        assert said(port, **{"enable.ssl.certificate.verification": "false"}) is None
        pem = {"ssl.ca.pem": AUTHORITY.cert_pem.bytes().decode(), "ssl.endpoint.identification.algorithm": "NONE"}
        assert said(port, **pem) is None
        assert "does `ssl.ca.location` hold" in str(said(port, **{"ssl.ca.location": "probe"}))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_certificate_that_is_missed_or_refused_is_told(version: ssl.TLSVersion, ca_file: str, tmp_path: Path) -> None:
    """With either version of TLS: a broker that asks for ours says no in another place."""
    tls = context(asks=True)
    tls.maximum_version = version
    with broker(tls) as port:
        assert "it wants a certificate from its clients" in str(said(port, **{"ssl.ca.location": ca_file}))
        sound = client(tmp_path, AUTHORITY)
        assert said(port, **{"ssl.ca.location": ca_file, **sound}) is None
        other = client(tmp_path, STRANGER)
        text = str(said(port, **{"ssl.ca.location": ca_file, **other}))
        assert "it does not accept the certificate of `ssl.certificate.location`" in text


def test_a_certificate_that_only_the_client_can_show_is_no_ones_fault(ca_file: str) -> None:
    """What stands in the settings themselves, or in a keystore, is not shown here, so its refusal means nothing."""
    with broker(context(asks=True)) as port:
        inline = {"ssl.certificate.pem": "x", "ssl.key.pem": Secret("y")}
        assert said(port, **{"ssl.ca.location": ca_file, **inline}) is None


def test_a_broker_without_tls_and_one_that_is_away_are_told_apart() -> None:
    """The first is a wrong setting, the second nothing that TLS can tell."""
    with broker(None) as port:
        assert "no TLS is spoken there" in str(said(port))
    assert said(port) is None


def test_nothing_is_asked_where_no_tls_is_meant() -> None:
    """Protocols of the client, in any case of letters."""
    told = {"ssl": True, "SASL_SSL": True, "sasl_ssl": True, "PLAINTEXT": False, "sasl_plaintext": False}
    for protocol, expected in told.items():
        kafka = KafkaSettings(bootstrap_servers="a:1", topics=("events",), properties={"security.protocol": protocol})
        assert speaks_tls(kafka) == expected
    assert not speaks_tls(KafkaSettings(bootstrap_servers="a:1", topics=("events",)))
    assert tls_trouble(KafkaSettings(bootstrap_servers="a:1", topics=("events",))) is None


def test_files_that_cannot_be_read_any_more_say_nothing(ca_file: str, tmp_path: Path) -> None:
    """They were there when the settings were read; the client tells of them itself."""
    path = tmp_path / "gone.pem"
    path.write_bytes(Path(ca_file).read_bytes())
    kafka = KafkaSettings(
        bootstrap_servers="127.0.0.1:1",
        topics=("events",),
        properties={"security.protocol": "ssl", "ssl.ca.location": str(path)},
    )
    path.unlink()
    assert tls_trouble(kafka) is None
