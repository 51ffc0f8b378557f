"""Settings of decoding: which belong together and which exclude each other."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import ValidationError

from processor.source.decode_settings import AvroSettings, DecodeSettings, RegistrySettings

URL = "http://127.0.0.1:8081"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"format": "avro"}, "`format: avro` and the section `avro` go together"),
        ({"avro": {"schema_file": "x"}}, "`format: avro` and the section `avro` go together"),
        ({"format": "avro", "avro": {}}, "exactly one of `registry` and `schema_file`"),
        (
            {"format": "avro", "avro": {"schema_file": "x", "registry": {"url": URL}}},
            "exactly one of `registry` and `schema_file`",
        ),
        ({"format": "avro", "avro": {"registry": {"url": URL}, "framing": "none"}}, "has no schema id"),
        ({"format": "protobuf"}, "'json' or 'avro'"),
        ({"max_record_bytes": 0}, "greater than or equal to 1"),
        ({"surprise": 1}, "Extra inputs are not permitted"),
    ],
)
def test_what_does_not_go_together_is_refused(settings: dict[str, Any], message: str) -> None:
    """Every contradiction is named before anything starts."""
    with pytest.raises(ValidationError, match=message):
        DecodeSettings.model_validate(settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"username": "u"}, "`username` and `password` go together"),
        ({"password": "p"}, "`username` and `password` go together"),
        ({"username": "u", "password": "p", "token": "t"}, "`token` and `password` exclude each other"),
        ({"url": "http://u:p@127.0.0.1"}, "must not hold credentials"),
        ({"client_key_file": __file__}, "need `client_cert_file`"),
        ({"ca_file": "missing.pem"}, "does not point to a file"),
        ({"url": "no address"}, "valid URL"),
    ],
)
def test_a_registry_has_one_way_in(settings: dict[str, Any], message: str) -> None:
    """Credentials are complete, of one kind, and not in the address."""
    with pytest.raises(ValidationError, match=message):
        RegistrySettings.model_validate({"url": URL, **settings}, context={"plain_secrets": True})


@pytest.mark.parametrize("credential", ["password", "token", "client_cert_file", None])
def test_credentials_go_to_other_machines_behind_tls_alone(credential: str | None, tmp_path: Path) -> None:
    """Plain http is for the own machine, for registries without credentials, and for those who say so."""
    certificate = tmp_path / "client.pem"
    trustme.CA().issue_cert("client").private_key_and_cert_chain_pem.write_to_path(certificate)
    credentials: dict[str | None, dict[str, str]] = {
        "password": {"username": "u", "password": "p"},
        "token": {"token": "t"},
        "client_cert_file": {"client_cert_file": str(certificate)},
        None: {},
    }
    for url, settings, is_refused in (
        ("http://registry:8081", {}, credential is not None),
        ("http://registry:8081", {"allow_http": True}, False),
        ("https://registry:8081", {}, False),
        ("http://localhost:8081", {}, False),
        ("http://[::1]:8081", {}, False),
    ):
        given = {"url": url, **settings, **credentials[credential]}
        wanted = pytest.raises(ValidationError, match="`allow_http` lifts") if is_refused else contextlib.nullcontext()
        with wanted:
            RegistrySettings.model_validate(given, context={"plain_secrets": True})


def test_framing_follows_from_where_schemas_come_from() -> None:
    """A registry needs the frame; a schema file has none unless it is said."""
    registry = RegistrySettings.model_validate({"url": URL})
    assert AvroSettings(registry=registry).is_framed
    assert not AvroSettings.model_validate({"schema_file": "x"}).is_framed
    assert AvroSettings.model_validate({"schema_file": "x", "framing": "confluent"}).is_framed
