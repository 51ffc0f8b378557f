"""The hash of the settings that a process runs with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from processor.settings import load_settings
from processor.settings.fingerprint import config_hash

CONTENT: Mapping[str, Any] = {
    "kafka": {"bootstrap_servers": "127.0.0.1:1", "topics": ["events"]},
    "destinations": {
        "one": {
            "type": "moesif",
            "start": "latest",
            "settings": {"application_id": {"env": "KEY"}, "enabled_types": ["track", "page"]},
        },
        "two": {"type": "moesif", "start": "latest", "settings": {"application_id": {"env": "KEY"}}},
    },
}
SCRIPT = """
import sys
from processor.settings import load_settings
from processor.settings.fingerprint import config_hash
settings = load_settings(sys.argv[1])
print(config_hash(settings, settings.destinations["one"]))
"""


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a key."""
    monkeypatch.setenv("KEY", "a-made-up-key")


def _hash(folder: Path, *changes: tuple[tuple[str, ...], object]) -> str:
    """Return the hash of the first destination with changes, each a path and a value."""
    content = json.loads(json.dumps(CONTENT))
    for path, value in changes:
        place = content
        for step in path[:-1]:
            place = place.setdefault(step, {})
        place[path[-1]] = value
    file = folder / "bridge.yaml"
    file.write_text(json.dumps(content), encoding="utf-8")
    settings = load_settings(file)
    return config_hash(settings, settings.destinations["one"])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("destinations", "one", "settings", "enabled_types"), ["track"]),
        (("destinations", "one", "delivery", "max_in_flight"), 3),
        (("destinations", "one", "filters"), [{"if": "type = 'page'", "actions": [{"type": "drop"}]}]),
        (("kafka", "topics"), ["other"]),
        (("dead_letters", "topic"), "other"),
    ],
)
def test_another_setting_is_another_hash(tmp_path: Path, path: tuple[str, ...], value: object) -> None:
    """What the destination runs with decides: its own part, its vendor's settings, and what all share."""
    assert _hash(tmp_path) != _hash(tmp_path, (path, value))


def test_what_another_destination_is_told_changes_nothing(tmp_path: Path) -> None:
    """Its processes need no restart, so their hash stays."""
    assert _hash(tmp_path) == _hash(tmp_path, (("destinations", "two", "delivery", "max_in_flight"), 3))


def test_a_rotated_key_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No part of a secret is in the hash."""
    before = _hash(tmp_path)
    monkeypatch.setenv("KEY", "another-made-up-key")
    assert before == _hash(tmp_path)


def test_every_process_comes_to_the_same_hash(tmp_path: Path) -> None:
    """Nothing in it depends on the order in which a process keeps a set."""
    expected = _hash(tmp_path)
    for seed in ("1", "2", "3"):
        command = [sys.executable, "-c", SCRIPT, str(tmp_path / "bridge.yaml")]
        environ = {**os.environ, "PYTHONHASHSEED": seed}
        assert subprocess.check_output(command, env=environ, text=True).strip() == expected
