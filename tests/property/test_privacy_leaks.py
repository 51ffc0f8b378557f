"""What is dropped or hashed is in no payload and, where dead letters are covered, in no dead letter."""

from __future__ import annotations

import copy
import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.config.secret import PLAIN_SECRETS
from processor.delivery.dead_letter_form import DeadLetter, Form, message_of
from processor.destinations import destination_class
from processor.destinations.base import Destination
from processor.destinations.plan import Plan
from processor.destinations.privacy import Privacy
from processor.destinations.privacy_settings import PrivacySettings
from processor.mapping.paths import parse_dollar_path
from processor.model import Record
from processor.pipeline.redaction import redacted
from processor.source.decode import Decoder
from processor.source.decode_settings import DecodeSettings
from processor.source.json_value import json_text
from tests.golden_cases import REQUIRED

NOW_MS: Final = 1_773_576_000_000
HIDDEN: Final = "hidden-8c1f44"
"""Stands in every value that is to be hidden, and nowhere else."""

PATHS: Final = (
    "$.userId",
    "$.anonymousId",
    "$.event",
    "$.traits.email",
    "$.traits.address.city",
    "$.traits.friends.email",
    "$.context.ip",
    "$.context.traits.email",
    "$.context.device.id",
    "$.properties.card",
    "$.properties.products.1.name",
    "$.properties.products.coupon",
    "$.integrations",
    "$.timestamp",
)

words = st.sampled_from(["u-1", "Opened", "ada@example.com", "", "2026-03-15T11:59:30.250Z", "203.0.113.9", "\ud800"])
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words
names = st.sampled_from(["email", "name", "id", "card", "products", "city", "ip", "traits", "device", "address"])
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=6
)
FIELDS = ("messageId", "anonymousId", "userId", "groupId", "previousId", "timestamp", "event", "name")
BAGS = ("properties", "traits", "context", "integrations", "_metadata")
kinds = st.sampled_from(["track", "page", "screen", "identify", "group", "alias"])
events = st.fixed_dictionaries({"type": kinds}, optional=dict.fromkeys((*FIELDS, *BAGS), json_values))

secrets = st.sampled_from([HIDDEN, f"  {HIDDEN.upper()}", f"{HIDDEN}@example.com"])
hidden_values = secrets | st.recursive(
    secrets, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2), max_leaves=3
)


def _plant(node: Any, keys: tuple[str, ...], value: Any) -> Any:  # noqa: ANN401 - any JSON values
    """Return a copy of a JSON value with a value at these keys, whatever stood in the way; lists get every item so."""
    if not keys:
        return value
    first, *rest = keys
    if isinstance(node, list) and not first.isdigit():
        return [_plant(item, keys, value) for item in node] or [_plant({}, keys, value)]
    if isinstance(node, list) and int(first) < len(node):
        at = int(first)
        return [*node[:at], _plant(node[at], tuple(rest), value), *node[at + 1 :]]
    inside = node if isinstance(node, dict) else {}
    return inside | {first: _plant(inside.get(first), tuple(rest), value)}


@st.composite
def planted(draw: st.DrawFn) -> tuple[dict[str, Any], PrivacySettings]:
    """Return an event with something to hide at some paths, and settings that hide it."""
    event = draw(events)
    paths = draw(st.lists(st.sampled_from(PATHS), min_size=1, max_size=5, unique=True))
    for path in paths:
        event = _plant(event, parse_dollar_path(path), draw(hidden_values))
    cut = draw(st.integers(0, len(paths)))
    settings: dict[str, Any] = {"drop": paths[:cut], "dead_letters": True}
    if paths[cut:]:
        settings["hash"] = {"paths": paths[cut:], "normalise": draw(st.booleans())}
    settings["truncate"] = [{"path": "$.name", "length": 3}]
    return event, PrivacySettings.model_validate(settings)


def _destination(vendor: str) -> Destination:
    """Return a destination of a vendor."""
    found = destination_class(vendor)
    return found.create(vendor, found.settings_model.model_validate(REQUIRED[vendor], context={PLAIN_SECRETS: True}))


VENDORS = ("moveo", "moesif", "moengage")


def _shows(*parts: object) -> bool:
    """Return whether the hidden text is in any of these, in any case."""
    return any(HIDDEN in str(part).lower() for part in parts)


