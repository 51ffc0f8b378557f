"""Whether a record may hold an event of an id, by its bytes: quick, and never wrong where it says no."""

from __future__ import annotations

import base64
import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.search.needle import Needle


@pytest.mark.parametrize(
    ("message_id", "value", "is_in"),
    [
        ("m-1", b'{"messageId":"m-1"}', True),
        ("m-1", b'{"messageId":"m-2"}', False),
        ("m-1", b'{"messageId":"m-2","text":"a \\"quoted\\" word"}', False),
        ("m-1", b'{"messageId":"\\u006d-1"}', True),
        ("m-1", b'{"payload":"{\\"messageId\\":\\"\\\\u006d-1\\"}"}', True),
        ("a/b", b'{"messageId":"a\\/b"}', True),
        ('a"b', b'{"messageId":"a\\"b"}', True),
        ("\u00e9", '{"messageId":"\u00e9"}'.encode(), True),
        ("\u00e9", b'{"messageId":"\\u00e9"}', True),
        ("12", b'{"messageId":12}', True),
        ("12", b'{"messageId":13}', False),
    ],
)
def test_what_json_may_hold(message_id: str, value: bytes, is_in: bool) -> None:  # noqa: FBT001 - a table
    """The id itself, or an escape that may spell it, in JSON within JSON as well."""
    assert is_in == Needle(message_id).may_be_in(value, is_json=True)


def test_what_avro_may_hold() -> None:
    """Text as it is, a UUID as its sixteen bytes, bytes that become base64, numbers without digits."""
    own = uuid.uuid4()
    for message_id, value in (
        ("m-1", b"\x06m-1"),
        (str(own), own.bytes),
        (base64.b64encode(b"\1\2\3").decode(), b"\1\2\3"),
    ):
        assert Needle(message_id).may_be_in(b"\0\0" + value + b"\0", is_json=False)
        assert not Needle(message_id).may_be_in(b"\0\0\0", is_json=False)
    assert Needle("12").may_be_in(b"\x18", is_json=False)
    assert not Needle("12").may_be_in(b"\x18", is_json=True)


@pytest.mark.parametrize(
    ("message_id", "event", "is_of"),
    [
        ("m", {"messageId": "m"}, True),
        ("m", {"messageId": " m"}, False),
        ("m", {"properties": {"messageId": "m"}}, False),
        ("m", {"messageId": ["m"]}, False),
        ("12", {"messageId": 12}, True),
        ("12", {"messageId": 12.0}, True),
        ("-0.5", {"messageId": -0.5}, True),
        ("m", ["m"], False),
        ("m", None, False),
    ],
)
def test_which_events_have_the_id(message_id: str, event: object, is_of: bool) -> None:  # noqa: FBT001 - a table
    """A number as vendors get to see it; an id elsewhere in an event is another one's."""
    assert is_of == Needle(message_id).is_of(event)


@given(st.text(min_size=1).filter(lambda text: text.strip() != ""), st.booleans(), st.text())
def test_an_event_is_never_passed_over(message_id: str, is_ascii: bool, other: str) -> None:  # noqa: FBT001 - drawn
    """Whatever writes the JSON, and however often it is wrapped."""
    needle = Needle(message_id)
    try:
        text = json.dumps({"text": other, "messageId": message_id}, ensure_ascii=is_ascii)
        for wrapped in (text, json.dumps({"payload": text}, ensure_ascii=is_ascii)):
            assert needle.may_be_in(wrapped.encode(), is_json=True)
    except UnicodeEncodeError:
        assert not is_ascii  # a lone surrogate has no UTF-8
