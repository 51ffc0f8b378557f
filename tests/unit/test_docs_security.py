"""The page about Kafka security and its examples: each is right, and the page shows what the examples say."""

from __future__ import annotations

from pathlib import Path

import pytest

from processor.checking import Findings, check
from processor.settings import load_settings
from tests.markdown_pages import ROOT, blocks, page_text
from tests.secured_kafka import client_files

WAYS = ("tls", "mtls", "plain", "scram", "oauthbearer")
FOLDER = "/etc/segment-bridge/kafka"


def example(way: str) -> str:
    """Return an example's text."""
    return (ROOT / "examples" / f"kafka-{way}.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("way", WAYS)
def test_example_passes_the_check(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its files where it says that they are; without them each is told."""
    monkeypatch.setenv("MOESIF_APPLICATION_ID", "moesif-example-application-id")
    password = client_files(tmp_path)
    for name, content in {
        "client.key.password": password,
        "password": "made-up",
        "client-secret": "made-up",
    }.items():
        (tmp_path / name).write_text(content)
    path = tmp_path / "segment-bridge.yaml"
    path.write_text(example(way).replace(FOLDER, str(tmp_path)))
    assert check(load_settings(path), online=False) == Findings.none()


def test_the_page_shows_what_the_examples_say() -> None:
    """Every block of properties stands in its example, line by line, and none is missing."""
    shown = [block.text for block in blocks(page_text("docs/kafka-security.md")) if block.info == "yaml"]
    assert len(shown) == len(WAYS)
    for way, text in zip(WAYS, shown, strict=True):
        assert text.rstrip("\n") in dedented(example(way))


def dedented(text: str) -> str:
    """Return an example as its section `kafka` stands alone."""
    return "\n".join(line.removeprefix("  ") for line in text.splitlines())


def test_every_example_is_linked_and_links_back() -> None:
    """Who opens one of them finds the page, and the other way round."""
    page = page_text("docs/kafka-security.md")
    for way in WAYS:
        assert f"(../examples/kafka-{way}.yaml)" in page
        assert "docs/kafka-security.md" in example(way)
