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
