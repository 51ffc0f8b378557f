"""The users of MoEngage's stand-in: whatever happens to devices, each token and advertising id has one of them."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from processor.sandbox.moengage_users import Users

NAMES = st.sampled_from(["u1", "u2", "u3"])
TOKENS = st.sampled_from(["t1", "t2", "t3"])
REGISTRATIONS = st.fixed_dictionaries(
    {"platform": st.sampled_from(["ANDROID", "iOS"]), "push_id": TOKENS}, optional={"moe_gaid": TOKENS, "idfv": TOKENS}
)
STEPS = st.lists(
    st.tuples(st.just("device"), NAMES, st.sampled_from(["d1", "d2"]), REGISTRATIONS)
    | st.tuples(st.just("merge"), NAMES, NAMES)
    | st.tuples(st.just("delete"), NAMES),
    max_size=30,
)


def _do(users: Users, step: tuple[Any, ...]) -> None:
    """Do one thing to users as the workspace does: to those that there are."""
    match step:
        case ("device", name, device_id, attributes):
            users.met(name)
            users.set_device(name, device_id, attributes)
        case ("merge", merged, retained):
            if merged != retained and users.find(merged) and users.find(retained):
                users.merge(merged, retained)
        case ("delete", name):
            if users.find(name):
                users.delete(name)


@given(STEPS, st.integers(1, 3))
def test_a_token_belongs_to_the_one_device_that_has_it(steps: list[tuple[Any, ...]], user_count: int) -> None:
    """No two devices share a token, and the tokens of devices that are gone, with users that are too, take no room."""
    users = Users(user_count, 10)
    for step in steps:
        _do(users, step)
        found = [
            (unique, device[unique])
            for row in users.rows(None)
            for device in row["devices"].values()
            for unique in ("push_id", "moe_gaid", "idfv")
            if unique in device
        ]
        assert sorted(found) == sorted(users._device_of)
