"""The registry of vendors, and what every vendor's folder must keep."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from processor.config.secret import PLAIN_SECRETS
from processor.destinations import REGISTRY, destination_class
from processor.destinations.base import Destination
from processor.destinations.plan import DEFAULT, Plan
from processor.mapping import SubscriptionSettings
from tests.golden_cases import REQUIRED

VENDORS = ("moesif", "moveo")


def _destination(vendor: str, **settings: Any) -> Destination:  # noqa: ANN401 - any setting
    """Return a vendor with plain settings."""
    found = destination_class(vendor)
    model = found.settings_model.model_validate(REQUIRED[vendor] | settings, context={PLAIN_SECRETS: True})
    return found.create(f"{vendor}-test", model)


def test_registry_names_the_vendors() -> None:
    """The type names are those of the configuration file, and each class knows its own."""
    assert {"moveo", "moesif", "moengage"} <= set(REGISTRY)
    assert [destination_class(name).type for name in REGISTRY] == list(REGISTRY)
    assert len(REGISTRY) == len(list(REGISTRY))


def test_vendors_are_imported_when_asked_for() -> None:
    """Importing the registry imports no vendor, so that a process loads only its own."""
    code = (
        "import sys, processor.destinations as d; list(d.REGISTRY);"
        "folders = tuple(f'processor.destinations.{name}' for name in d.REGISTRY);"
        "assert not any(m.startswith(folders) for m in sys.modules);"
        "assert d.destination_class('moveo').type == 'moveo'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_vendor_is_a_key_error() -> None:
    """A type that no vendor has is not found."""
    with pytest.raises(KeyError):
        destination_class("mixpanel")


@pytest.mark.parametrize("vendor", VENDORS)
def test_presets_are_the_fields_defaults(vendor: str) -> None:
    """Presets and field tables say the same: docs are made of one and events of the other."""
    destination = _destination(vendor)

    for preset in destination.presets():
        defaults = {field.name: field.default for field in destination.actions[preset["action"]].fields}
        assert preset["mapping"] == {name: default for name, default in defaults.items() if default is not None}


@pytest.mark.parametrize("vendor", VENDORS)
def test_presets_pass_as_a_written_list(vendor: str) -> None:
    """Whoever copies the presets into a file gets the same plan."""
    destination = _destination(vendor)
    written = [SubscriptionSettings.model_validate(preset) for preset in destination.presets()]

    assert Plan.compile(destination, written).hash == Plan.compile(destination, DEFAULT).hash


@pytest.mark.parametrize("vendor", VENDORS)
def test_presets_are_the_callers_own(vendor: str) -> None:
    """Changing what was handed out changes nothing for the next caller."""
    destination = _destination(vendor)
    destination.presets()[0]["mapping"].clear()

    assert destination.presets()[0]["mapping"]


@pytest.mark.parametrize("vendor", VENDORS)
def test_descriptions_are_written(vendor: str) -> None:
    """Docs are generated from these texts: every action, field and setting has one that ends as a sentence."""
    destination = _destination(vendor)
    texts = [destination.summary + "."]
    for action in destination.actions.values():
        texts += [action.description, *(field.description for field in action.fields)]
    texts += [field.description or "" for field in destination.settings_model.model_fields.values()]

    assert [text for text in texts if len(text) < 10 or not text.endswith(".")] == []


@pytest.mark.parametrize("vendor", VENDORS)
def test_settings_that_mean_limits_name_limits(vendor: str) -> None:
    """Each spelling stands in the settings model and each limit is one of an endpoint."""
    destination = _destination(vendor)
    limits = {"max_batch_count", "max_wait_ms", "max_body_bytes"}
    schema = destination.settings_model.model_json_schema()

    assert set(destination.limit_settings.values()) <= limits
    assert set(destination.limit_settings) <= set(schema["properties"])


@pytest.mark.parametrize("vendor", VENDORS)
def test_headers_name_program_and_key(vendor: str) -> None:
    """Every endpoint's headers hold the key and who is calling."""
    destination = _destination(vendor)

    for endpoint in destination.endpoints.values():
        headers = destination.headers(endpoint, b"", 0)
        assert headers["User-Agent"].startswith("segment-bridge/")
        assert "example-key" in headers.values()
        assert headers["Content-Type"].startswith("application/json")


@pytest.mark.parametrize("vendor", VENDORS)
def test_rotated_key_is_read_again(vendor: str, tmp_path: Any) -> None:  # noqa: ANN401 - pytest's path
    """After a reload the headers carry the new key of the mounted file."""
    file = tmp_path / "key"
    file.write_text("first")
    (setting,) = REQUIRED[vendor]
    destination = _destination(vendor, **{setting: {"file": str(file)}})
    endpoint = next(iter(destination.endpoints.values()))
    assert "first" in destination.headers(endpoint, b"", 0).values()

    file.write_text("second")
    destination.reload_secrets()

    assert "second" in destination.headers(endpoint, b"", 0).values()
