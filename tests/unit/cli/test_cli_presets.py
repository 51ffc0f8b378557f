"""The command that prints presets to copy and change."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from processor import workbench
from processor.destinations import REGISTRY, destination_class
from processor.destinations.plan import Plan
from processor.mapping import SubscriptionSettings
from processor.settings import load_without_secrets
from tests.unit.cli.test_cli_commands import typed

FILE = """\
kafka: {bootstrap_servers: localhost:9092, topics: [t]}
destinations:
  crm:
    type: moesif
    start: latest
    settings: {application_id: {env: TEST_UNSET}, company_id_paths: {track: [$.properties.org]}}
"""


@pytest.mark.parametrize("vendor", sorted(REGISTRY))
def test_a_vendor_is_printed_as_its_file(vendor: str) -> None:
    """Comments included, and what is printed loads as subscriptions."""
    result = typed("presets", vendor)
    assert result.returncode == 0, result.stderr.decode()
    assert result.stdout.decode() == workbench.vendor_presets(vendor)
    for one in YAML(typ="safe").load(result.stdout.decode()):
        SubscriptionSettings.model_validate(one)


def test_a_destination_is_printed_as_its_settings_shape_it(tmp_path: Path) -> None:
    """Pasted under `subscriptions` they do what `default` does; no secret is needed."""
    path = tmp_path / "bridge.yaml"
    path.write_text(FILE)
    result = typed("presets", "crm", "--config", path)
    assert result.returncode == 0, result.stderr.decode()
    own = load_without_secrets(path).destinations["crm"]
    destination = destination_class("moesif").create("crm", own.settings)
    printed = YAML(typ="safe").load(result.stdout.decode())
    assert printed == destination.presets()
    assert printed[0]["mapping"]["company_id"] == [{"@path": "$.properties.org"}]
    default = Plan.compile(destination, "default")
    pasted = [SubscriptionSettings.model_validate(one) for one in printed]
    plain = destination_class("moesif").create("crm", own.settings.model_copy(update={"company_id_paths": {}}))
    plain.settings.model_fields_set.discard("company_id_paths")
    assert Plan.compile(plain, pasted).hash == default.hash


def test_a_slip_is_answered_with_the_nearest() -> None:
    """Exit code 2, and all that there are."""
    result = typed("presets", "moesf")
    assert result.returncode == 2
    answer = f"no vendor is called 'moesf'; did you mean 'moesif'? There are: {', '.join(REGISTRY)}\n"
    assert answer in result.stderr.decode()
