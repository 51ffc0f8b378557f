"""MoEngage's rules hold for any JSON: nothing raises, payloads keep the schema, and both ways through a bag agree."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.config.secret import PLAIN_SECRETS
from processor.destinations import destination_class
from processor.destinations.base import Destination
from processor.destinations.moengage.answers import classify
from processor.destinations.moengage.attributes import MAX_EVENT_ATTRIBUTES, AttributeRules, Converter
from processor.destinations.moengage.keys import key_case, segment_warehouse, snake
from processor.destinations.moengage.names import MAX_NAME_CHARACTERS
from processor.destinations.plan import Plan
from processor.model import Answer, Decision, Payload, Record, Rejected, Skipped, Verdict
from tests.golden_cases import REQUIRED, payload_schema

NOW_MS = 1_773_576_000_000
RECORD = Record("segment.events", 3, 1042, NOW_MS - 1877)

SETTINGS: list[dict[str, Any]] = [
    {},
    {"key_case": "preserve", "device_elements": True, "unset_null_traits": True, "traits_id_as_customer_id": True},
    {"key_case": "segment_warehouse", "nested": "native", "include_message_id": True, "project_name": "Cinema"},
    {"page_events": True, "screen_events": True, "group_attributes": True, "alias": "merge", "delete_users": True},
    {"mode": "segment_private", "allow_anonymous": True, "key_case": "snake"},
    {"profile": "actions"},
]

any_text = st.text(st.characters(exclude_categories=()), max_size=12)
texts = any_text | st.sampled_from(
    [
        "cust-4711",
        "ios",
        "tvos",
        "Europe/Berlin",
        "Guest",
        "x" * 600,
        "https://www.shop.example/?" + "q" * 600,
        "2026-03-15T11:59:30.250+02:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59.9-14:00",
    ]
)
scalars = (
    st.none() | st.booleans() | st.integers() | st.integers(-(10**30), 10**30) | st.just(10**600) | st.floats() | texts
)
NAMES = (
    "id _id firstName first_name phone mobile email status moeFoo aB a_b A_B count device os app page library name type"
)
keys = any_text | st.sampled_from(
    [*NAMES.split(), "token", "url", "timezone", "addValueToArrayField", "k" * 250, "K" * 250]
)
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5), max_leaves=12
)
bags = st.dictionaries(keys, json_values, max_size=8)
EVENT_FIELDS = (
    "messageId",
    "anonymousId",
    "groupId",
    "previousId",
    "timestamp",
    "receivedAt",
    "event",
    "name",
    "category",
    "integrations",
)
events = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["track", "page", "screen", "identify", "group", "alias", "delete"]),
        "userId": st.just("cust-4711") | json_values,
    },
    optional=dict.fromkeys(EVENT_FIELDS, json_values)
    | dict.fromkeys(("properties", "traits", "context"), bags | json_values),
)


def _destination(settings: dict[str, Any]) -> Destination:
    """Return a destination for plain settings."""
    found = destination_class("moengage")
    validated = found.settings_model.model_validate(REQUIRED["moengage"] | settings, context={PLAIN_SECRETS: True})
    return found.create("moengage", validated)


DESTINATIONS = [_destination(settings) for settings in SETTINGS]
PLANS = [Plan.compile(destination, "default") for destination in DESTINATIONS]
SCHEMAS = {name: payload_schema("moengage", name) for name in ("bulk", "merge", "delete", "segment")}


def _check(destination: Destination, payload: Payload) -> None:
    """Assert what delivery and the vendor rely on."""
    assert payload.lanes
    assert all(payload.lanes)
    assert len(set(payload.lanes)) == len(payload.lanes)
    endpoint = destination.endpoints[payload.endpoint]
    assert len(payload.body) <= endpoint.max_body_bytes
    SCHEMAS[payload.endpoint].validate(destination.decoded(payload, NOW_MS))


@pytest.mark.parametrize("index", range(len(PLANS)))
@given(value=events | json_values)
def test_presets_are_total(index: int, value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Any JSON value gives payloads, skips or refusals, never an exception; payloads keep the shipped schema."""
    mapped = PLANS[index].map(value, RECORD, NOW_MS)

    assert mapped.payloads or mapped.skipped or mapped.rejected
    for payload in mapped.payloads:
        _check(DESTINATIONS[index], payload)


@pytest.mark.parametrize("index", range(len(PLANS)))
@given(value=events)
def test_presets_give_the_same_again(index: int, value: dict[str, Any]) -> None:
    """A record read again gives the same payloads byte for byte, though caches are warm by then."""
    first = PLANS[index].map(value, RECORD, NOW_MS)
    fresh = Plan.compile(_destination(SETTINGS[index]), "default").map(value, RECORD, NOW_MS)

    assert first == fresh


