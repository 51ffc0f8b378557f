"""Subscriptions as Segment spells them: pasted from its Public API, from Terraform or from a destination's presets.

Three spellings mean the same; `subscriptions` takes the names themselves, this module what else stands beside them.

Source: contract of Segment, sections 4.1 to 4.5.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn

from processor.config.problems import Path

TRIGGER_NAMES: Final = ("trigger", "subscribe")
ACTION_NAMES: Final = ("action", "actionSlug", "partnerAction", "action_slug")
MAPPING_NAMES: Final = ("mapping", "settings", "fields")

ACTION_IDS: Final = ("actionId", "action_id")
_IDS: Final = frozenset(
    {"id", "ID", "ActionID", "ConfigID", "ProjectID", "destinationId", "destination_id", *ACTION_IDS}
)
_ONLY_EMPTY: Final = {
    "modelId": "a Reverse ETL model",
    "model_id": "a Reverse ETL model",
    "reverseETLSchedule": "a Reverse ETL schedule",
    "reverse_etl_schedule": "a Reverse ETL schedule",
}
IGNORED: Final = frozenset({*_IDS, *_ONLY_EMPTY, "type"})
"""What an export has beside a subscription; a model or schedule must be empty, `type` must be `automatic`."""

_MARKS: Final = frozenset({*TRIGGER_NAMES[1:], *ACTION_NAMES[1:], *MAPPING_NAMES[1:], *IGNORED, "eventSlug"})

KNOWN_ACTIONS: Final[Mapping[str, str]] = {
    "5nJHSM1jHFBvf6J4TQnQSf": "trackEvent",
    "nhpgGAvR8TVUQs6rH8wp1n": "identifyUser",
}
"""Actions by Segment's ids, for exports that lack a slug."""


_SHOWN_DIGITS: Final = 20


def spelt(path: Path, subscription: Mapping[str, Any]) -> Path:
    """Return a path within a subscription, given in our spelling, as it is in the one that the file has."""
    names = next((names for names in (TRIGGER_NAMES, ACTION_NAMES, MAPPING_NAMES) if names[0] == path[0]), ())
    return (next((name for name in names if name in subscription), path[0]), *path[1:])


def is_pasted(subscription: Mapping[str, Any]) -> bool:
    """Return whether a subscription has a spelling of Segment's in it."""
    return not _MARKS.isdisjoint(subscription)


def unpasted(subscription: Mapping[str, Any]) -> tuple[dict[str, Any], list[tuple[Path, str]]]:
    """Return a pasted subscription without what means nothing here, and what in it cannot work here."""
    problems = list(_problems(subscription))
    kept = {key: value for key, value in subscription.items() if not _means_nothing(key, value)}
    if not any(name in kept for name in ACTION_NAMES) and (slug := _slug(subscription)) is not None:
        kept["action"] = slug
    for name in MAPPING_NAMES:
        if isinstance(kept.get(name), str):
            kept[name] = _mapping(kept[name], name, problems)
    if "name" not in kept:
        kept["name"] = next((kept[name] for name in ACTION_NAMES if name in kept), "")
    return kept, problems


def _means_nothing(key: str, value: Any) -> bool:  # noqa: ANN401 - any YAML value
    """Return whether a member is left out: an opaque id, or something for Segment's own app."""
    return key in _IDS or key in _ONLY_EMPTY or (key == "type" and value == "automatic")


def _problems(subscription: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Yield what a bridge cannot do."""
    for key, what in _ONLY_EMPTY.items():
        if subscription.get(key) not in (None, ""):
            yield (key,), f"{what} is run by Segment alone: events come from Kafka here"
    if "eventSlug" in subscription:
        yield ("eventSlug",), 'presets of Engage have no trigger; write one, such as event = "Audience Entered"'
    if not any(name in subscription for name in ACTION_NAMES):
        for key in ACTION_IDS:
            if key in subscription and _slug(subscription) is None:
                yield (key,), f"unknown action id {subscription[key]!r}; give the action's slug as actionSlug"


def _slug(subscription: Mapping[str, Any]) -> str | None:
    """Return the action that an id stands for."""
    ids = (subscription.get(key) for key in ACTION_IDS)
    return next((KNOWN_ACTIONS[one] for one in ids if isinstance(one, str) and one in KNOWN_ACTIONS), None)


def _mapping(text: str, name: str, problems: list[tuple[Path, str]]) -> Any:  # noqa: ANN401 - what the text holds
    """Return a mapping that stands as JSON text, as Terraform keeps it; a text that is none is a problem."""
    try:
        return json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except RecursionError:
        problems.append(((name,), "is nested too deeply"))
    except ValueError as error:
        problems.append(((name,), f"is no JSON: {error}"))
    return {}


def _no_number(word: str) -> NoReturn:
    """Refuse what Python's reader takes for a number and JSON does not know."""
    raise ValueError(f"{word} is not a number that JSON knows")


def _finite(digits: str) -> float:
    """Return a number; refuse one that no float holds, for no body of a request could carry it."""
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits[:_SHOWN_DIGITS]} is beyond the range of numbers")
    return number
