"""Events as they come, and among them some that nobody means to send and some that only their place makes right."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

from processor.sandbox.events import EventSettings, MadeEvent, made_events

ODD_SHARE = 0.05
LASTING_SHARE = 0.01
ODD: Sequence[Any] = (
    None,
    True,
    0,
    -1.5,
    10**30,
    1e300,
    "",
    " ",
    "null",
    "žluťoučký",
    "\ud83d",
    "x" * 5_000,
    "2026-13-01T00:00:00Z",
    "1970-01-01T00:00:00Z",
    [],
    [None],
    ["a", {"b": 1}],
    {},
    {"": 1},
    {"a.b": {"c.d": [1, "two", None]}},
    {f"key_{number}": number for number in range(300)},
    {"moe_reserved": 1, "u_em": "x", "$set": 2, "id": 7, "type": "event"},
)
"""Values that nobody means to send, which stand in any member of an event sooner or later."""
GOOD = frozenset({"track", "page", "screen", "identify", "group"})
OPTIONAL = ("userId", "anonymousId", "timestamp", "sentAt", "receivedAt", "event", "name", "properties")
_OTHER_ID = {"userId": "anonymousId", "anonymousId": "userId"}


def mixed_events(seed: int, now_ms: int, count: int = 200_000, user_count: int = 5_000) -> Iterator[MadeEvent]:
    """Yield events in order of time, the same ones for the same arguments.

    Most are as `made_events` makes them, one in twenty holds something odd, and one in a hundred is a deletion, a merge
    or a push token of a user that came before.
    """
    chance = random.Random(seed)
    known: list[str] = []
    for made in made_events(EventSettings(count=count, user_count=user_count, seed=seed), now_ms):
        fate = chance.random()
        if fate < LASTING_SHARE and made.category in GOOD:
            yield _lasting(made, chance, known)
        else:
            yield _odd(made, chance) if fate < LASTING_SHARE + ODD_SHARE else made


def _odd(made: MadeEvent, chance: random.Random) -> MadeEvent:
    """Return an event with one member, or a member of one of its objects, that holds something odd."""
    try:
        event = json.loads(made.value or b"null")
    except ValueError:
        return made
    if not isinstance(event, dict):
        return made
    target = event
    bags = [value for name in ("properties", "traits", "context") if isinstance(value := event.get(name), dict)]
    if bags and chance.random() < 0.6:
        target = chance.choice(bags)
    name = chance.choice([*target, *OPTIONAL, "odd"])
    if name in {"type", "messageId"}:  # two events of one id would be one event
        return made
    if target is event and name in _OTHER_ID:
        # Whose a visitor is who comes with two users hangs on which of the two is heard of last: two lanes.
        event.pop(_OTHER_ID[name], None)
    if name in target and chance.random() < 0.2:
        del target[name]
    else:
        target[name] = chance.choice(ODD)
    return made._replace(value=json.dumps(event).encode())


def _lasting(made: MadeEvent, chance: random.Random, known: list[str]) -> MadeEvent:
    """Return what only its place among the others makes right: a deletion, a merge of two users, a push token.

    `known` are users that came before; the event's own is added.
    """
    event = json.loads(made.value or b"null")
    if not isinstance(event, dict) or not isinstance(user := event.get("userId"), str) or not user.strip():
        return made
    known.append(user)
    common = {name: event[name] for name in ("messageId", "userId", "timestamp") if name in event}
    device = {"id": f"device-{user}", "token": f"token-{user}", "type": "android"}
    lasting: Sequence[dict[str, Any]] = (
        {"type": "delete"},
        {"type": "alias", "previousId": chance.choice(known)},
        {"type": "identify", "traits": {"plan": chance.choice("abc")}, "context": {"device": device}},
    )
    return made._replace(value=json.dumps(common | chance.choice(lasting)).encode())