@pytest.mark.parametrize("index", range(len(DESTINATIONS)))
@given(data=st.data(), event=events)
def test_actions_are_total_on_any_mapping(index: int, data: st.DataObject, event: dict[str, Any]) -> None:
    """Whatever a user's mapping gives for an action's fields, the vendor's rules hold in the payload."""
    destination = DESTINATIONS[index]
    action = destination.actions[data.draw(st.sampled_from(sorted(destination.actions)))]
    names = [field.name for field in action.fields]
    fields = data.draw(st.dictionaries(st.sampled_from(names), bags | json_values))

    built = action.build(fields, event, RECORD, NOW_MS)

    for item in built if isinstance(built, tuple) else (built,):
        assert isinstance(item, Payload | Skipped | Rejected)
        if isinstance(item, Payload):
            _check(destination, item)


@pytest.mark.parametrize("audience", ["user", "event", "group"])
@given(bag=bags)
def test_the_short_way_and_the_thorough_one_agree(audience: Any, bag: dict[str, Any]) -> None:  # noqa: ANN401 - one of three words
    """Where the short way through a bag gives attributes, they are those of the whole order of work."""
    converter = Converter(AttributeRules(audience))

    short = converter._plain(bag)
    thorough = converter._thorough(bag, {})

    if short is not None and len(short) <= MAX_EVENT_ATTRIBUTES:
        assert short == thorough.sent
        assert thorough.counted == ()


@given(bag=bags, order=st.randoms(use_true_random=False))
def test_the_order_of_keys_decides_nothing(bag: dict[str, Any], order: Any) -> None:  # noqa: ANN401 - a random generator
    """A bag whose members stand in another order gives the same attributes."""
    members = list(bag.items())
    order.shuffle(members)

    assert (
        Converter(AttributeRules("user")).convert(bag).sent
        == Converter(AttributeRules("user")).convert(dict(members)).sent
    )


@given(bag=bags)
def test_names_keep_their_limits(bag: dict[str, Any]) -> None:
    """No name is empty, too long, blocked or MoEngage's own, and an event has no more than it may."""
    sent = Converter(AttributeRules("event")).convert(bag).sent

    assert len(sent) <= MAX_EVENT_ATTRIBUTES
    for name in sent:
        assert 0 < len(name) <= MAX_NAME_CHARACTERS
        assert not name.startswith("moe_") or name == "moe_project_name"


@given(key=st.text(st.characters(exclude_categories=()), max_size=20))
def test_rule_r_holds_its_properties(key: str) -> None:
    """A converted key has no stray underscores, is normalised, and stays as it is when converted again."""
    form = snake(key)

    assert not form.startswith("_")
    assert not form.endswith("_")
    assert "__" not in form
    assert form == unicodedata.normalize("NFC", form)
    assert snake(form) == form


@given(key=st.text("aB1_-é", max_size=8))
def test_segment_warehouse_is_go_snakecase(key: str) -> None:
    """The warehouse form is that of the library, whose loops are repeated here step by step."""
    assert segment_warehouse(key) == _go_snakecase(key)
    assert key_case(key, "preserve") == key


def _is(character: str, kinds: str) -> bool:
    """Return whether an ASCII character is upper-case (U), lower-case (L) or a digit (D)."""
    kind = (
        "U" if "A" <= character <= "Z" else "L" if "a" <= character <= "z" else "D" if "0" <= character <= "9" else ""
    )
    return kind != "" and kind in kinds


def _go_snakecase(key: str) -> str:
    """Return the key as the library's loops make it."""
    index, underscore = 0, False
    has_lower = lower_since = False
    for index, character in enumerate(key + "\0"):
        if _is(character, "L"):
            has_lower = lower_since = True
        elif character == "_" and 0 < index < len(key) - 1 and _is(key[index + 1], "LD"):
            underscore, lower_since = True, False
        elif not _is(character, "D"):
            break
    if index == len(key):
        return key
    made = key[:index]
    if _is(key[index], "U") and (not has_lower or (underscore and not lower_since)):
        run, index = _go_run(key, index)
        made += run
    while index < len(key):
        if not _is(key[index], "ULD"):
            index += 1
            continue
        run, index = _go_run(key, index)
        made += ("_" if made else "") + run
    return made


def _go_run(key: str, index: int) -> tuple[str, int]:
    """Return the next run and where it ends."""
    start = index
    while index < len(key) and _is(key[index], "UD"):
        index += 1
    while index < len(key) and _is(key[index], "LD"):
        index += 1
    return key[start:index].lower(), index


@given(
    status=st.none() | st.integers(100, 599),
    headers=st.dictionaries(
        st.sampled_from(["retry-after", "x-ratelimit-reset", "x-envoy-ratelimited"]), texts | st.just("9")
    ),
    body=st.binary(max_size=20) | st.just(b'{"error":{"type":["x"]}}') | st.just(b"[" * 5000),
    count=st.integers(1, 200),
)
def test_any_answer_has_a_meaning(status: int | None, headers: dict[str, str], body: bytes, count: int) -> None:
    """Any answer gives a verdict that fits the request: only one payload is refused, only several are taken apart."""
    verdict = classify("bulk", Answer(status, headers, body), count, NOW_MS, compressed=False)

    assert isinstance(verdict, Verdict)
    assert verdict.decision is not Decision.REJECTED or count == 1
    assert verdict.decision not in (Decision.BISECT, Decision.SPLIT) or count > 1
    assert verdict.wait_s is None or verdict.wait_s > 0
