"""Files that properties of the Kafka client name: missing and unfit ones are told at their key."""

from __future__ import annotations

import json
from collections.abc import Callable
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

from processor.config.client_files import file_findings
from processor.errors import ConfigError
from processor.settings import load_settings, load_without_secrets

CA, CERTIFICATE, KEY = "ssl.ca.location", "ssl.certificate.location", "ssl.key.location"


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Paths of an authority, two certificates with their keys, an encrypted key, and of no certificate."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    for name in ("one", "other"):
        issued = authority.issue_cert(common_name=name)
        (tmp_path / f"{name}.pem").write_bytes(issued.cert_chain_pems[0].bytes())
        (tmp_path / f"{name}.key").write_bytes(issued.private_key_pem.bytes())
    key = load_pem_private_key((tmp_path / "one.key").read_bytes(), None)
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"right-made-up"))
    (tmp_path / "encrypted.key").write_bytes(encrypted)
    (tmp_path / "password").write_text("right-made-up")
    (tmp_path / "text").write_text("no certificate")
    return {path.name: str(path) for path in tmp_path.iterdir()}


Case = tuple[Callable[[dict[str, str]], dict[str, Any]], dict[str, str]]
CASES: dict[str, Case] = {
    "nothing": (lambda _: {}, {}),
    "sound": (lambda at: {CA: at["ca.pem"], CERTIFICATE: at["one.pem"], KEY: at["one.key"]}, {}),
    "folder of authorities": (lambda at: {CA: str(Path(at["ca.pem"]).parent)}, {}),
    "left to the client": (lambda _: {CA: "probe", "https.ca.location": ""}, {}),
    "missing authorities": (lambda _: {CA: "/nowhere/ca.pem"}, {CA: "a file or a folder that exists"}),
    "no authorities": (lambda at: {CA: at["text"]}, {CA: "certificates in PEM form"}),
    "missing authorities of tokens": (
        lambda _: {"https.ca.location": "/nowhere/ca.pem"},
        {"https.ca.location": "a file or a folder that exists"},
    ),
    "missing keystore": (
        lambda _: {"ssl.keystore.location": "/nowhere/k.p12"},
        {"ssl.keystore.location": "found '/nowhere/k.p12'; allowed: a file that exists"},
    ),
    "missing pair": (
        lambda _: {CERTIFICATE: "/nowhere/c.pem", KEY: "/nowhere/c.key"},
        {CERTIFICATE: "a file that exists", KEY: "a file that exists"},
    ),
    "a path that is none": (lambda _: {CERTIFICATE: "a\0b"}, {CERTIFICATE: "a file that exists"}),
    "no key": (lambda at: {CERTIFICATE: at["one.pem"]}, {CERTIFICATE: "write ssl.key.location as well"}),
    "key elsewhere": (lambda at: {CERTIFICATE: at["one.pem"], "ssl.key.pem": {"env": "KEY"}}, {}),
    "no certificate": (lambda at: {KEY: at["one.key"]}, {KEY: "write ssl.certificate.location as well"}),
    "another's key": (lambda at: {CERTIFICATE: at["one.pem"], KEY: at["other.key"]}, {KEY: "another certificate's"}),
    "no password": (
        lambda at: {CERTIFICATE: at["one.pem"], KEY: at["encrypted.key"]},
        {KEY: "encrypted and without ssl.key.password"},
    ),
    "password": (
        lambda at: {
            CERTIFICATE: at["one.pem"],
            KEY: at["encrypted.key"],
            "ssl.key.password": {"file": at["password"]},
        },
        {},
    ),
    "another password": (
        lambda at: {CERTIFICATE: at["one.pem"], KEY: at["encrypted.key"], "ssl.key.password": {"file": at["text"]}},
        {KEY: "encrypted and not opened by ssl.key.password"},
    ),
    "a password that is told elsewhere": (
        lambda at: {
            CERTIFICATE: at["one.pem"],
            KEY: at["encrypted.key"],
            "ssl.key.password": {"env": "NOT_SET_ANYWHERE"},
        },
        {},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_file_is_judged_at_its_key(name: str, files: dict[str, str]) -> None:
    """What is found, and nothing else, no secret among it."""
    make, expected = CASES[name]
    found = dict(file_findings(make(files)))
    assert expected.keys() == found.keys()
    assert [] == [key for key, part in expected.items() if part not in found[key]]
    assert "made-up" not in str(found)


@pytest.mark.parametrize("where", ["kafka", "target"])
def test_a_missing_file_is_told_with_its_line(where: str, tmp_path: Path) -> None:
    """Of the cluster of events and of a destination's own; who previews needs no such file."""
    properties = {"properties": {"security.protocol": "ssl", CA: "/nowhere/ca.pem"}}
    target: dict[str, Any] = {"topic": "out", "bootstrap_servers": "b:1"}
    content = {
        "kafka": {"bootstrap_servers": "a:1", "topics": ["events"], **(properties if where == "kafka" else {})},
        "destinations": {
            "copy": {
                "type": "kafka",
                "start": "latest",
                "settings": {**target, **(properties if where == "target" else {})},
            }
        },
    }
    path = tmp_path / "bridge.yaml"
    path.write_text(json.dumps(content, indent=1))
    line = 1 + next(index for index, text in enumerate(path.read_text().splitlines()) if "/nowhere" in text)
    key = 'kafka.properties["ssl.ca.location"]' if where == "kafka" else "ssl.ca.location"
    with pytest.raises(ConfigError) as caught:
        load_settings(path)
    said = str(caught.value)
    assert f"bridge.yaml:{line}:" in said
    assert key in said
    assert "found '/nowhere/ca.pem'; allowed: a file or a folder that exists" in said
    assert load_without_secrets(path).kafka.topics == ("events",)
