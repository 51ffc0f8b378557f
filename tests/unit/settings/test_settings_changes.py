"""What of a changed file may be taken over by a running destination, and what asks for a restart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from processor.destinations import REGISTRY
from processor.errors import ConfigError
from processor.settings import DestinationSettings, Settings, load_settings
from processor.settings.changes import Changes, changes, soft_settings, taken_over
from tests.bridge_process import merged

LIST = [{"name": "all", "trigger": 'type = "track"', "action": "setGroupAttributes", "mapping": {"groupId": "g"}}]
BASE: dict[str, Any] = {
    "kafka": {"bootstrap_servers": "127.0.0.1:1", "topics": ["events"], "properties": {"client.rack": "a"}},
    "destinations": {
        "one": {
            "type": "moengage",
            "start": "earliest",
            "settings": {"api_id": "W", "api_key": {"file": "key"}, "region": "DC_01"},
            "privacy": {"hash": {"paths": ["$.userId"], "salt": {"file": "salt"}}},
        }
    },
    "reload": True,
}


def own(part: object) -> dict[str, Any]:
    """Return a change to the one destination."""
    return {"destinations": {"one": part}}


def setting(settings: DestinationSettings, name: str) -> Any:  # noqa: ANN401 - any setting
    """Return one of the vendor's settings."""
    return getattr(settings.settings, name)


class Files:
    """A folder with secrets, in which files of settings are loaded."""

    def __init__(self, folder: Path) -> None:
        """Write the secrets."""
        self._folder = folder
        self.write("key", "k1")
        self.write("salt", "s1")

    def write(self, name: str, text: str) -> None:
        """Write a secret."""
        (self._folder / name).write_text(text, encoding="utf-8")

    def load(self, change: Mapping[str, Any]) -> Settings:
        """Return the settings with a change."""
        path = self._folder / "bridge.json"
        path.write_text(json.dumps(merged(BASE, change)), encoding="utf-8")
        return load_settings(path)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    """Return a folder in which relative paths of secrets lead to files."""
    monkeypatch.chdir(tmp_path)
    return Files(tmp_path)


@pytest.mark.parametrize(
    ("change", "taken", "left"),
    [
        ({}, (), ()),
        (own({"subscriptions": LIST}), ("destinations.one.subscriptions",), ()),
        (own({"filters": [{"if": "true", "actions": [{"type": "DROP"}]}]}), ("destinations.one.filters",), ()),
        (own({"privacy": {"drop": ["$.a"]}}), ("destinations.one.privacy.drop",), ()),
        (own({"privacy": None}), ("destinations.one.privacy",), ()),
        (own({"privacy": {"hash": {"salt": {"file": "key"}}}}), ("destinations.one.privacy.hash.salt",), ()),
        (own({"suppressed_users": {"file": "key"}}), ("destinations.one.suppressed_users",), ()),
        (own({"suppressed_users": {"topic": "users"}}), (), ("destinations.one.suppressed_users",)),
        (
            own({"settings": {"consent_categories": ["ads"], "skip_sent_by_device": True}}),
            ("destinations.one.settings.consent_categories", "destinations.one.settings.skip_sent_by_device"),
            (),
        ),
        (own({"settings": {"filter": {"plan": ["pro"]}}}), ("destinations.one.settings.filter.plan",), ()),
        (own({"settings": {"page_events": True}}), ("destinations.one.settings.page_events",), ()),
        (own({"settings": {"users_per_minute": 60}}), ("destinations.one.settings.users_per_minute",), ()),
        (
            own({"delivery": {"rate_limit": {"requests_per_second": 5}}}),
            ("destinations.one.delivery.rate_limit.requests_per_second",),
            (),
        ),
        (own({"settings": {"region": "DC_02"}}), (), ("destinations.one.settings.region",)),
        (own({"settings": {"api_key": {"file": "salt"}}}), (), ("destinations.one.settings.api_key",)),
        (own({"delivery": {"max_in_flight": 3}}), (), ("destinations.one.delivery.max_in_flight",)),
        (own({"deliver": False}), (), ("destinations.one.deliver",)),
        (
            own({"subscriptions": LIST, "delivery": {"http": {"connect_timeout_s": 3}}}),
            ("destinations.one.subscriptions",),
            ("destinations.one.delivery.http.connect_timeout_s",),
        ),
        ({"reload": False}, (), ("reload",)),
        ({"kafka": {"topics": ["other"]}}, (), ("kafka.topics",)),
        (
            {"kafka": {"properties": {"client.rack": "b", "client.dns.lookup": "use_all_dns_ips"}}},
            (),
            ("kafka.properties.client.rack", "kafka.properties.client.dns.lookup"),
        ),
        ({"operations": {"logs": {"level": "debug"}}}, (), ("operations.logs.level",)),
        ({"destinations": {"two": {**BASE["destinations"]["one"], "group_id": "g"}}}, (), ()),
    ],
)
def test_what_differs_is_taken_or_left(
    files: Files, change: dict[str, Any], taken: tuple[str, ...], left: tuple[str, ...]
) -> None:
    """Each change is named by its key, on the right side; another destination is none of this process's business."""
    assert changes(files.load({}), files.load(change), "one") == Changes(taken, left)


