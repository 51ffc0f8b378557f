"""The cut of the page of migration is where it says: by the time at which Segment received an event."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from processor.checking import Findings, check
from processor.destinations.filters import Filters, FilterSettings
from processor.model import Record, Skipped
from processor.settings import load_settings
from tests.markdown_pages import blocks, page_text

PAGE = page_text("docs/migration-from-segment.md")
(FILTER,) = (block.text for block in blocks(PAGE) if block.text.startswith("filters:"))
(MINUTES,) = re.findall(r"`or (match\(.+?\))` to the condition", PAGE)
KAFKA = "kafka:\n  bootstrap_servers: localhost:9092\n  topics: [segment-events]\n"


def is_dropped(received_at: str, extra: str = "") -> bool:
    """Return whether the page's filter, with a condition behind its own, drops what was received then."""
    (listed,) = YAML(typ="safe").load(io.StringIO(FILTER))["filters"]
    condition = f"{listed['if']} or {extra}" if extra else listed["if"]
    settings = FilterSettings.model_validate(listed | {"if": condition})
    event = {"type": "track", "receivedAt": received_at}
    return isinstance(Filters([settings]).apply(event, Record("t", 0, 0, 0)), Skipped)


@pytest.mark.parametrize(
    ("received_at", "dropped"),
    [
        ("2026-01-31T00:00:00.000Z", True),
        ("2026-01-31T06:12:00.000Z", True),
        ("2026-01-31T07:50:00.000Z", True),
        ("2026-01-31T07:59:59.999Z", True),
        ("2026-01-31T08:00:00.000Z", False),
        ("2026-01-31T12:07:00.000Z", False),
    ],
)
def test_the_filter_cuts_at_the_hour(received_at: str, dropped: bool) -> None:  # noqa: FBT001 - a column of a table
    """What Segment received before the hour is dropped, and nothing of what came after."""
    assert dropped == is_dropped(received_at)


@pytest.mark.parametrize(
    ("received_at", "dropped"),
    [("2026-01-31T07:59:59.999Z", True), ("2026-01-31T08:04:59.999Z", True), ("2026-01-31T08:05:00.000Z", False)],
)
def test_the_longer_condition_cuts_at_the_minute(received_at: str, dropped: bool) -> None:  # noqa: FBT001 - the same
    """The condition that the page adds moves the cut to the minute that it names."""
    assert dropped == is_dropped(received_at, MINUTES)


@pytest.mark.parametrize("destinations", [one.text for one in blocks(PAGE) if one.text.startswith("destinations:")])
def test_destinations_of_the_page_are_fine(destinations: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both destinations are right once a Kafka stands above them, with their key where they look for it."""
    key = tmp_path / "application-id"
    key.write_text("moesif-example-application-id")
    monkeypatch.setenv("TRIAL_APPLICATION_ID", "moesif-example-application-id")
    path = tmp_path / "segment-bridge.yaml"
    path.write_text(KAFKA + destinations.replace("/etc/segment-bridge/moesif/application-id", str(key)))
    assert Findings.none() == check(load_settings(path), online=False)
