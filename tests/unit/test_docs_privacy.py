"""The example of the privacy page does what the page says, from the YAML to a payload and to a dead letter."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from processor import building, workbench
from processor.destinations.privacy import Privacy
from processor.destinations.privacy_settings import PrivacySettings
from processor.settings import Settings, load_settings
from tests.markdown_pages import blocks, page_text, rows

PAGE = page_text("docs/privacy.md")
DESTINATION = """\
kafka: {bootstrap_servers: "localhost:9092", topics: [segment-events]}
destinations:
  moesif-prod:
    type: moesif
    start: latest
    settings: {application_id: {env: MOESIF_APPLICATION_ID}}
"""


def block(info: str) -> str:
    """Return the page's only block of a kind."""
    (found,) = (one.text for one in blocks(PAGE) if one.info == info)
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder for configurations, with a key and the page's salt in the environment."""
    monkeypatch.setenv("MOESIF_APPLICATION_ID", "moesif-example-application-id")
    monkeypatch.setenv("EMAIL_SALT", "pepper")
    return tmp_path


def loaded(folder: Path, privacy: str) -> Settings:
    """Return a configuration with these lines below its destination."""
    lines = "".join(f"    {line}\n" for line in privacy.splitlines())
    path = folder / "segment-bridge.yaml"
    path.write_text(DESTINATION + lines, encoding="utf-8")
    return load_settings(path)


def test_the_event_becomes_what_the_page_shows(folder: Path) -> None:
    """The settings of the page make of its event what stands below it."""
    privacy = loaded(folder, block("yaml privacy")).destinations["moesif-prod"].privacy
    assert privacy is not None
    assert Privacy(privacy).applied(json.loads(block("json event"))) == json.loads(block("json result"))


def preview(settings: Settings, *events: Any) -> str:  # noqa: ANN401 - any JSON values
    """Return the preview of some events."""
    lines = io.BytesIO("\n".join(json.dumps(event) for event in events).encode())
    return b"\n".join(workbench.preview(settings, "moesif-prod", lines)).decode()


def test_a_preview_shows_what_is_left(folder: Path) -> None:
    """The payload is made of the result; without the setting it is made of the event."""
    event, result = json.loads(block("json event")), json.loads(block("json result"))
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    known = {"messageId": "2f4c1c8e-64f0-4a7b-9d5b-3c1c0f0a7e11", "timestamp": now}
    event, result = event | known, result | known
    settings, bare = loaded(folder, block("yaml privacy")), loaded(folder, "")
    assert preview(settings, event) == preview(bare, result)
    assert "4111" in preview(bare, event)


def test_an_explanation_shows_what_is_left(folder: Path) -> None:
    """What a trigger or a field read is the hidden form as well."""
    event = json.dumps(json.loads(block("json event")))
    for text, shows in (("", True), (block("yaml privacy"), False)):
        (explained,) = workbench.explain(loaded(folder, text), "moesif-prod", io.BytesIO(event.encode()))
        assert ("4111" in json.dumps(explained)) is shows
        assert explained[0]["subscriptions"]


def test_the_mapping_hash_changes(folder: Path) -> None:
    """Privacy is part of what decides what comes out, and each change of it shows."""
    texts = ["", block("yaml privacy"), "privacy: {drop: [$.context.ip]}", "privacy: {drop: [$.context.os]}"]
    plans = [building.build_plan("d", loaded(folder, text).destinations["moesif-prod"])[1] for text in texts]
    assert len({plan.hash for plan in plans}) == len(texts)
    assert {len(plan.hash) for plan in plans} == {12}


@pytest.mark.parametrize(
    ("text", "covers"),
    [("", False), ("privacy: {drop: [$.a]}", False), ("privacy: {drop: [$.a], dead_letters: true}", True)],
)
def test_dead_letters_are_covered_only_when_asked(folder: Path, text: str, covers: bool) -> None:  # noqa: FBT001 - a table
    """What the pipeline gets is the plan's own privacy, or nothing."""
    _, plan = building.build_plan("d", loaded(folder, text).destinations["moesif-prod"])
    assert (plan.letter_privacy is not None) is covers


def test_listed_users_are_skipped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each id of the page's file stops its user's events, and nobody else's."""
    monkeypatch.chdir(folder)
    (folder / "suppressed-ids.txt").write_text(block("text ids"), encoding="utf-8")
    settings = loaded(folder, block("yaml suppressed"))
    users: list[Any] = ["u-1042", 501, "3f0c1b52-6d7e-4a10-9b1c-2e5d8f7a4c31", "u-1043"]
    lines = preview(settings, *({"type": "alias", "userId": user} for user in users)).splitlines()
    assert [json.loads(line)["skipped"] for line in lines] == ["suppressed_user"] * 3 + ["alias_unsupported"]


def test_the_settings_are_on_the_page() -> None:
    """Each thing that is done has its line, in the order in which it is done."""
    done = [name for name in PrivacySettings.model_fields if name != "dead_letters"]
    assert [name for name, _ in rows(PAGE, "setting", "what happens")] == done