def test_another_vendor_takes_nothing_over(files: Files) -> None:
    """With the vendor everything else has another meaning."""
    old = files.load({})
    moveo = {"type": "moveo", "start": "latest", "settings": {"api_key": {"file": "key"}}}
    new = old.model_copy(update=own(_moveo(files, moveo)))
    assert changes(old, new, "one") == Changes((), ("destinations.one.type",))
    assert taken_over(old.destinations["one"], new.destinations["one"]) is old.destinations["one"]


def _moveo(files: Files, part: dict[str, Any]) -> Any:  # noqa: ANN401 - settings of any vendor
    """Return the settings of a destination of another vendor."""
    return files.load({"destinations": {"two": part}}).destinations["two"]


def test_a_renewed_secret_is_no_change_and_is_not_taken(files: Files) -> None:
    """What is hashed keeps its salt, and what is sent its key, as long as both come from the same place."""
    old = files.load({})
    files.write("key", "k2")
    files.write("salt", "s2")
    new = files.load(own({"privacy": {"drop": ["$.a"]}}))
    assert changes(old, new, "one") == Changes(("destinations.one.privacy.drop",), ())
    took = taken_over(old.destinations["one"], new.destinations["one"])
    assert took.privacy is not None
    assert took.privacy.drop == ("$.a",)
    assert took.privacy.hash is not None
    assert took.privacy.hash.salt is not None
    assert took.privacy.hash.salt.reveal() == "s1"
    assert setting(took, "api_key") is setting(old.destinations["one"], "api_key")


def test_only_what_may_be_taken_is_taken(files: Files) -> None:
    """The rest stays as it was, and which settings a file says goes with what is taken."""
    old = files.load(own({"settings": {"page_events": True, "gzip": True}})).destinations["one"]
    change = {"settings": {"filter": {"plan": ["pro"]}, "gzip": False}, "delivery": {"max_in_flight": 3}}
    new = files.load(own({**change, "subscriptions": LIST})).destinations["one"]
    took = taken_over(old, new)
    assert (setting(took, "filter"), setting(took, "gzip")) == ({"plan": ("pro",)}, True)
    assert "page_events" not in took.settings.model_fields_set, "a list of subscriptions refuses it"
    assert took.delivery == old.delivery
    assert took.subscriptions == new.subscriptions


def test_what_does_not_go_with_the_rest_is_refused(files: Files) -> None:
    """Pages need a mode that only a restart brings."""
    old = files.load(own({"settings": {"mode": "segment_private"}})).destinations["one"]
    new = files.load(own({"settings": {"page_events": True}})).destinations["one"]
    with pytest.raises(ConfigError, match="page_events needs mode bulk"):
        taken_over(old, new)


@pytest.mark.parametrize("type_name", REGISTRY)
def test_soft_settings_are_settings_of_the_vendor(type_name: str) -> None:
    """No name is misspelled, and no key or address is among them."""
    model = REGISTRY[type_name].settings_model
    assert soft_settings(type_name) <= model.model_fields.keys()
    hard = {"api_key", "application_id", "base_url", "endpoint", "region", "api_id", "gzip"}
    assert not soft_settings(type_name) & hard
