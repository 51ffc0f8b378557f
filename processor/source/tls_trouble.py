"""What TLS has against a broker, or a broker against our certificate, in words.

The Kafka client gives one text for every certificate that it does not accept, and blames `ssl.ca.location` even where
the certificate has expired or names another host; where a broker wants a certificate of ours it only sees the
connection end. So once it has failed, the same is tried without it. Nothing is sent but the greeting of TLS.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from processor.config import revealed
from processor.source.settings import KafkaSettings

_TIMEOUT_S: Final = 2.0
_AFTERMATH_S: Final = 1.0
"""With TLS 1.3 a broker refuses a client's certificate only after the client takes the connection for established."""
_MAX_SERVER_COUNT: Final = 3
"""Servers that are tried: what is wrong with one is mostly wrong with all."""

_UNTRUSTED: Final = "does `ssl.ca.location` hold the authority that signed it?"
_OTHER_NAME: Final = "connect by a name that it holds, or have it issued for this one"
_HELP: Final[Mapping[int, str]] = {
    2: _UNTRUSTED,
    9: "it holds from a later time on: is the clock of this machine right?",
    10: "have the broker's certificate renewed",
    18: _UNTRUSTED,
    19: _UNTRUSTED,
    20: _UNTRUSTED,
    21: _UNTRUSTED,
    62: _OTHER_NAME,
    64: _OTHER_NAME,
}
"""What to do, by OpenSSL's number of what is wrong with a certificate (X509_V_ERR_…)."""
_ALERTS: Final = ("CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE", "ACCESS_DENIED")
"""Parts of names of alerts by which a broker refuses our certificate, or misses it."""
_NO_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"})

_NO_TLS_SPOKEN: Final = "no TLS is spoken there; does `security.protocol` say what it expects?"


class _Way(NamedTuple):
    """How the client speaks TLS."""

    context: ssl.SSLContext
    shows_certificate: bool
    is_complete: bool
    """Whether the context shows a certificate if, and only if, the client does."""


def speaks_tls(kafka: KafkaSettings) -> bool:
    """Return whether the settings have the client speak TLS."""
    return "SSL" in str(kafka.properties.get("security.protocol", "")).upper().split("_")


def tls_trouble(kafka: KafkaSettings, timeout_s: float = _TIMEOUT_S) -> str | None:
    """Return what is wrong between a bootstrap server and the client, naming the server.

    None where all of them take a TLS connection, none can be reached, or this cannot tell. Takes at most that many
    seconds for each step of each server.
    """
    if not speaks_tls(kafka):
        return None
    try:
        way = _way(revealed(kafka.properties))
    except (OSError, ValueError):  # files that the client may still read in its own way
        return None
    servers = [server.strip() for server in kafka.bootstrap_servers.split(",")][:_MAX_SERVER_COUNT]
    for server in servers:
        host, _, port = server.rpartition("://")[2].rpartition(":")
        if host and port.isdigit():
            trouble = _trouble(way, host.strip("[]"), int(port), timeout_s)
            if trouble is not None:
                return f"{server}: {trouble}"
    return None


def _way(properties: Mapping[str, Any]) -> _Way:
    """Return how the client would speak.

    Raises:
        OSError: A file cannot be read, or does not hold what it should.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    is_named = str(properties.get("ssl.endpoint.identification.algorithm", "https")).lower() != "none"
    context.check_hostname = is_named
    if str(properties.get("enable.ssl.certificate.verification", "true")).lower() == "false":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    _trust(context, properties)
    certificate, key = properties.get("ssl.certificate.location"), properties.get("ssl.key.location")
    if certificate and key:
        context.load_cert_chain(str(certificate), str(key), str(properties.get("ssl.key.password", "")))
    others = {"ssl.certificate.pem", "ssl.keystore.location", "ssl.engine.location", "ssl.key.pem"}
    shows_certificate = bool(certificate) or not others.isdisjoint(properties)
    return _Way(context, shows_certificate, is_complete=shows_certificate == bool(certificate and key))


def _trust(context: ssl.SSLContext, properties: Mapping[str, Any]) -> None:
    """Have the context believe whom the client believes."""
    authorities, pem = str(properties.get("ssl.ca.location", "")), properties.get("ssl.ca.pem")
    if pem:
        context.load_verify_locations(cadata=str(pem))
    elif authorities in ("", "probe"):
        context.set_default_verify_paths()
    elif Path(authorities).is_dir():
        context.load_verify_locations(capath=authorities)
    else:
        context.load_verify_locations(cafile=authorities)


def _trouble(way: _Way, host: str, port: int, timeout_s: float) -> str | None:
    is_greeted = False
    try:
        with (
            socket.create_connection((host, port), timeout_s) as plain,
            way.context.wrap_socket(plain, server_hostname=host) as spoken,
        ):
            is_greeted = True
            spoken.settimeout(_AFTERMATH_S)
            spoken.recv(1)  # a broker waits for a request; only one that has refused us says or ends anything
    except ssl.SSLCertVerificationError as error:
        return _unaccepted(error)
    except (ssl.SSLEOFError, ConnectionResetError):
        return None if is_greeted else _NO_TLS_SPOKEN
    except ssl.SSLError as error:
        return _refusal(way, str(error.reason))
    except OSError:
        return None
    return None


def _unaccepted(error: ssl.SSLCertVerificationError) -> str:
    """Return what is wrong with a broker's certificate, and what to do."""
    help_text = _HELP.get(error.verify_code)
    said = f"its certificate is not accepted: {error.verify_message.rstrip('.')}"
    return said if help_text is None else f"{said}; {help_text}"


def _refusal(way: _Way, reason: str) -> str | None:
    """Return what a broker's alert means."""
    if reason in _NO_TLS:
        return _NO_TLS_SPOKEN
    if "ALERT" not in reason or not any(part in reason for part in _ALERTS) or not way.is_complete:
        return None
    said = reason.partition("ALERT_")[2].replace("_", " ").lower()
    if way.shows_certificate:
        return (
            f"it does not accept the certificate of `ssl.certificate.location` ({said}): is it still valid, and does "
            "the broker trust the authority that signed it?"
        )
    return f"it wants a certificate from its clients ({said}): set `ssl.certificate.location` and `ssl.key.location`"
