"""Attributes of users and events: from `traits` or `properties` to what MoEngage takes, in one fixed order of work.

Convert keys, flatten, standard names, blocked and reserved names, collisions, values, cut names, collisions again, cap.
Most bags are flat, hold scalars and need none of the later steps: these take a short way that looks each key up in a
cache of finished names, and leave it at the first thing that is not plain.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from msgspec import Struct

from processor.destinations.moengage.flattening import Candidate, Flat, flatten
from processor.destinations.moengage.keys import KeyCase, key_case
from processor.destinations.moengage.names import (
    GROUP_PREFIX,
    TEXT_NAMES,
    Audience,
    attribute_name,
    cut_name,
    may_hold_objects,
)
from processor.destinations.moengage.native import holds_objects, open_bag
from processor.destinations.moengage.quotas import Names
from processor.destinations.moengage.values import as_text, scalar, scalar_list, text

MAX_EVENT_ATTRIBUTES: Final = 100

KEY_COLLISION: Final = "key_collision"
INVALID_KEY: Final = "invalid_key"
OBJECT_CUT: Final = "object_cut"
NEAR_RESERVED_NAME: Final = "event_name_starts_with_moe"
COUNTERS: Final = frozenset({KEY_COLLISION, INVALID_KEY, OBJECT_CUT, NEAR_RESERVED_NAME})
"""Codes that only count. They travel with warnings, those about a bag once per key left out, and golden cases lack
them: the contract lists no warning for them."""

_MAX_CACHED_KEYS: Final = 4096
_MAX_CACHED_CHARACTERS: Final = 256
_INT64_MAX: Final = 2**63 - 1
_SHORT_TEXT: Final = len("2026-01-01T00:00")
"""Texts up to here are neither too long nor a date-time with an offset."""

_NOTHING_OWN: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class AttributeRules:
    """What settings say about a bag."""

    audience: Audience
    key_case: KeyCase = "snake"
    is_native: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    """Other names for attributes, by the name that they would have."""
    keeps_deletions: bool = False
    """Null traits unset the user's attribute, and empty lists are sent, which does the same to a list."""


class Attributes(Struct, gc=False):
    """What a bag comes to. `unset` names user attributes to remove; `counted` are codes of `COUNTERS`."""

    sent: dict[str, Any]
    unset: Sequence[str] = ()
    counted: tuple[str, ...] = ()


