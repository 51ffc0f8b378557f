"""Steps of a trace as lines for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

Step = Mapping[str, Any]

_HEAD: Final = frozenset({"time_ms", "destination", "step", "topic", "partition", "offset", "event_index"})
_FINISHED: Final = "finished"


def line(step: Step) -> str:
    """Return a step as a line: when, where, which record, what happened."""
    clock = "-" if "time_ms" not in step else _clock(step["time_ms"])
    place = _place(step)
    said = _SAID.get(step["step"], _others)(step)
    return "  ".join(
        part for part in (clock, step.get("destination", ""), place, f"{step['step'] + '  ':<12}{said}") if part
    )


def verdict(last: Step, *, has_seen: bool, is_of_user: bool) -> tuple[str, int]:
    """Return what to say at the end, and the exit code: 0 when what was asked about was seen and followed to its end.

    Events of a user have no end but that of the time.
    """
    reason = last.get("reason", "")
    if reason == _FINISHED or (is_of_user and has_seen and reason == "time_is_up"):
        return "", 0
    if reason == "stopping":
        return "the bridge stops", 1
    if has_seen:
        return "the time is up before the event's offset was committed everywhere", 1
    unseen = ", ".join(last.get("unseen", ()))
    where = (
        "it may have been committed before, be read by another process, not be in the topic yet, or come after the "
        "last record that a held or paused destination has read; `segment-bridge where` tells"
    )
    return f"not seen within the time ({unseen}): {where}", 1


def _clock(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%H:%M:%S.%f")[:-3] + "Z"


def _place(step: Step) -> str:
    if "topic" not in step:
        return ""
    index = f"#{step['event_index']}" if "event_index" in step else ""
    return f"{step['topic']}[{step['partition']}]@{step['offset']}{index}"


def _watching(step: Step) -> str:
    count = step["partitions"]
    return f"{'1 partition' if count == 1 else f'{count} partitions'}, {step['state']}"


def _read(step: Step) -> str:
    when = "before this trace began" if step["was_read_before"] else "just now"
    return f"from Kafka {when}, {step['age_s']} s after it was written"


def _decoded(step: Step) -> str:
    if "outcome" in step:
        return f"{step['outcome']}: {step['reason']}"
    named = f", messageId {step['message_id']}" if "message_id" in step else ""
    return f"as an event of type {step.get('type', '?')}{named}"


def _gates(step: Step) -> str:
    if "gate" in step:
        return f"{step['outcome']} at {step['gate']}: {step['reason']}"
    return f"passed: {', '.join(step['passed'])}"


def _filter(step: Step) -> str:
    return f"{step['filter']}: {step['outcome']}{_because(step)}"


def _subscription(step: Step) -> str:
    if step["outcome"] == "mapped":
        return f"{step['subscription']}: mapped to {step['action']}, for {step['endpoint']}"
    return f"{step['subscription']}: {step['outcome']}{_because(step)}"


def _not_taken(step: Step) -> str:
    return f"by {', '.join(step['subscriptions'])}: their triggers ask for other events"


def _waiting(step: Step) -> str:
    return _WAITS.get(step["reason"], f"until the destination goes on ({step['reason']})")


def _sent(step: Step) -> str:
    count = step["payload_count"]
    payloads = "1 payload" if count == 1 else f"{count} payloads"
    return f"to {step['endpoint']} with {payloads}, attempt {step['attempt']}{_by(step)}"


def _answered(step: Step) -> str:
    came = step.get("status", step.get("error"))
    meant = f", which means {step['verdict']}{_because(step)}" if "verdict" in step else ""
    return f"{came} after {step['seconds']} s{meant}"


def _retry(step: Step) -> str:
    return f"in {step['wait_s']} s{_because(step)}{_by(step)}"


def _halved(step: Step) -> str:
    return f"its request is taken apart to find what is refused{_because(step)}{_by(step)}"


def _delivered(step: Step) -> str:
    return f"to {step['endpoint']}{_by(step)}"


def _cancelled(step: Step) -> str:
    return f"its request was given up before there was an answer{_by(step)}"


def _dead_letter(step: Step) -> str:
    return f"it goes to the dead-letter topic{_because(step)}"


def _released(_: Step) -> str:
    return "its partition went to another process, which reads it again"


def _done(step: Step) -> str:
    return f"{step['outcome']}{_because(step)}"


def _committed(step: Step) -> str:
    return f"offset {step['committed']}"


def _ended(step: Step) -> str:
    left = f", {step['left_out']} steps or records left out" if "left_out" in step else ""
    return f"{step['reason']}{left}"


def _others(step: Step) -> str:
    return " ".join(f"{key}={value}" for key, value in step.items() if key not in _HEAD)


def _because(step: Step) -> str:
    return f" ({step['reason']})" if step.get("reason") else ""


def _by(step: Step) -> str:
    return f" for {step['subscription']}" if step.get("subscription") else ""


_WAITS: Final = {
    "batch_or_order": "for its batch to fill, or for an older event of its user",
    "dead_letter_topic": "for the dead-letter topic to take its letter",
    "throttled": "for the vendor's pause, or a rate limit, to end (throttled)",
    "circuit_open": "for the vendor to answer well again (circuit_open)",
    "paused": "for an operator to resume the destination (paused)",
}
"""What an event waits for; else it is the reason why the destination stands."""

_SAID: Final[Mapping[str, Callable[[Step], str]]] = {
    "watching": _watching,
    "read": _read,
    "decoded": _decoded,
    "gates": _gates,
    "filter": _filter,
    "subscription": _subscription,
    "not_taken": _not_taken,
    "waiting": _waiting,
    "sent": _sent,
    "answered": _answered,
    "retry": _retry,
    "halved": _halved,
    "delivered": _delivered,
    "cancelled": _cancelled,
    "dead_letter": _dead_letter,
    "released": _released,
    "done": _done,
    "committed": _committed,
    "ended": _ended,
}
