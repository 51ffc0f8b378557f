"""What commands without keys say of a salt that is not there."""

from __future__ import annotations

from pathlib import Path

from tests.unit.cli.test_cli_commands import typed

FILE = """
kafka: {bootstrap_servers: "localhost:9092", topics: [events]}
destinations:
  crm:
    type: moveo
    start: earliest
    settings: {api_key: {env: MOVEO_API_KEY}}
    privacy: {hash: {paths: [userId], salt: {env: A_SALT}}}
"""
EVENT = b'{"type": "track", "event": "Opened", "userId": "u1", "messageId": "m1"}\n'


def test_a_missing_salt_is_warned_of(tmp_path: Path) -> None:
    """Hashes that are shown are then not those that the vendor gets; with the salt at hand nothing is said."""
    path = tmp_path / "bridge.yaml"
    path.write_text(FILE, encoding="utf-8")
    for command in ("preview", "explain"):
        found = typed(command, "--config", path, "--destination", "crm", stdin=EVENT)
        warning = "warning: destinations.crm.privacy.hash.salt: environment variable A_SALT is not set"
        assert (found.returncode, found.stderr.decode()[: len(warning)]) == (0, warning)
    found = typed("preview", "--config", path, "--destination", "crm", stdin=EVENT, keys={"A_SALT": "pepper"})
    assert (found.returncode, found.stderr) == (0, b"")


def test_only_salts_that_matter_are_warned_of(tmp_path: Path) -> None:
    """Those of the destination that is looked at, in both files of a comparison; one of both is named once."""
    old, new, events = tmp_path / "old.yaml", tmp_path / "new.yaml", tmp_path / "events.jsonl"
    other = FILE[FILE.index("  crm:") :].replace("crm:", "other:").replace("A_SALT", "OTHER_SALT")
    old.write_text(FILE + other, encoding="utf-8")
    new.write_text(FILE.replace("A_SALT", "NEW_SALT") + other, encoding="utf-8")
    events.write_bytes(EVENT)
    found = typed("preview", "--config", old, "--destination", "crm", stdin=EVENT, keys={"A_SALT": "pepper"})
    assert (found.returncode, found.stderr) == (0, b"")
    said = typed("diff", old, new, events, "--destination", "crm", keys={"NEW_SALT": "pepper"}).stderr.decode()
    assert (said.count("A_SALT is not set"), said.count("warning")) == (1, 1)
    said = typed("diff", old, old, events, "--destination", "crm").stderr.decode()
    assert said.count("A_SALT is not set") == 1
