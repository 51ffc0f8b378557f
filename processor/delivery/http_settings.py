"""Settings of the connections to a vendor."""

from __future__ import annotations

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FilePath, model_validator

from processor.config import Authorities, Secret, SecretOrPlain, require_pair


def _proxy(value: SecretOrPlain) -> SecretOrPlain:
    """Return an address of a proxy; refuse what is none, and one with a password in the open. No text shows it."""
    text = value.reveal() if isinstance(value, Secret) else value
    try:
        parts = urlsplit(text) if isinstance(text, str) else None
        is_address = parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port if parts is not None else None
    except ValueError:
        is_address = False
    if not is_address:
        raise ValueError("must be http://host:port or https://host:port")
    if not isinstance(value, Secret) and parts is not None and "@" in parts.netloc:
        raise ValueError("an address that holds a password must be {env: NAME} or {file: PATH}")
    return value


class HttpSettings(BaseModel):
    """How requests travel."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    connect_timeout_s: float = Field(
        10.0,
        gt=0,
        description="Longest wait for a connection, in seconds: a free one of the pool, or name, TCP and TLS of a new "
        "one. Never more than an attempt's deadline. Default 10: two lost packets fit in.",
    )
    max_answer_bytes: int = Field(
        1_048_576,
        ge=1024,
        description="Most bytes of an answer that are read, after decompression; the rest is dropped with its "
        "connection. Default 1048576: a finding for each of a thousand payloads fits in.",
    )
    idle_connection_s: float = Field(
        20.0,
        gt=0,
        description="How long an unused connection is kept, in seconds. Default 20: shorter than load balancers keep "
        "theirs, so that a request rarely meets a connection that was just closed.",
    )
    max_connection_age_s: float = Field(
        300.0,
        gt=0,
        description="Age, in seconds, from which connections take no new request, because a vendor's addresses change. "
        "Certificates in files are then read again. Default 300.",
    )
    proxy: Annotated[SecretOrPlain, AfterValidator(_proxy)] | None = Field(
        None,
        description="Proxy for all requests, http://host:port or https://host:port; {env: NAME} or {file: PATH} where "
        "it holds a password. Default none, and the proxy variables of the environment are not used.",
    )
    ca_file: Authorities | None = Field(
        None,
        description="PEM file with the only authorities to trust, such as those of an inspecting proxy. Default: the "
        "public ones of the certifi package.",
    )
    client_cert_file: FilePath | None = Field(
        None,
        description="PEM file with our certificate and its chain, where the other side asks for one. Default none.",
    )
    client_key_file: FilePath | None = Field(
        None, description="PEM file with the key of `client_cert_file`. Default: the key is in that file."
    )
    client_key_password: Secret | None = Field(
        None, description="Password of the key: {env: NAME} or {file: PATH}. Default none: the key is not encrypted."
    )

    @model_validator(mode="after")
    def _key_fits_certificate(self) -> Self:
        require_pair(self.client_cert_file, self.client_key_file, self.client_key_password)
        return self

    @property
    def proxy_url(self) -> str | None:
        """Return the proxy's address with its password in the open."""
        return self.proxy.reveal() if isinstance(self.proxy, Secret) else self.proxy  # type: ignore[return-value]
