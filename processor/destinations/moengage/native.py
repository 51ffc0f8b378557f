"""Nested objects sent as objects: the setting `nested: native`, for workspaces where MoEngage has switched it on.

Only keys are converted, and what MoEngage never takes is left out: nulls, empty objects, numbers without a value, and
what goes beyond its limits for an object. Levels beyond the second it makes text itself.

Source: MoEngage's page on object data types; contract, section 5.4.
"""

from __future__ import annotations

from typing import Any, Final

from processor.destinations.moengage.flattening import Candidate, Flat, KeyRule
from processor.destinations.moengage.names import cut_name
from processor.destinations.moengage.values import scalar, scalar_list
from processor.destinations.text import encode
from processor.errors import MappingError

MAX_MEMBERS: Final = 100
"""Keys of an object, and items of a list that holds objects."""
MAX_OBJECT_BYTES: Final = 25_000
"""Of one attribute, as JSON."""

_MAX_DEPTH: Final = 100
"""MoEngage keeps two levels. The bound only keeps the recursion below that of the interpreter."""
_REFUSED_CHARACTERS: Final = str.maketrans("$.%#", "____")


def open_bag(bag: dict[str, Any], key_rule: KeyRule) -> Flat:
    """Return the candidates of a bag: one per top-level key, objects kept.

    Raises:
        MappingError: the bag is nested too deeply, or a number cannot be written.
    """
    candidates, invalid_count, cut_count = [], 0, 0
    for key, value in bag.items():
        name = key_rule(key)
        if not name:
            invalid_count += value is not None
        elif type(value) is dict or (type(value) is list and any(map(_is_nested, value))):
            opening = _Opening(key_rule)
            kept = opening.nested(value, 1)
            is_too_large = bool(kept) and len(encode(kept)) > MAX_OBJECT_BYTES
            cut_count += opening.cut_count + is_too_large
            if kept and not is_too_large:
                candidates.append(Candidate(name, kept, key, 1))
        else:
            candidates.append(Candidate(name, value, key, 1))
    return Flat(candidates, invalid_count, cut_count)


class _Opening:
    """One attribute that is an object, on its way; `cut_count` is how often more than MoEngage keeps was left out."""

    __slots__ = ("_key_rule", "cut_count")

    def __init__(self, key_rule: KeyRule) -> None:
        """Start with nothing left out."""
        self._key_rule = key_rule
        self.cut_count = 0

    def nested(self, value: Any, depth: int) -> Any:  # noqa: ANN401 - any JSON value
        """Return a value with converted keys at every depth, None when nothing of it can be sent."""
        if depth > _MAX_DEPTH:
            raise MappingError("the attributes are nested too deeply")
        if type(value) is dict:
            return self._object(value, depth) or None
        if type(value) is not list:
            return scalar(value)
        if not any(map(_is_nested, value)):
            return scalar_list(value)
        kept = [found for item in value if (found := self.nested(item, depth + 1)) is not None]
        self.cut_count += len(kept) > MAX_MEMBERS
        return kept[:MAX_MEMBERS]

    def _object(self, value: dict[str, Any], depth: int) -> dict[str, Any]:
        """Return an object with converted keys, as many as MoEngage keeps.

        Where two keys meet, the one in that form already wins, else the smaller one.
        """
        kept: dict[str, Any] = {}
        key_rule = self._key_rule
        for key in sorted(value, key=lambda key: (key_rule(key) != key, key.encode("utf-8", "surrogatepass"))):
            name = cut_name(key_rule(key).translate(_REFUSED_CHARACTERS))
            if not name or name in kept:
                continue
            item = self.nested(value[key], depth + 1)
            if item is None:
                continue
            if len(kept) == MAX_MEMBERS:
                self.cut_count += 1
                break
            kept[name] = item
        return kept


def _is_nested(item: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Return whether an item of a list makes the list more than a list of scalars."""
    return type(item) is dict or type(item) is list