@pytest.mark.parametrize("vendor", VENDORS)
@given(case=planted(), key=st.none() | secrets)
def test_no_payload_shows_what_is_hidden(
    vendor: str, case: tuple[dict[str, Any], PrivacySettings], key: str | None
) -> None:
    """Neither body, lanes, ids nor reasons hold it, for any event; and the event is as it was."""
    event, settings = case
    before = copy.deepcopy(event)
    destination = _destination(vendor)
    plan = Plan.compile(destination, "default", privacy=Privacy(settings))

    record = Record("events", 0, 1, NOW_MS, None if key is None else key.encode(), json_text(event).encode())
    mapped = plan.map(event, record, NOW_MS)

    assert event == before
    assert mapped.payloads or mapped.skipped or mapped.rejected
    for payload in mapped.payloads:
        assert not _shows(destination.item(payload, NOW_MS), payload.lanes, payload.dedupe_id, payload.warnings)
    assert not _shows(mapped.skipped, mapped.rejected)


def _spoiled(event: Any, how: str) -> bytes:  # noqa: ANN401 - any JSON value
    """Return a record's value that holds an event, or what was one."""
    text = json_text(event)
    forms = {
        "whole": text,
        "batch": f"[{text},{text}]",
        "cut": text[:-1],
        "wrapped": f'{{"payload":{text}}}',
        "untyped": text.replace('"type"', '"kind"', 1),
        "mixed": f"[{text},7]",
        "text": json_text(text),
    }
    return forms[how].encode()


@given(
    case=planted(),
    how=st.sampled_from(["whole", "batch", "cut", "wrapped", "untyped", "mixed", "text"]),
    form=st.sampled_from(Form),
)
def test_no_dead_letter_shows_what_is_hidden(
    case: tuple[dict[str, Any], PrivacySettings], how: str, form: Form
) -> None:
    """Neither value, key nor headers hold it, be the record an event or what is left of one."""
    event, settings = case
    secret = HIDDEN.encode()
    record = Record("events", 0, 1, NOW_MS, secret, _spoiled(event, how), (("email", secret), (HIDDEN, None)))

    shown = redacted(record, Decoder(DecodeSettings()), Privacy(settings))
    letter = DeadLetter(
        record=shown,
        reason="no_identity",
        destination="d",
        version="1",
        mapping_hash="0123456789ab",
        time_ms=NOW_MS,
        original_bytes=len(record.value or b""),
    )

    message = message_of(letter, form)
    assert not _shows(message.key, message.value, message.headers)
    if how == "whole" and form is Form.WHOLE:
        assert json.loads(message.value or b"")["type"] == event["type"]


def _naive(node: Any, keys: tuple[str, ...]) -> Any:  # noqa: ANN401 - any JSON values
    """Return a copy of a JSON value without what these keys lead to."""
    first, *rest = keys
    if isinstance(node, list):
        if not first.isdigit():
            return [_naive(item, keys) for item in node]
        at = int(first)
        if not rest:
            return node[:at] + node[at + 1 :]
        return [_naive(item, tuple(rest)) if index == at else item for index, item in enumerate(node)]
    if not isinstance(node, dict) or first not in node:
        return node
    if rest:
        return node | {first: _naive(node[first], tuple(rest))}
    return {key: value for key, value in node.items() if key != first}


keys = st.sampled_from(["a", "b", "0", "1", "2"])
nests = st.recursive(
    st.integers(0, 3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)


@given(event=st.dictionaries(keys, nests, max_size=4), path=st.lists(keys, min_size=1, max_size=4))
def test_a_path_drops_what_a_naive_walk_drops(event: dict[str, Any], path: list[str]) -> None:
    """The compiled tree does the same as following one path through a copy, key by key."""
    before = copy.deepcopy(event)
    dropped = Privacy(PrivacySettings(drop=("$." + ".".join(path),))).applied(event)
    assert dropped == _naive(event, tuple(path))
    assert event == before
    if dropped == event:
        assert dropped is event


@given(event=st.dictionaries(keys, nests, max_size=4), paths=st.lists(st.lists(keys, min_size=1, max_size=4)))
def test_several_paths_leave_nothing_that_one_of_them_drops(event: dict[str, Any], paths: list[list[str]]) -> None:
    """Paths together never leave a key of an object that one of them alone would drop."""
    settings = PrivacySettings(drop=tuple("$." + ".".join(path) for path in paths))
    together = Privacy(settings).applied(event)
    for path in paths:
        if not any(key.isdigit() for key in path):  # positions move when items go
            assert _naive(together, tuple(path)) == together
