"""Whatever a bag holds, what `nested: native` sends of it is what MoEngage's stand-in keeps, to the letter."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from processor.destinations.moengage.attributes import AttributeRules, Converter
from processor.destinations.text import decode, encode
from processor.sandbox.moengage_attributes import Names, kept_of_event, kept_of_user
from processor.sandbox.moengage_settings import MoEngageWorkspace

WORKSPACE = MoEngageWorkspace(user_object_count=1_000, event_object_count=1_000)

keys = st.sampled_from(["name", "email", "phone", "u_mb", "moe_gaid", "aB", "a_b", "c.d", "$", "id", ""])
leaves = (
    st.none() | st.booleans() | st.integers(-9, 2**70) | st.floats() | st.sampled_from(["", "x", "y" * 600, "\ud800"])
)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=20
)
bags = st.dictionaries(keys, values, max_size=5)


def _sent(bag: dict[str, Any], rules: AttributeRules) -> dict[str, Any]:
    """Return the attributes of a bag as they are read from a request."""
    sent: dict[str, Any] = decode(encode(Converter(rules).convert(bag).sent))
    return sent


@given(bags, st.sampled_from(["snake", "preserve"]))
def test_what_is_sent_of_an_event_is_kept_as_it_is(bag: dict[str, Any], key_case: Any) -> None:  # noqa: ANN401 - one of the forms
    """Nothing of an event's attributes is dropped, cut or cast once they were sent."""
    sent = _sent(bag, AttributeRules("event", key_case, is_native=True))

    assert kept_of_event(sent, WORKSPACE, Names()) == (sent, [], [])


@given(bags, st.sampled_from(["snake", "preserve"]))
def test_what_is_sent_of_a_user_is_kept_as_it_is(bag: dict[str, Any], key_case: Any) -> None:  # noqa: ANN401 - one of the forms
    """The same of a user's, of which some may be no objects."""
    sent = _sent(bag, AttributeRules("user", key_case, is_native=True))

    assert kept_of_user(sent, WORKSPACE, Names()) == (sent, [], [])
