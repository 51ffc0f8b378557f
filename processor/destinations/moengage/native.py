"""Nested objects sent as objects: the setting `nested: native`, for workspaces where MoEngage has switched it on.

Keys are converted, and every object is brought to the form in which MoEngage keeps it: without nulls and empty objects,
within its limits, and with text in place of what lies below the second level.

Source: MoEngage's page on object data types; contract, section 5.4.
"""

from __future__ import annotations

from typing import Any, Final

from processor.destinations.moengage.flattening import Candidate, Flat, KeyRule
from processor.destinations.moengage.names import cut_name
from processor.destinations.moengage.values import MAX_TEXT_CHARACTERS, scalar, scalar_list
from processor.destinations.text import encode
from processor.errors import MappingError

MAX_MEMBERS: Final = 100
"""Keys of an object, and items of a list that holds objects."""
MAX_OBJECT_BYTES: Final = 25_000
"""Of one attribute, as JSON."""
MAX_LEVELS: Final = 2
"""Levels of keys below an attribute, lists not counted."""

_MAX_DEPTH: Final = 100
"""Far beyond any real event; the bound keeps the recursion below that of the interpreter."""
_TOO_DEEP: Final = "the attributes are nested too deeply"
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
        elif _is_nested(value) and (type(value) is dict or any(map(_is_nested, value))):
            opening = _Opening(key_rule)
            kept = opening.member(value, 1)
            is_too_large = bool(kept) and len(encode(kept)) > MAX_OBJECT_BYTES
            cut_count += opening.cut_count + is_too_large
            if kept and not is_too_large:
                candidates.append(Candidate(name, kept, key, 1))
        else:
            candidates.append(Candidate(name, value, key, 1))
    return Flat(candidates, invalid_count, cut_count)


def holds_objects(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Return whether a value is an object or a list of objects, as `open_bag` makes them."""
    return type(value) is dict or (type(value) is list and bool(value) and type(value[0]) is dict)


class _Opening:
    """One attribute that is an object, on its way; `cut_count` is how often more than MoEngage keeps was left out."""

    __slots__ = ("_key_rule", "cut_count")

    def __init__(self, key_rule: KeyRule) -> None:
        """Start with nothing left out."""
        self._key_rule = key_rule
        self.cut_count = 0

    def member(self, value: Any, level: int) -> Any:  # noqa: ANN401 - any JSON value
        """Return a value whose keys, if it has any, are of this level; None when nothing of it can be sent."""
        if type(value) is dict:
            kept: Any = self._object(value, level)
        elif type(value) is list:
            kept = self._list(value, level)
        else:
            return scalar(value)
        if not kept:
            return None
        return self._text(kept) if level == MAX_LEVELS + 1 and holds_objects(kept) else kept

    def _list(self, items: list[Any], level: int) -> list[Any]:
        """Return a list of objects alone, or of scalars where it has no objects. Lists in a list are spread out.

        Of a mixed list MoEngage drops all that is no object.
        """
        spread = _spread(items)
        objects = [item for item in spread if type(item) is dict]
        if not objects:
            return scalar_list(spread)
        self.cut_count += any(item is not None and type(item) is not dict for item in spread)
        kept: list[Any] = []
        for item in objects:
            opened = self._object(item, level)
            if opened and len(kept) == MAX_MEMBERS:
                self.cut_count += 1
                break
            if opened:
                kept.append(opened)
        return kept

    def _object(self, value: dict[str, Any], level: int) -> dict[str, Any]:
        """Return an object with converted keys, as many as MoEngage keeps.

        Where two keys meet, the one in that form already wins, else the smaller one.
        """
        if level > _MAX_DEPTH:
            raise MappingError(_TOO_DEEP, safe=_TOO_DEEP)
        kept: dict[str, Any] = {}
        key_rule = self._key_rule
        for key in sorted(value, key=lambda key: (key_rule(key) != key, key.encode("utf-8", "surrogatepass"))):
            name = cut_name(key_rule(key).translate(_REFUSED_CHARACTERS))
            if not name or name in kept:
                continue
            item = self.member(value[key], level + 1)
            if item is None:
                continue
            if len(kept) == MAX_MEMBERS:
                self.cut_count += 1
                break
            kept[name] = item
        return kept

    def _text(self, kept: dict[str, Any] | list[Any]) -> str:
        """Return objects as the JSON that MoEngage keeps of them below its levels, no longer than a text may be."""
        text = encode(kept).decode()
        self.cut_count += len(text) > MAX_TEXT_CHARACTERS
        return text[:MAX_TEXT_CHARACTERS]


def _spread(items: list[Any]) -> list[Any]:
    """Return the items of a list and of the lists in it, in order. Depth costs no recursion."""
    spread, waiting = [], items[::-1]
    while waiting:
        item = waiting.pop()
        if type(item) is list:
            waiting.extend(reversed(item))
        else:
            spread.append(item)
    return spread


def _is_nested(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Return whether a value is more than a scalar."""
    return type(value) is dict or type(value) is list
