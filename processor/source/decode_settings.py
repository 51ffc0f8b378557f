"""Settings of how a record's value becomes events."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, FilePath, HttpUrl, model_validator

from processor.config import Authorities, HeaderSecret, Secret, require_pair
from processor.destinations.addresses import is_loopback

_FROZEN = ConfigDict(frozen=True, extra="forbid")


class RegistrySettings(BaseModel):
    """Where schemas are looked up, and how to get in."""

    model_config = _FROZEN

    url: HttpUrl = Field(
        description="Address of a registry with Confluent's API, path included. For Apicurio it ends in "
        "`/apis/ccompat/v7`. Required; credentials do not belong in it."
    )
    allow_http: bool = Field(
        default=False,
        description="Allow a plain http address on another machine beside `password`, `token` or a client key. Default "
        "false: credentials would travel readable.",
    )
    username: str | None = Field(
        None, min_length=1, description="User name for basic authentication, beside `password`. Default: none."
    )
    password: Secret | None = Field(
        None, description="Password for basic authentication: {env: NAME} or {file: PATH}. Default: none."
    )
    token: HeaderSecret | None = Field(
        None, description="Bearer token instead of user name and password: {env: NAME} or {file: PATH}. Default: none."
    )
    logical_cluster: str = Field(
        "", description="Confluent Cloud's id of the registry (`lsrc-…`), sent beside a token. Default: empty."
    )
    ca_file: Authorities | None = Field(
        None,
        description="PEM file with the only authorities to trust. Default: the public ones of the certifi package, or "
        "those of the variable SSL_CERT_FILE.",
    )
    client_cert_file: FilePath | None = Field(
        None, description="PEM file with our certificate, where the registry asks for one. Default: none."
    )
    client_key_file: FilePath | None = Field(
        None, description="PEM file with the key of `client_cert_file`. Default: the key is in that file."
    )
    client_key_password: Secret | None = Field(
        None, description="Password of the key: {env: NAME} or {file: PATH}. Default none: the key is not encrypted."
    )
    request_timeout_s: float = Field(
        5.0,
        gt=0,
        description="Longest wait for the registry's connection and for each part of its answer, in seconds. "
        "Default 5: a registry answers in milliseconds.",
    )
    fetch_timeout_s: float = Field(
        20.0,
        gt=0,
        description="Longest time to fetch one schema with all that it refers to, in seconds; after it the destination "
        "holds and tries again. Default 20.",
    )
    unknown_schema_s: float = Field(
        60.0,
        gt=0,
        description="How long an id that the registry did not know is taken as unknown without asking again, in "
        "seconds. Default 60: a flood of such records costs one request a minute, and a late registration is noticed.",
    )
    max_schema_count: int = Field(
        1000,
        ge=1,
        description="Most schemas kept in memory; the one fetched first makes room. Default 1000: far more than the "
        "versions of one event topic.",
    )

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("`username` and `password` go together")
        if self.token is not None and self.password is not None:
            raise ValueError("`token` and `password` exclude each other")
        if self.url.username is not None or self.url.password is not None:
            raise ValueError("`url` must not hold credentials: use `username` and `password`, or `token`")
        return self

    @model_validator(mode="after")
    def _key_fits_certificate(self) -> Self:
        require_pair(self.client_cert_file, self.client_key_file, self.client_key_password)
        return self

    @model_validator(mode="after")
    def _credentials_are_hidden(self) -> Self:
        has_credentials = any(one is not None for one in (self.password, self.token, self.client_cert_file))
        is_readable = self.url.scheme == "http" and not is_loopback((self.url.host or "").strip("[]"))
        if has_credentials and is_readable and not self.allow_http:
            raise ValueError("`url` must be https: credentials must not travel readable (`allow_http` lifts this)")
        return self


class AvroSettings(BaseModel):
    """Where the writer's schema of an Avro value comes from."""

    model_config = _FROZEN

    registry: RegistrySettings | None = Field(
        None,
        description="Schema registry: values are in Confluent's wire format. Exactly one of this and `schema_file`.",
    )
    schema_file: Path | None = Field(
        None, description="File with the one schema that all values are written with, instead of a registry."
    )
    framing: Literal["confluent", "none"] | None = Field(
        None,
        description="With `schema_file`: `confluent` when five bytes (a zero and the schema's id) stand before each "
        "value, `none` when they do not. Default `none`. With a registry it is always `confluent`.",
    )

    @model_validator(mode="after")
    def _one_schema_source(self) -> Self:
        if (self.registry is None) == (self.schema_file is None):
            raise ValueError("exactly one of `registry` and `schema_file` is needed")
        if self.registry is not None and self.framing == "none":
            raise ValueError("`framing: none` has no schema id that the registry could be asked for")
        return self

    @property
    def is_framed(self) -> bool:
        """Return whether five bytes stand before each value."""
        return self.registry is not None or self.framing == "confluent"


class DecodeSettings(BaseModel):
    """How a record's value becomes events."""

    model_config = _FROZEN

    format: Literal["json", "avro"] = Field(
        "json",
        description="What values are written in: `json`, or `avro` (see `avro`). Default `json`, as Segment writes.",
    )
    avro: AvroSettings | None = Field(None, description="Where Avro schemas come from; needed with `format: avro`.")
    max_record_bytes: int = Field(
        1_048_576,
        ge=1,
        description="Largest value in bytes that is decoded; a larger one is a dead letter (`record_too_large`). "
        "Default 1048576: what a topic takes by default, twice Segment's largest batch body and 32 times its largest "
        "event.",
    )
    max_batch_count: int = Field(
        2500,
        ge=1,
        description="Most events that one record may hold as a batch body; one with more is a dead letter "
        "(`record_too_large`). Default 2500: Segment's own limit.",
    )

    @model_validator(mode="after")
    def _avro_is_complete(self) -> Self:
        if (self.format == "avro") != (self.avro is not None):
            raise ValueError("`format: avro` and the section `avro` go together")
        return self
