"""Nested objects sent as objects: the setting `nested: native`, for workspaces where MoEngage has switched it on.

Only keys are converted, and what MoEngage never takes is left out: nulls, empty objects, numbers without a value.
"""

from __future__ import annotations

from typing import Any, Final

from processor.destinations.moengage.flattening import Candidate, Flat, KeyRule
from processor.destinations.moengage.names import cut_name
from processor.destinations.moengage.values import scalar, scalar_list
from processor.errors import MappingError

_MAX_DEPTH: Final = 100
"""MoEngage keeps two levels. The bound only keeps the recursion below that of the interpreter."""
_REFUSED_CHARACTERS: Final = str.maketrans("$.%#", "____")


def open_bag(bag: dict[str, Any], key_rule: KeyRule) -> Flat:
    """Return the candidates of a bag: one per top-level key, objects kept.

    Raises:
        MappingError: the bag is nested too deeply.
    """
    candidates, invalid_count = [], 0
    for key, value in bag.items():
        name = key_rule(key)
        if not name:
            invalid_count += value is not None
        elif type(value) is dict or (type(value) is list and any(map(_is_nested, value))):
            kept = nested(value, key_rule, 1)
            if kept:
                candidates.append(Candidate(name, kept, key, 1))
        else:
            candidates.append(Candidate(name, value, key, 1))
    return Flat(candidates, invalid_count)


def nested(value: Any, key_rule: KeyRule, depth: int) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value with converted keys at every depth, None when nothing of it can be sent."""
    if depth > _MAX_DEPTH:
        raise MappingError("the attributes are nested too deeply")
    if type(value) is dict:
        return _object(value, key_rule, depth) or None
    if type(value) is not list:
        return scalar(value)
    if not any(map(_is_nested, value)):
        return scalar_list(value)
    return [kept for item in value if (kept := nested(item, key_rule, depth + 1)) is not None]


def _object(value: dict[str, Any], key_rule: KeyRule, depth: int) -> dict[str, Any]:
    """Return an object with converted keys. Where two meet, the one in that form already wins, else the smaller one."""
    kept: dict[str, Any] = {}
    for key in sorted(value, key=lambda key: (key_rule(key) != key, key.encode("utf-8", "surrogatepass"))):
        name = cut_name(key_rule(key).translate(_REFUSED_CHARACTERS))
        if not name or name in kept:
            continue
        item = nested(value[key], key_rule, depth + 1)
        if item is not None:
            kept[name] = item
    return kept


def _is_nested(item: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Return whether an item of a list makes the list more than a list of scalars."""
    return type(item) is dict or type(item) is list
