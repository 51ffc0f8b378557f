"""Ids by which vendors recognise repeats."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.destinations.ids import NAMESPACE, SYNTHETIC, is_uuid, message_id, message_uuid, record_name, uuid5_text
from processor.model import Record

RECORD = Record("orders.raw", 0, 7, 0)
SYNTHETIC_ID = "79dcb2e7-3c68-5972-bfb1-29a4551057d1"


def _record(event_index: int, payload_index: int) -> Record:
    """Return the record with these indexes."""
    return Record("orders.raw", 0, 7, 0, event_index=event_index, payload_index=payload_index)


def test_namespace_is_frozen() -> None:
    """The namespace is the one of the contracts; another would turn every replay into duplicates."""
    assert uuid.uuid5(uuid.NAMESPACE_URL, "urn:segment:messageId") == NAMESPACE


@given(name=st.text())
def test_fast_uuid_is_the_standard_one(name: str) -> None:
    """The fast form gives what the standard library gives."""
    assert uuid5_text(name) == str(uuid.uuid5(NAMESPACE, name))


def test_lone_surrogates_have_uuids() -> None:
    """A text that is no Unicode still has an id, and different ones have different ids."""
    assert uuid5_text("\ud800") != uuid5_text("\ud801")


def test_no_two_payloads_share_a_name() -> None:
    """Events of one batch body and payloads of one event all have names of their own."""
    names = {record_name(_record(event, payload)) for event in range(12) for payload in range(12)}

    assert len(names) == 144
    assert "kafka:orders.raw:0:7" in names


@pytest.mark.parametrize(
    ("mapped", "event", "record", "expected"),
    [
        ("m-1", {"messageId": "m-2"}, RECORD, ("m-1", None)),
        (None, {"messageId": "m-2"}, RECORD, ("m-2", None)),
        (" ", {"messageId": "m-2"}, RECORD, ("m-2", None)),
        (77, {}, RECORD, ("77", None)),
        ("m-1", {}, _record(3, 2), ("m-1:2", None)),
        (None, {"messageId": " "}, RECORD, (SYNTHETIC_ID, SYNTHETIC)),
        (None, {"messageId": True}, RECORD, (SYNTHETIC_ID, SYNTHETIC)),
        (None, {}, _record(0, 1), (uuid5_text("kafka:orders.raw:0:7:1"), SYNTHETIC)),
        (None, {}, _record(2, 0), (uuid5_text("kafka:orders.raw:0:7:2:0"), SYNTHETIC)),
    ],
)
def test_message_ids(mapped: Any, event: dict[str, Any], record: Record, expected: tuple[str, str | None]) -> None:  # noqa: ANN401 - any JSON value
    """The mapping's id wins over the event's; without any the record's coordinates make one; later payloads differ."""
    assert message_id(mapped, event, record) == expected


@pytest.mark.parametrize(
    ("mapped", "record", "expected"),
    [
        ("0F3C1B52-6D7E-4A10-9B1C-2E5D8F7A4C31", RECORD, "0f3c1b52-6d7e-4a10-9b1c-2e5d8f7a4c31"),
        ("ajs-next-1700000000000-0a1b", RECORD, "9ef88829-cb8c-5143-b554-7654cfc2fc75"),
        ("m-1", _record(0, 1), uuid5_text("m-1:1")),
        ("0f3c1b52-6d7e-4a10-9b1c-2e5d8f7a4c31", _record(0, 1), uuid5_text("0f3c1b52-6d7e-4a10-9b1c-2e5d8f7a4c31:1")),
        (None, RECORD, SYNTHETIC_ID),
    ],
)
def test_message_uuids(mapped: Any, record: Record, expected: str) -> None:  # noqa: ANN401 - any JSON value
    """A UUID stays itself in lower case, any other id becomes the UUIDv5 of it, a made-up one already is one."""
    assert message_uuid(mapped, {}, record)[0] == expected


@pytest.mark.parametrize(
    "text",
    [
        "{0f3c1b52-6d7e-4a10-9b1c-2e5d8f7a4c31}",
        "0f3c1b526d7e4a109b1c2e5d8f7a4c31",
        "0f3c1b52-6d7e-4a10-9b1c-2e5d8f7a4c31\n",
    ],
)
def test_other_forms_are_no_uuids(text: str) -> None:
    """Only the canonical form counts, since Moesif asks for its 36 characters."""
    assert not is_uuid(text)
