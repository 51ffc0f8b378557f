"""Settings of the connections: what is refused, and that a proxy's password stays hidden."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from processor.config import Secret
from processor.delivery.http_settings import HttpSettings


@pytest.mark.parametrize(
    "proxy", ["proxy:3128", "socks5://proxy:1080", "http://", "http://proxy:port", "https://[::1", 3128, True]
)
def test_what_is_no_address_of_a_proxy_is_refused(proxy: object) -> None:
    """Only http and https proxies with a host can be used."""
    with pytest.raises(ValidationError, match="must be http://host:port"):
        HttpSettings.model_validate({"proxy": proxy})


def test_a_literal_password_of_a_proxy_is_refused() -> None:
    """A password in the file is a literal secret, and the message does not repeat it."""
    with pytest.raises(ValidationError) as caught:
        HttpSettings.model_validate({"proxy": "http://user:made-up@proxy:3128"})
    (error,) = caught.value.errors()
    assert error["msg"] == "Value error, an address that holds a password must be {env: NAME} or {file: PATH}"


def test_a_proxy_may_be_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """By reference it may hold a password; only `proxy_url` shows it."""
    monkeypatch.setenv("TEST_PROXY", "https://user:made-up@proxy:3128")
    settings = HttpSettings.model_validate({"proxy": {"env": "TEST_PROXY"}})
    assert settings.proxy_url == "https://user:made-up@proxy:3128"
    assert "made-up" not in repr(settings) + settings.model_dump_json()


def test_a_plain_proxy_and_none() -> None:
    """Without a password the address stands in the file."""
    assert HttpSettings(proxy="http://proxy:3128").proxy_url == "http://proxy:3128"
    assert HttpSettings().proxy_url is None


@pytest.mark.parametrize("name", ["ca_file", "client_cert_file", "client_key_file"])
def test_files_must_exist(name: str, tmp_path: Path) -> None:
    """A wrong path is found by `check`, not by the first request."""
    with pytest.raises(ValidationError, match="does not point to a file"):
        HttpSettings.model_validate({name: tmp_path / "nowhere.pem"})


def test_a_key_needs_its_certificate(tmp_path: Path) -> None:
    """A key or a password alone is a mistake."""
    key_file = tmp_path / "key.pem"
    key_file.touch()
    with pytest.raises(ValidationError, match="need `client_cert_file`"):
        HttpSettings(client_key_file=key_file)
    with pytest.raises(ValidationError, match="need `client_cert_file`"):
        HttpSettings(client_key_password=Secret("made-up"))
