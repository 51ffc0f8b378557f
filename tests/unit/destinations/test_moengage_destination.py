"""MoEngage's settings, endpoints, headers, probe and presets."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from processor.config.secret import PLAIN_SECRETS
from processor.destinations import destination_class
from processor.destinations.base import FairUse
from processor.destinations.moengage.destination import MoEngageDestination
from processor.destinations.moengage.quotas import Names
from processor.destinations.moengage.settings import MoEngageSettings
from processor.destinations.plan import Plan
from processor.errors import ConfigError
from processor.mapping import SubscriptionSettings
from processor.model import Record

REQUIRED: dict[str, Any] = {"api_id": "WKSPACE7EXAMPLE", "api_key": "example-key", "region": "DC_03"}
NOW_MS = 1_773_576_000_000


def _settings(**settings: Any) -> MoEngageSettings:  # noqa: ANN401 - plain settings
    """Return validated settings."""
    return MoEngageSettings.model_validate(REQUIRED | settings, context={PLAIN_SECRETS: True})


def _destination(**settings: Any) -> MoEngageDestination:  # noqa: ANN401 - plain settings
    """Return a destination with these settings."""
    return MoEngageDestination.create("moengage", _settings(**settings))


@pytest.mark.parametrize(
    ("region", "host"),
    [("DC_01", "api-01"), ("DC_06", "api-06"), ("DC_101", "api-101")],
)
def test_host_is_that_of_the_region(region: str, host: str) -> None:
    """Every request goes to the data centre that the settings name."""
    destination = _destination(region=region)

    for endpoint in destination.endpoints.values():
        assert endpoint.url.startswith(f"https://{host}.moengage.com/v1/")
    assert destination.probe is not None
    assert destination.probe.url == f"https://{host}.moengage.com/v1/integrations/authentication"


@pytest.mark.parametrize(
    "settings",
    [
        {"region": "DC_07"},
        {"region": "dc_01"},
        {"api_id": ""},
        {"api_id": "a:b"},
        {"api_id": "WKSPACE7EXAMPLE", "app_id": "WKSPACE7EXAMPLE"},
        {"base_url": "http://stand-in.example"},
        {"base_url": "ftp://127.0.0.1"},
        {"allow_anonymous": True},
        {"mode": "segment_private", "page_events": True},
        {"mode": "segment_private", "device_elements": True},
        {"max_request_bytes": 100_000},
        {"x_forwarded_for": "1.2.3.4\r\nX: y"},
        {"key_case": "camel"},
        {"colour": "blue"},
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any]) -> None:
    """Unknown regions are never guessed, and settings that contradict each other are refused before the start."""
    with pytest.raises(ValidationError):
        _settings(**settings)


def test_workspace_id_has_three_spellings() -> None:
    """The workspace id is taken under each of the names that MoEngage and Segment give it."""
    without = {key: value for key, value in REQUIRED.items() if key != "api_id"}
    for name in ("api_id", "app_id", "workspace_id"):
        read = MoEngageSettings.model_validate({**without, name: "W1"}, context={PLAIN_SECRETS: True})
        assert read.api_id == "W1"


def test_key_case_follows_the_mode() -> None:
    """Bulk converts keys as Segment's classic destination did, Segment's endpoint leaves them alone."""
    assert _settings().keys == "snake"
    assert _settings(mode="segment_private").keys == "preserve"
    assert _settings(mode="segment_private", key_case="snake").keys == "snake"


def test_endpoints_share_one_order_of_users() -> None:
    """A user's merge, deletion and elements keep one order, whatever endpoint they go to."""
    for settings in ({}, {"mode": "segment_private"}):
        scopes = {endpoint.scope for endpoint in _destination(**settings).endpoints.values()}
        assert len(scopes) == 1


def test_bulk_endpoint_keeps_the_limits_of_the_settings() -> None:
    """Count, bytes, project and compression of the bulk import are those of the settings."""
    bulk = _destination(
        base_url="http://127.0.0.1:8080/", max_elements=7, max_request_bytes=5000, project_code="p 1", gzip=True
    ).endpoints["bulk"]

    assert bulk.url == "http://127.0.0.1:8080/v1/transition/WKSPACE7EXAMPLE?project_code=p%201"
    assert (bulk.max_batch_count, bulk.max_body_bytes, bulk.gzip) == (7, 5000, True)
    assert msgspec.json.decode(bulk.envelope.join([b"1", b"2"], NOW_MS)) == {"type": "transition", "elements": [1, 2]}


