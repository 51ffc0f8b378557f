"""What is told of a mapping without an event holds for whatever event."""

from __future__ import annotations

from hypothesis import given

from processor.errors import MappingError
from processor.mapping import ABSENT, transform
from processor.mapping.outcomes import Outcome, Some, outcomes
from processor.mapping.values import Json
from tests.property.test_mapping_total import EVENTS, MAPPINGS


def _covers(outcome: Outcome, value: Json) -> bool:
    """Return whether a value is one of those that an outcome stands for."""
    if isinstance(outcome, Some):
        kinds = {Some.ANYTHING: object, Some.TEXT: str, Some.OBJECT: dict, Some.EVENT: dict}
        return isinstance(value, kinds[outcome])
    if isinstance(outcome, dict):
        keys = (outcome.keys() | (value.keys() if isinstance(value, dict) else set())) - {"__proto__"}
        return isinstance(value, dict) and all(
            _covers(outcome.get(key, ABSENT), value.get(key, ABSENT)) for key in keys
        )
    if isinstance(outcome, list):
        return isinstance(value, list) and len(value) == len(outcome) and all(map(_covers, outcome, value))
    if isinstance(outcome, str):
        return bool(outcome == value)
    return repr(outcome) == repr(value)


@given(mapping=MAPPINGS, event=EVENTS)
def test_every_result_is_among_the_outcomes(mapping: Json, event: dict[str, Json]) -> None:
    """A field's value, where it can be resolved at all, is one that was told."""
    told = outcomes({"field": {"@literal": mapping}})[0]
    alternatives = outcomes(mapping)
    try:
        result = transform({"field": {"@literal": mapping}}, event | {"type": "track"})
    except MappingError:
        return
    assert any(_covers(one, result.get("field", ABSENT)) for one in alternatives)
    assert _covers(told, result)
