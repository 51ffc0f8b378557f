"""Events that carry their number, so that what a vendor accepted can be counted and its order be judged."""

from __future__ import annotations

import json
from collections.abc import Iterable

from processor.sandbox.ledger import Line


def event_id(number: int) -> str:
    """Return the id by which the stand-ins know an event."""
    return f"m{number}"


def user(number: int, user_count: int) -> bytes:
    """Return whose event it is; the events of a user have rising numbers."""
    return b"u%d" % (number % user_count)


def track(number: int, user_count: int = 50, **members: object) -> bytes:
    """Return a track call that carries its number, so that order can be judged."""
    own_id = event_id(number)
    event = {
        "type": "track",
        "event": "Seen",
        "messageId": own_id,
        "userId": user(number, user_count).decode(),
        "properties": {"seq": number, "ledger_id": own_id},
        **members,
    }
    return json.dumps(event).encode()


def out_of_order(lines: Iterable[Line]) -> list[Line]:
    """Return the first acceptances that came after a later event of the same user at the same endpoint."""
    seen: set[tuple[str, str | None]] = set()
    latest: dict[tuple[str, str | None], int] = {}
    late: list[Line] = []
    for line in lines:
        if (line.endpoint, line.id) in seen:
            continue
        seen.add((line.endpoint, line.id))
        lane = (line.endpoint, line.user)
        assert line.seq is not None, f"an event without its number: {line}"
        if line.seq < latest.get(lane, -1):
            late.append(line)
        latest[lane] = max(line.seq, latest.get(lane, -1))
    return late