def test_merge_joins_pairs_and_others_stand_alone() -> None:
    """A merge holds up to fifty pairs; a deletion and a message for Segment's endpoint are a request each."""
    endpoints = _destination(mode="segment_private").endpoints
    merge = endpoints["merge"]

    assert merge.max_batch_count == 50
    assert msgspec.json.decode(merge.envelope.join([b"1", b"2"], NOW_MS)) == {"merge_data": [1, 2]}
    for name in ("delete", "segment"):
        assert endpoints[name].max_batch_count == 1
        assert endpoints[name].envelope.join([b"{}"], NOW_MS) == b"{}"


def test_workspace_id_is_escaped_in_addresses() -> None:
    """A workspace id with characters of its own cannot change the address."""
    assert _destination(api_id="a/b?c").endpoints["bulk"].url.endswith("/v1/transition/a%2Fb%3Fc")


def test_headers_carry_the_key() -> None:
    """Requests carry Basic authentication and the workspace id; Segment's endpoint only what Segment sends."""
    destination = _destination(x_forwarded_for="203.0.113.9", mode="segment_private")
    headers = destination.headers(destination.endpoints["merge"], b"", 0)

    scheme, _, credentials = headers["Authorization"].partition(" ")
    assert (scheme, b64decode(credentials)) == ("Basic", b"WKSPACE7EXAMPLE:example-key")
    assert headers["Content-Type"] == "application/json"
    assert headers["MOE-APPKEY"] == "WKSPACE7EXAMPLE"
    assert headers["X-Forwarded-For"] == "203.0.113.9"
    assert "MOE-APPKEY" not in destination.headers(destination.endpoints["segment"], b"", 0)
    assert "X-Forwarded-For" not in _destination().headers(_destination().endpoints["bulk"], b"", 0)


def test_key_is_read_again_and_never_shown(tmp_path: Path) -> None:
    """A rotated key reaches headers and probe at the next reload, and no repr shows it."""
    file = tmp_path / "key"
    file.write_text("first-key", encoding="utf-8")
    destination = _destination(api_key={"file": str(file)})
    file.write_text("second-key", encoding="utf-8")

    destination.reload_secrets()

    credentials = destination.headers(destination.endpoints["bulk"], b"", 0)["Authorization"].split()[1]
    assert b64decode(credentials) == b"WKSPACE7EXAMPLE:second-key"
    assert destination.probe is not None
    assert msgspec.json.decode(destination.probe.body) == {
        "app_id": "WKSPACE7EXAMPLE",
        "app_secret": "second-key",
        "source": "test",
        "region": "03",
    }
    assert "second-key" not in repr(destination.probe) + repr(destination.settings)


def test_presets_follow_the_settings() -> None:
    """The presets of calls that settings leave off are there, and not enabled."""
    enabled = [preset["action"] for preset in _destination().presets() if preset["enabled"]]
    more = _destination(page_events=True, screen_events=True, group_attributes=True, alias="merge", delete_users=True)

    assert enabled == ["trackEvent", "identifyUser"]
    assert all(preset["enabled"] for preset in more.presets())
    assert {preset["action"] for preset in more.presets()} == more.actions.keys()


def test_presets_are_the_default_mappings_of_the_fields() -> None:
    """A preset maps exactly the fields that have a default, by that default, so that the two cannot drift apart."""
    destination = _destination()
    for preset in destination.presets():
        fields = destination.actions[preset["action"]].fields
        assert preset["mapping"] == {field.name: field.default for field in fields if field.default is not None}


def test_subscriptions_pasted_from_segment_run() -> None:
    """A subscription as Segment exports it gives elements without any change to it."""
    path = {
        name: {"@path": f"$.{name}"} for name in ("type", "event", "userId", "anonymousId", "timestamp", "properties")
    }
    context = {
        "os_name": {"@path": "$.context.os.name"},
        "app_version": {"@path": "$.context.app.version"},
        "library_version": {"@path": "$.context.library.version"},
    }
    mapping = path | context | {"project_name": "", "update_existing_only": False}
    pasted = SubscriptionSettings(name="Track", trigger='type = "track"', action="trackEvent", mapping=mapping)
    event = {"type": "track", "event": "E", "userId": "cust-4711", "properties": {"aB": 1}}

    mapped = Plan.compile(_destination(), [pasted]).map(event, Record("t", 0, 1, NOW_MS), NOW_MS)

    element = msgspec.json.decode(mapped.payloads[0].body)
    assert element["actions"][0]["attributes"] == {"a_b": 1}


