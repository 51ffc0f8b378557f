"""A real broker with a listener for each way of TLS and SASL, and certificates that are made for it.

The harness itself speaks on a plain listener, so that what a test changes at one of the others touches nobody else.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from tests.kafka_harness import KafkaCluster, kafka_or_reason
from tests.kafka_listeners import Listener, Listeners
from tests.kafka_users import BRIDGE, PASSWORDS
from tests.token_endpoint import AUDIENCE, CLIENT_ID, CLIENT_SECRET, TokenEndpoint

KEY_PASSWORD = "key-password-made-up"
SECRETS = (PASSWORDS[BRIDGE], KEY_PASSWORD, CLIENT_SECRET)
"""What no log and no output may show."""
_SCRAM = "SCRAM-SHA-512"
_LOGIN = "org.apache.kafka.common.security"
_SASL = "sasl.enabled.mechanisms"


class SecuredKafka:
    """The broker, who vouches for it, and what a client of each listener must set."""

    cluster: KafkaCluster

    def __init__(self, folder: Path, tokens: TokenEndpoint) -> None:
        """Make the certificates of the broker; `start` starts it."""
        self.folder = folder
        self.authority, self.stranger = trustme.CA(), trustme.CA()
        self._tokens = tokens
        self.ca_file = self.authorities("ca.pem", self.authority)

    def start(self) -> KafkaCluster | str:
        """Return the running broker, or why there is none on this machine."""
        users = (f"--add-scram={_SCRAM}=[name={BRIDGE},password={PASSWORDS[BRIDGE]}]",)
        allowed = f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={self._tokens.url}/jwks"
        found = kafka_or_reason(listeners=Listeners(self._listeners(), users, (allowed,)))
        if isinstance(found, KafkaCluster):
            self.cluster = found
        return found

    def authorities(self, name: str, *known: trustme.CA) -> Path:
        """Return a new file with the certificates of authorities."""
        path = self.folder / name
        path.write_bytes(b"".join(authority.cert_pem.bytes() for authority in known))
        return path

    def client_files(self, folder: Path, authority: trustme.CA | None = None, password: str | None = None) -> None:
        """Write `client.pem` and `client.key` for the bridge, signed by the broker's authority unless told."""
        _write_client_files(folder, self.authority if authority is None else authority, password)

    def settings(self, listener: str, folder: Path) -> dict[str, Any]:
        """Return the `kafka` section for a client of this listener; secrets and its own files are put into `folder`."""
        tls = {"security.protocol": "SSL", "ssl.ca.location": str(self.ca_file)}
        properties: dict[str, Any] = {**tls, **self._own(listener, folder)}
        return {"bootstrap_servers": self.cluster.addresses[listener], "properties": properties}

    def _own(self, listener: str, folder: Path) -> dict[str, Any]:
        match listener:
            case "MTLS":
                self.client_files(folder, password=KEY_PASSWORD)
                return {
                    "ssl.certificate.location": str(folder / "client.pem"),
                    "ssl.key.location": str(folder / "client.key"),
                    "ssl.key.password": _secret(folder, "key-password", KEY_PASSWORD),
                }
            case "PLAIN" | "SCRAM":
                return {
                    "security.protocol": "SASL_SSL",
                    "sasl.mechanism": _SCRAM if listener == "SCRAM" else "PLAIN",
                    "sasl.username": BRIDGE,
                    "sasl.password": _secret(folder, "password", PASSWORDS[BRIDGE]),
                }
            case "OAUTH":
                return {
                    "security.protocol": "SASL_SSL",
                    "sasl.mechanism": "OAUTHBEARER",
                    "sasl.oauthbearer.method": "oidc",
                    "sasl.oauthbearer.token.endpoint.url": f"{self._tokens.url}/token",
                    "sasl.oauthbearer.client.id": CLIENT_ID,
                    "sasl.oauthbearer.client.secret": _secret(folder, "client-secret", CLIENT_SECRET),
                    "sasl.oauthbearer.scope": "kafka",
                }
            case _:
                return {}

    def _listeners(self) -> dict[str, Listener]:
        sound = self._certificate("sound")
        yesterday = datetime.now(UTC) - timedelta(days=1)
        plain = f"{_LOGIN}.plain.PlainLoginModule required user_{BRIDGE}='{PASSWORDS[BRIDGE]}';"
        return {
            "TLS": Listener("SSL", sound),
            "EXPIRED": Listener("SSL", self._certificate("expired", not_after=yesterday)),
            "ELSEWHERE": Listener("SSL", self._certificate("elsewhere", "broker.example.test")),
            "MTLS": Listener("SSL", {**sound, **self._asking()}),
            "PLAIN": Listener("SASL_SSL", {**sound, _SASL: "PLAIN", "plain.sasl.jaas.config": plain}),
            "SCRAM": Listener(
                "SASL_SSL",
                {
                    **sound,
                    _SASL: _SCRAM,
                    "scram-sha-512.sasl.jaas.config": f"{_LOGIN}.scram.ScramLoginModule required;",
                },
            ),
            "OAUTH": Listener("SASL_SSL", {**sound, _SASL: "OAUTHBEARER", **self._validator()}),
        }

    def _certificate(self, file: str, name: str = "127.0.0.1", not_after: datetime | None = None) -> dict[str, str]:
        """Return a listener's properties for a certificate on this name."""
        issued = self.authority.issue_cert(name, not_after=not_after)
        path = self.folder / f"{file}.pem"
        path.write_bytes(_key(issued, NoEncryption()) + b"".join(pem.bytes() for pem in issued.cert_chain_pems))
        return {"ssl.keystore.type": "PEM", "ssl.keystore.location": str(path)}

    def _asking(self) -> dict[str, str]:
        return {
            "ssl.client.auth": "required",
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.ca_file),
        }

    def _validator(self) -> dict[str, str]:
        """Return what has a listener verify tokens by the keys of the endpoint."""
        module = f"{_LOGIN}.oauthbearer"
        return {
            "oauthbearer.sasl.jaas.config": f"{module}.OAuthBearerLoginModule required;",
            "oauthbearer.sasl.server.callback.handler.class": f"{module}.OAuthBearerValidatorCallbackHandler",
            "sasl.oauthbearer.jwks.endpoint.url": f"{self._tokens.url}/jwks",
            "sasl.oauthbearer.expected.audience": AUDIENCE,
            "sasl.oauthbearer.expected.issuer": self._tokens.url,
        }


def client_files(folder: Path) -> str:
    """Write `ca.pem`, `client.pem` and `client.key`; return the password of the key."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    _write_client_files(folder, authority, KEY_PASSWORD)
    return KEY_PASSWORD


def _write_client_files(folder: Path, authority: trustme.CA, password: str | None) -> None:
    issued = authority.issue_cert("bridge.example.test", common_name="bridge")  # Java takes none without a name
    (folder / "client.pem").write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    encryption = NoEncryption() if password is None else BestAvailableEncryption(password.encode())
    (folder / "client.key").write_bytes(_key(issued, encryption))


def _key(issued: trustme.LeafCert, encryption: KeySerializationEncryption) -> bytes:
    """Return the private key in the one form that Java reads."""
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def _secret(folder: Path, name: str, value: str) -> dict[str, str]:
    """Return a reference to a secret that now is in a file."""
    path = folder / name
    path.write_text(value)
    return {"file": str(path)}
