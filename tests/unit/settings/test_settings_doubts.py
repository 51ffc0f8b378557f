"""What is odd about right settings: told with the place that it has in the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from processor.checking import check
from processor.config import load_document
from processor.settings import load_settings

FILE = """\
kafka: {bootstrap_servers: "localhost:9092", topics: [events]}
destinations:
  crm:
    type: moengage
    start: latest
    settings: {api_id: WKSPACE7, api_key: {env: MOENGAGE_API_KEY}, region: DC_02}
    subscriptions:
      - name: Right
        trigger: type = "track"
        action: trackEvent
        mapping: {event: {"@path": $.event}, userId: {"@path": $.userId}}
      - name: Own
        trigger: type = "track"
        action: trackEvent
        mapping:
          event: {"@path": $.event}
          userId: 0
      - partnerAction: identifyUser
        subscribe: type = "identify" and event = "a" or event = "b"
        fields: {userId: {"@path": $.userId}, traits: text}
      - name: State
        action_slug: identifyUser
        trigger: type = "identify"
        settings: '{"userId": 0}'
    filters:
      - {if: "foo(", actions: [{type: DROP}], enabled: true}
"""
USER = "this is a number for every event, which the vendor gets nothing of; allowed: an id of two characters or more"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file that is right and odd."""
    monkeypatch.setenv("MOENGAGE_API_KEY", "k")
    path = tmp_path / "odd.yaml"
    path.write_text(FILE, encoding="utf-8")
    return path


def test_doubts_name_file_line_and_key(file: Path) -> None:
    """A place is that of the spelling which the file has; in a mapping as JSON text it is that of the text."""
    found = check(load_settings(file), online=False, document=load_document(file))
    assert found.problems == []
    where = [warning.partition(": subscription")[0].partition(": filter")[0] for warning in found.warnings]
    assert where == [
        f"{file}:17:19: destinations.crm.subscriptions[1].mapping.userId",
        f"{file}:19:20: destinations.crm.subscriptions[2].subscribe",
        f"{file}:20:55: destinations.crm.subscriptions[2].fields.traits",
        f"{file}:24:9: destinations.crm.subscriptions[3].settings.userId",
        f"{file}:26:9: destinations.crm.filters[0]",
    ]
    assert f"subscription 'Own': {USER}" in found.warnings[0]
    assert "filter 'foo(': at character 1: there is no function foo: no event passes it" in found.warnings[4]


def test_doubts_without_a_file_have_their_key(file: Path) -> None:
    """A caller that has settings alone is told the key."""
    found = check(load_settings(file), online=False)
    assert found.warnings[0].startswith(f"destinations.crm.subscriptions[1].mapping.userId: subscription 'Own': {USER}")