def test_settings_of_presets_are_refused_beside_a_list() -> None:
    """A setting that would have no effect beside a list of subscriptions is refused."""
    pasted = SubscriptionSettings(
        name="Delete", trigger='type = "delete"', action="deleteUser", mapping={"userId": {"@path": "$.userId"}}
    )

    with pytest.raises(ConfigError, match="delete_users"):
        Plan.compile(_destination(delete_users=True), [pasted])
    assert (
        Plan.compile(_destination(), [pasted])
        .map({"type": "delete", "userId": "u-1"}, Record("t", 0, 1, 0), 0)
        .payloads
    )


def test_test_environment_has_a_workspace_id_of_its_own() -> None:
    """Addresses, credentials, header and probe all name the test environment; an id that names it already stays."""
    for api_id in ("WKSPACE7EXAMPLE", "WKSPACE7EXAMPLE_DEBUG"):
        destination = _destination(environment="test", api_id=api_id)
        headers = destination.headers(destination.endpoints["bulk"], b"", 0)
        assert destination.endpoints["bulk"].url.endswith("/v1/transition/WKSPACE7EXAMPLE_DEBUG")
        assert destination.endpoints["merge"].url.endswith("?app_id=WKSPACE7EXAMPLE_DEBUG")
        assert headers["MOE-APPKEY"] == "WKSPACE7EXAMPLE_DEBUG"
        assert b64decode(headers["Authorization"].removeprefix("Basic ")) == b"WKSPACE7EXAMPLE_DEBUG:example-key"
        assert destination.probe is not None
        assert msgspec.json.decode(destination.probe.body)["app_id"] == "WKSPACE7EXAMPLE_DEBUG"


def test_limits_are_those_of_the_settings() -> None:
    """Elements, requests and single users have limits, each a setting; fair use can be switched off."""
    destination = _destination(merges_per_minute=60, requests_per_second=7, fair_use_share=0.5)

    assert destination.rate_limits == {
        "users": pytest.approx(10_000 / 60),
        "events": 500.0,
        "devices": pytest.approx(10_000 / 60),
        "requests": 7,
        "requests:merge": 1.0,
        "requests:delete": pytest.approx(5_000 / 60),
    }
    windows = ((60.0, 2_500.0), (300.0, 5_000.0), (3_600.0, 25_000.0), (86_400.0, 50_000.0))
    assert destination.fair_use == FairUse(windows, frozenset({"bulk", "segment"}))
    assert _destination(fair_use_share=None).fair_use is None


def test_names_that_count_towards_quotas_are_counted() -> None:
    """Different names of events and of user attributes are counted, however their bags are worked through."""
    destination = _destination(group_attributes=True)
    plan = Plan.compile(destination, "default")
    record = Record("t", 0, 1, NOW_MS)
    for event in (
        {"type": "track", "userId": "cust-1", "event": "A", "properties": {"x": 1}},
        {"type": "track", "userId": "cust-1", "event": "A"},
        {"type": "track", "userId": "cust-1", "event": "B"},
        {"type": "identify", "userId": "cust-1", "traits": {"plan": 1, "id": "x"}},
        {"type": "identify", "userId": "cust-1", "traits": {"plan": 1, "deep": {"a": 1}}},
        {"type": "group", "userId": "cust-1", "groupId": "g1", "traits": {"plan": 1}},
    ):
        assert plan.map(event, record, NOW_MS).payloads
    assert destination.gauges() == {"distinct_event_names": 2, "distinct_user_attributes": 3}
    assert _destination(mode="segment_private").gauges() == {}


def test_objects_that_count_towards_quotas_are_counted() -> None:
    """In native mode the attributes that were sent as objects are counted beside the names, of users and of events."""
    destination = _destination(nested="native", group_attributes=True)
    plan = Plan.compile(destination, "default")
    for event in (
        {"type": "track", "userId": "cust-1", "event": "A", "properties": {"x": {"y": 1}, "z": 1, "gone": {}}},
        {"type": "identify", "userId": "cust-1", "traits": {"plan": {"x": 1}, "pets": [{"x": 1}], "name": {"x": 1}}},
        {"type": "group", "userId": "cust-1", "groupId": "g1", "traits": {"plan": {"x": 1}}},
    ):
        assert plan.map(event, Record("t", 0, 1, NOW_MS), NOW_MS).payloads
    objects = {name: count for name, count in destination.gauges().items() if name.endswith("_objects")}
    assert objects == {"distinct_user_objects": 3, "distinct_event_objects": 1}


def test_names_are_counted_up_to_a_bound() -> None:
    """Names made of data fill no memory."""
    names = Names()
    for number in range(10_000):
        names.note(f"n{number}")
    names.note_all(["more"])
    assert len(names) == 2_000


def test_registry_knows_the_destination() -> None:
    """The type name in the YAML leads here."""
    assert destination_class("moengage") is MoEngageDestination