class Converter:
    """Turns bags of one audience into attributes."""

    def __init__(self, rules: AttributeRules, seen: Names | None = None, seen_objects: Names | None = None) -> None:
        """Start with an empty cache of names; `seen` is told of those that are sent, `seen_objects` of objects'."""
        self._rules = rules
        self._seen = Names() if seen is None else seen
        self._seen_objects = Names() if seen_objects is None else seen_objects
        self._text_names = {rules.names.get(name, name) for name in TEXT_NAMES}
        self._forms: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def convert(self, bag: dict[str, Any], own: Mapping[str, str] = _NOTHING_OWN) -> Attributes:
        """Return the attributes of a bag. `own` are ours: they win any collision and are never cut off by the cap.

        Raises:
            MappingError: the bag is nested too deeply (native mode only).
        """
        sent = self._plain(bag)
        if sent is None or len(sent) + len(own) > MAX_EVENT_ATTRIBUTES or not sent.keys().isdisjoint(own):
            return self._thorough(bag, own)
        sent.update(own)
        return Attributes(sent)

    def _plain(self, bag: dict[str, Any]) -> dict[str, Any] | None:  # noqa: C901, PLR0912 - the hot loop, kept in one frame
        """Return the attributes of a bag of scalars whose names are all different, or None when it is not one."""
        names = self._names
        sent: dict[str, Any] = {}
        for key, value in bag.items():
            kind = type(value)
            if kind is str:
                kept = value
                if len(value) > _SHORT_TEXT:
                    kept = text(value)
                    if kept is None:
                        return None
            elif kind is int:
                if not -_INT64_MAX <= value <= _INT64_MAX:
                    return None
                kept = value
            elif kind is bool or (kind is float and math.isfinite(value)):
                kept = value
            elif value is None and not self._rules.keeps_deletions:
                continue
            else:
                return None
            name = names.get(key)
            if name is None:
                name = self._learn(key)
            if not name:
                if name is None:
                    return None
                continue
            if name in sent or (name in self._text_names and kind is not str):
                return None
            sent[name] = kept
        return sent

    def _learn(self, key: str) -> str | None:
        """Return the finished name of a top-level key, empty when it is blocked, None when the key is unusable."""
        form = self._form(key)
        if not form:
            return None
        name = self._sent_name(attribute_name(form, self._rules.audience))
        _remember(self._names, key, name)
        if name:
            self._seen.note(name)
        return name

    def _sent_name(self, name: str) -> str:
        """Return the name that is sent for one that is free: the one that settings give, cut as MoEngage would."""
        return cut_name(self._rules.names.get(name, name))

    def _form(self, key: str) -> str:
        """Return a key in the chosen case."""
        form = self._forms.get(key)
        if form is None:
            form = key_case(key, self._rules.key_case)
            _remember(self._forms, key, form)
        return form

    def _thorough(self, bag: dict[str, Any], own: Mapping[str, str]) -> Attributes:
        """Return the attributes of any bag, by the whole order of work."""
        flat: Flat = open_bag(bag, self._form) if self._rules.is_native else flatten(bag, self._form)
        renamed, refused_count = self._renamed(flat.candidates)
        named, lost = _settle(renamed)
        unset = [self._sent_name(name) for name, candidate in named.items() if candidate.value is None]
        for name, candidate in named.items():
            candidate.name = self._sent_name(name)
            candidate.value = self._value(candidate)
        kept, lost_again = _settle([found for found in named.values() if found.value is not None])
        sent = dict(own)
        overridden = sum(name in sent for name in kept)
        sent |= {name: candidate.value for name, candidate in kept.items() if name not in sent}
        if self._rules.audience == "event":
            sent = _capped(sent, own)
        self._seen.note_all(sent)
        if self._rules.is_native:
            self._seen_objects.note_all(name for name, value in sent.items() if holds_objects(value))
        counted = (INVALID_KEY,) * flat.invalid_count + (OBJECT_CUT,) * (flat.cut_count + refused_count)
        counted += (KEY_COLLISION,) * (lost + lost_again + overridden)
        return Attributes(sent, unset if self._rules.keeps_deletions else (), counted)

    def _renamed(self, candidates: list[Candidate]) -> tuple[list[Candidate], int]:
        """Return the candidates under their names for MoEngage, and how many objects have a name that takes none.

        Left out are these objects and what has a blocked name.
        """
        audience = self._rules.audience
        for candidate in candidates:
            candidate.name = attribute_name(candidate.name, audience)
        named = [candidate for candidate in candidates if candidate.name]
        kept = [
            found
            for found in named
            if not holds_objects(found.value) or may_hold_objects(self._sent_name(found.name), audience)
        ]
        return kept, len(named) - len(kept)

    def _value(self, candidate: Candidate) -> Any:  # noqa: ANN401 - any JSON value
        """Return the value as MoEngage stores it, None when it must be left out."""
        value = candidate.value
        if holds_objects(value):
            return value
        if type(value) is list:
            return scalar_list(value) or ([] if self._rules.keeps_deletions else None)
        kept = scalar(value)
        is_text = self._rules.audience == "user" and candidate.name in self._text_names
        return as_text(kept) if is_text and isinstance(kept, int | float) else kept


def _remember(cache: dict[str, str], key: str, name: str) -> None:
    """Keep a name for the next time. Full caches start anew: keys made of data would fill any of them."""
    if len(key) <= _MAX_CACHED_CHARACTERS:
        if len(cache) >= _MAX_CACHED_KEYS:
            cache.clear()
        cache[key] = name


def _settle(candidates: Sequence[Candidate]) -> tuple[dict[str, Candidate], int]:
    """Return one candidate for each name, and how many lost. The order of keys in JSON plays no part."""
    winners: dict[str, Candidate] = {}
    lost = 0
    for candidate in candidates:
        rival = winners.setdefault(candidate.name, candidate)
        if rival is candidate:
            continue
        lost += candidate.value is not None and rival.value is not None
        if _rank(candidate) < _rank(rival):
            winners[candidate.name] = candidate
    return winners, lost


def _rank(candidate: Candidate) -> tuple[bool, bool, bool, bool, int, bytes]:
    """Return what decides between candidates for one name; the smallest wins.

    Null and empty ones lose; then a top-level key spelled like the name wins, then what a sender wrote over what was
    made, then the shallower path, then the smaller path.
    """
    value = candidate.value
    is_canonical = candidate.depth == 1 and candidate.name in {candidate.path, GROUP_PREFIX + candidate.path}
    path = candidate.path.encode("utf-8", "surrogatepass")
    return (value is None, _is_empty(value), not is_canonical, candidate.is_made, candidate.depth, path)


def _is_empty(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Return whether nothing would be left of a value."""
    return value == "" or (type(value) is list and all(item is None for item in value))


def _capped(sent: dict[str, Any], own: Mapping[str, str]) -> dict[str, Any]:
    """Return no more attributes than MoEngage keeps of an event: ours first, then by name, so that all can tell."""
    if len(sent) <= MAX_EVENT_ATTRIBUTES:
        return sent
    others = sorted(sent.keys() - own.keys(), key=lambda name: name.encode("utf-8", "surrogatepass"))
    return {name: sent[name] for name in [*own, *others][:MAX_EVENT_ATTRIBUTES]}
