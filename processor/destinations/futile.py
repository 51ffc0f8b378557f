"""What in a subscription can never satisfy its vendor, although it can be run: for a warning, not an error.

Only what holds for every event is told: a field that comes to nothing, or to a value that the vendor does not take,
whatever the event is. What a field does for some events only the events tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from processor.config.problems import Path, listed
from processor.destinations.base import Action, Field
from processor.destinations.defaults import completed
from processor.destinations.text import is_blank
from processor.mapping import ABSENT, SubscriptionSettings
from processor.mapping.outcomes import Outcome, Outcomes, Some, outcomes
from processor.mapping.root import ROOT_DIRECTIVE, unfolded
from processor.mapping.subscriptions import RESERVED_KEYS
from processor.mapping.values import kind

Finding = tuple[Path, str]
"""A place relative to the subscription, and what never works there."""

_TRANSFORM: Final = "@transform"
_MAPPING: Final = "mapping"


def futile(actions: Mapping[str, Action], subscription: SubscriptionSettings) -> list[Finding]:
    """Return what never works in a subscription that fits its destination, in the order of the action's fields."""
    action = actions.get(subscription.action)
    if action is None or not subscription.enabled:
        return []
    try:
        given = _given(completed(actions, subscription).mapping)
        return [] if given is None else list(_findings(action, *given))
    except RecursionError:  # nothing can be said of it here; that it is too deep is said at load
        return []


def _given(mapping: Mapping[str, Any]) -> tuple[Path, dict[str, Outcomes]] | None:
    """Return the place of the fields and what each comes to; None where only the event tells which there are."""
    place: Path = (_MAPPING,)
    fields = unfolded({key: value for key, value in mapping.items() if key not in RESERVED_KEYS})
    root: Outcome = Some.EVENT
    if isinstance(fields, dict) and fields.keys() == {_TRANSFORM} and isinstance(fields[_TRANSFORM], dict):
        if _TRANSFORM in mapping:
            place = (_MAPPING, _TRANSFORM, _MAPPING)
        stages = fields[_TRANSFORM]
        made = outcomes(stages.get("apply"))
        root = made[0] if len(made) == 1 else Some.ANYTHING
        fields = stages.get(_MAPPING)
    if not isinstance(fields, dict) or any(key.startswith("@") for key in fields):
        return None
    given = {name: outcomes(value, root) for name, value in fields.items()}
    if ROOT_DIRECTIVE in mapping:
        # Segment's editor leaves the default mappings of all fields there: those that read nothing now are not meant.
        given = {name: found for name, found in given.items() if found != (ABSENT,)}
    return place, given


def _findings(action: Action, place: Path, given: Mapping[str, Outcomes]) -> Iterator[Finding]:
    """Yield what never works: fields one by one, then those of which one is needed."""
    told = set()
    for field in action.fields:
        if field.name not in given:
            if field.required:
                yield place, f"action {action.slug!r} needs the field {field.name!r}, which is never set"
        elif (text := _futile_field(action, field, given[field.name])) is not None:
            told.add(field.name)
            yield (*place, field.name), text
    takes = {field.name: field.takes for field in action.fields}
    for group in action.needs:
        if told.isdisjoint(group) and not any(
            _may_serve(given.get(name, (ABSENT,)), takes[name].fits) for name in group
        ):
            yield place, f"action {action.slug!r} needs {_one_of(group)}, and no event gives it"


def _one_of(group: Sequence[str]) -> str:
    names = listed(map(repr, group))
    return f"one of {names}" if len(group) > 1 else names


def _may_serve(found: Outcomes, fits: Any) -> bool:  # noqa: ANN401 - a form's own function
    return any(not _is_nothing(outcome) and fits(outcome) for outcome in found)


def _futile_field(action: Action, field: Field, found: Outcomes) -> str | None:
    """Return what is wrong with whatever a field comes to, None where some event may give what is wanted."""
    form = field.takes
    something = [outcome for outcome in found if not _is_nothing(outcome)]
    if not something:
        if not field.required:  # a literal null or blank says that a field is not to be sent
            return "this gives nothing for any event; to send nothing, use null" if ABSENT in found else None
        return f"action {action.slug!r} needs the field, and this is {_word(found[0])} for every event; {_wants(field)}"
    if not any(form.fits(outcome) for outcome in something):
        return f"this is {_word(something[0])} for every event, which the vendor gets nothing of; {_wants(field)}"
    lengths = [len(outcome) if isinstance(outcome, str) else 0 for outcome in something]
    if field.max_length is not None and min(lengths) > field.max_length:
        return f"this has {min(lengths)} characters; allowed: up to {field.max_length}"
    if field.is_id and not any(isinstance(outcome, Some) for outcome in found):
        return "this is one id for all events, so the vendor takes all but the first for repeats; allowed: a path"
    return None


def _wants(field: Field) -> str:
    return f"allowed: {field.takes.name}"


def _is_nothing(outcome: Outcome) -> bool:
    """Return whether a vendor takes an outcome for a field that is not there."""
    return outcome is None or outcome is ABSENT or (isinstance(outcome, str) and is_blank(outcome))


def _word(outcome: Outcome) -> str:
    """Return what an outcome is, without a word of a value: it may be somebody's."""
    if outcome is ABSENT:
        return "nothing"
    if isinstance(outcome, Some):
        return outcome.value
    if isinstance(outcome, str):
        return "a blank text" if is_blank(outcome) else "a text"
    return kind(outcome)
