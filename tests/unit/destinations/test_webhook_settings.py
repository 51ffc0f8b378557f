"""Settings of a webhook: what is refused, and that no key is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from processor.config import secrets_in
from processor.config.secret import PLAIN_SECRETS
from processor.destinations.webhook.settings import WebhookSettings
from processor.errors import ConfigError
from processor.settings import load_settings, load_without_secrets

URL = "https://hooks.shop.example/in"
KEY = "a-key-that-nobody-prints"
FILE = "kafka: {bootstrap_servers: a, topics: [t]}\ndestinations:\n  one:\n    type: webhook\n    start: latest\n"


def _settings(**settings: Any) -> WebhookSettings:  # noqa: ANN401 - plain settings
    """Return validated settings; plain text may stand for secrets."""
    return WebhookSettings.model_validate({"url": URL} | settings, context={PLAIN_SECRETS: True})


def problems(folder: Path, settings: str) -> str:
    """Return what a file with these settings is blamed for."""
    file = folder / "f"
    file.write_text(f"{FILE}    settings: {settings}\n")
    with pytest.raises(ConfigError) as refused:
        load_settings(file)
    return str(refused.value).replace(f"{file}:", "").replace("destinations.one.settings", "")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"url": "http://hooks.shop.example/in"}, "must be https"),
        ({"url": f"{URL}?sig=1"}, "with a query may hold a key"),
        ({"url": 7}, "must be a text or a reference"),
        ({"method": "GET"}, "'POST', 'PUT' or 'PATCH'"),
        ({"headers": {"X Y": "z"}}, "this is no name of a header"),
        ({"headers": {"Host": "z"}}, "written by whoever sends the request"),
        ({"headers": {"content-ENCODING": "gzip"}}, "written by whoever sends the request"),
        ({"headers": {"X-Version": 7}}, "put it in quotes"),
        ({"headers": {"X-Version": "a\nb"}}, "no HTTP header can carry this"),
        ({"headers": {"X-Version": "é"}}, "no HTTP header can carry this"),
        ({"headers": {"X-A": "1", "x-a": "2"}}, "stands here twice"),
        ({"body": "single", "batch_size": 5}, "batch_size is for arrays"),
        ({"body": "single", "flush_interval_ms": 5}, "flush_interval_ms is for arrays"),
        ({"wrapper": ""}, "at least 1 character"),
        ({"max_request_bytes": 10}, "greater than or equal to 1000"),
        ({"signature": {}}, "Field required"),
        ({"signature": {"secret": "k", "algorithm": "md5"}}, "'sha1', 'sha256' or 'sha512'"),
        ({"signature": {"secret": "k", "prefix": "a b"}}, "pattern"),
        ({"signature": {"secret": "k", "header": "X-S", "timestamp_header": "x-s"}}, "must differ"),
        ({"signature": {"secret": "k", "header": "content-type"}}, "a header of its own"),
        ({"signature": {"secret": "k"}, "headers": {"X-SIGNATURE": {"env": "HOME"}}}, "signature writes the header"),
        ({"success_statuses": [200, 500]}, "no success: 500"),
        ({"success_statuses": [199, 401, 429]}, "no success: 199, 401, 429"),
        ({"success_member": ""}, "at least 1 character"),
        ({"lane_path": ""}, "at least 1 character"),
    ],
)
def test_what_cannot_work_is_refused(settings: dict[str, Any], said: str) -> None:
    """At load, and in words that say what is wrong."""
    with pytest.raises(ValidationError) as refused:
        _settings(**settings)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "name", ["Authorization", "x-auth", "X-API-Key", "Cookie", "X-Access-Token", "Hook-Secret", "X-Password"]
)
def test_a_key_in_a_header_is_a_reference(tmp_path: Path, name: str) -> None:
    """Written in the file it is refused, at its place and without being shown."""
    text = problems(tmp_path, f"{{url: {URL}, headers: {{{name}: {KEY}}}}}")
    assert f".headers.{name}: a secret is written literally" in text
    assert KEY not in text


def test_headers_that_speak_of_no_key_are_plain() -> None:
    """A name with an author or a key of another kind in it needs no environment."""
    headers = {"X-Author": "a", "Idempotency-Key-Prefix": "b", "X-Source": "segment bridge"}
    assert _settings(headers=headers).headers == headers


def test_an_address_by_reference_may_hold_a_query(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is used as it is, and is a secret like any other; one that is none is refused without being shown."""
    url = f"{URL}/{KEY}?sig={KEY}"
    monkeypatch.setenv("HOOK", url)
    settings = _settings(url={"env": "HOOK"})
    assert settings.address == url
    assert [secret.reveal() for secret in secrets_in(settings)] == [url]
    assert KEY not in f"{settings!r} {settings} {settings.model_dump_json()}"

    monkeypatch.setenv("HOOK", f"ftp://{KEY}")
    text = problems(tmp_path, "{url: {env: HOOK}}")
    assert ".url: the address must be an absolute https address" in text
    assert KEY not in text


def test_an_address_with_a_query_is_a_reference(tmp_path: Path) -> None:
    """Written in the file it is refused with what to write in its place, and is not shown: it may hold a key."""
    text = problems(tmp_path, f"{{url: {URL}?sig={KEY}}}")
    assert ".url: an address with a query may hold a key, and is written literally; allowed: {env: NAME}" in text
    assert KEY not in text


def test_a_file_can_be_looked_at_without_its_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Previews need neither address nor keys."""
    for name in ("HOOK", "TOKEN", "SECRET"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "f"
    settings = "{url: {env: HOOK}, headers: {X-Token: {env: TOKEN}}, signature: {secret: {env: SECRET}}}"
    file.write_text(f"{FILE}    settings: {settings}\n")
    assert load_without_secrets(file).destinations["one"].type == "webhook"


def test_paths_are_written_as_in_mappings() -> None:
    """With or without the dollar, quotes around odd names."""
    settings = _settings(lane_path="$.context['group id']", success_member="result.ok")
    assert (settings.lane_keys, settings.success_keys) == (("context", "group id"), ("result", "ok"))
    assert (_settings().lane_keys, _settings().success_keys) == (None, None)
