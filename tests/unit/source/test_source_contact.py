"""Whether Kafka can be reached, and what is said when it cannot."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from processor.config import Secret
from processor.errors import BrokerError, ConfigError
from processor.source.clients import KafkaClients
from processor.source.contact import require_contact
from processor.source.settings import KafkaSettings


def _kafka(port: int, protocol: str = "PLAINTEXT") -> KafkaSettings:
    """Return the settings for a server on this port."""
    properties = {"security.protocol": protocol}
    return KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}", topics=("events",), properties=properties)


@contextmanager
def _server(*, closes: bool) -> Iterator[int]:
    """Listen on loopback without being a Kafka: close what connects once it has spoken, or never answer it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def close_all() -> None:
            try:
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(100)
            except OSError:
                return

        closer = threading.Thread(target=close_all)
        if closes:
            closer.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            if closes:
                closer.join()


def _said(kafka: KafkaSettings, timeout_s: float) -> str:
    """Return what is said of a Kafka that cannot be used."""
    with pytest.raises(BrokerError) as caught:
        require_contact(kafka, timeout_s)
    assert not caught.value.fatal
    return str(caught.value)


def test_a_refused_connection_is_said_at_once() -> None:
    """The address and the cause are in the text, long before the time is over."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    text = _said(_kafka(port), 60.0)
    assert text.startswith(f"127.0.0.1:{port} cannot be used: ")
    assert "Connection refused" in text


def test_a_name_that_nobody_knows_is_said() -> None:
    """A misspelt host is told from a broker that is down."""
    kafka = KafkaSettings(bootstrap_servers="broker.invalid:9092", topics=("events",))
    assert "Failed to resolve 'broker.invalid:9092'" in _said(kafka, 60.0)


def test_a_closed_connection_points_to_the_protocol() -> None:
    """A listener that wants TLS closes a plain connection without a word."""
    with _server(closes=True) as port:
        assert _said(_kafka(port), 60.0).endswith("does `security.protocol` say what it expects?")


def test_a_listener_without_tls_is_said() -> None:
    """It ends the connection, or resets it, when it is greeted."""
    with _server(closes=True) as port:
        assert "no TLS is spoken there" in _said(_kafka(port, "SSL"), 60.0)


def test_a_server_that_never_answers_ends_with_the_time() -> None:
    """Nothing waits without a bound."""
    with _server(closes=False) as port:
        assert _said(_kafka(port), 0.5).endswith("cannot be used: no answer in time")


@pytest.mark.parametrize(
    "ask", [require_contact, lambda kafka: KafkaClients(kafka, "group").admin()], ids=["contact", "admin"]
)
def test_properties_that_the_client_refuses_together_are_an_error_of_configuration(
    ask: Callable[[KafkaSettings], object], tmp_path: Path
) -> None:
    """A file of authorities that has gone is no bug of ours: the text names the property, and no secret."""
    authorities = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(authorities))
    properties = {
        "security.protocol": "ssl",
        "ssl.ca.location": str(authorities),
        "ssl.key.password": Secret("hush"),
    }
    kafka = KafkaSettings(bootstrap_servers="127.0.0.1:9", topics=("events",), properties=properties)
    authorities.unlink()
    with pytest.raises(
        ConfigError, match=r"kafka\.properties: the Kafka client cannot be made: .*ssl\.ca\.location"
    ) as caught:
        ask(kafka)
    assert "hush" not in str(caught.value)
