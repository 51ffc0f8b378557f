"""Personal values dropped, hashed or cut, before triggers, filters and mappings see the event.

The paths are compiled into a tree once, so that an event is walked once and each value is changed at most once, however
many paths lead to it. Nothing of the caller's event is changed: the containers along a path are copied, and only when
something is there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final, NamedTuple, TypeAlias

from msgspec import Struct

from processor.destinations.privacy_settings import HashSettings, PrivacySettings
from processor.destinations.text import without_lone_surrogates
from processor.mapping.javascript import js_number, js_trim
from processor.mapping.paths import Keys, list_index, parse_dollar_path
from processor.mapping.values import ABSENT, CONTAINERS, Json
from processor.model import Event

Change: TypeAlias = Callable[[Json], Json]
"""Gives what stands in a value's place, `ABSENT` for nothing."""

_DROP, _HASH, _CUT = range(3)
"""The order of the changes to one value."""
_WORDS: Final = ("drop", "hash", "truncate")
"""What settings call each of them."""


class _Rule(Struct, frozen=True, gc=False):
    """A change to what these keys lead to; `rank` is its place among the changes to one value.

    `path` is what settings say, empty behind the first key, where rules that come together are one.
    """

    keys: Keys
    rank: int
    change: Change
    path: str = ""

    @property
    def rest(self) -> _Rule:
        """Return the rule as it is behind its first key."""
        return _Rule(self.keys[1:], self.rank, self.change)


class _Node:
    """What happens to a value and to what is in it.

    `rewrite` does all of it. `members` are for the keys of an object, `positions` for some items of a list, `items` for
    all its others.
    """

    __slots__ = ("changes", "items", "members", "positions", "rewrite")

    def __init__(self, changes: tuple[Change, ...]) -> None:
        """Begin as a leaf."""
        self.changes = changes
        self.rewrite: Change = changes[0] if len(changes) == 1 else partial(_rewritten, node=self)
        self.members: Mapping[str, _Node] = {}
        self.positions: Mapping[int, _Node] = {}
        self.items: _Node | None = None


class PrivacyStep(NamedTuple):
    """One path of `privacy`: what is done there (`drop`, `hash` or `truncate`), and whether it changes the event."""

    change: str
    path: str
    is_changed: bool


class Privacy:
    """The privacy of one destination, compiled. `covers_letters`: whether dead letters are to be covered as well."""

    __slots__ = ("_root", "_rules", "covers_letters", "fingerprint")

    def __init__(self, settings: PrivacySettings) -> None:
        """Compile the settings; the salt is read here and then never again, so that one value has one hash."""
        self.covers_letters = settings.dead_letters
        self.fingerprint = _fingerprint(settings)
        self._rules = tuple(_rules(settings))
        self._root = _Compiler().node(frozenset(self._rules))

    def applied(self, event: Event) -> Event:
        """Return the event without what is private: itself when there is nothing of the kind in it.

        Raises:
            RecursionError: lists are nested too deeply in one another.
        """
        return _object(event, self._root)

    def steps(self, event: Event) -> list[PrivacyStep]:
        """Return what each path by itself does to the event, in the order in which changes to one value are made.

        Raises:
            RecursionError: lists are nested too deeply in one another.
        """
        return [
            PrivacyStep(_WORDS[rule.rank], rule.path, _object(event, _Compiler().node(frozenset({rule}))) is not event)
            for rule in self._rules
        ]


def _fingerprint(settings: PrivacySettings) -> str:
    """Return a text that differs wherever two settings do; of a salt it holds where it comes from, never its value."""
    return f"{settings.model_dump_json()} {None if settings.hash is None else settings.hash.salt!r}"


def _rules(settings: PrivacySettings) -> Iterable[_Rule]:
    """Yield what the settings ask for, path by path."""
    for path in settings.drop:
        yield _Rule(parse_dollar_path(path), _DROP, _dropped, path)
    if settings.hash is not None:
        hashed = _hashing(settings.hash)
        for path in settings.hash.paths:
            yield _Rule(parse_dollar_path(path), _HASH, hashed, path)
    for cut in settings.truncate:
        yield _Rule(parse_dollar_path(cut.path), _CUT, _cutting(cut.length), cut.path)


class _Compiler:
    """Makes nodes of rules; equal rules share a node, so that a list within a list ends in a circle."""

    def __init__(self) -> None:
        """Know no node."""
        self._nodes: dict[frozenset[_Rule], _Node] = {}

    def node(self, rules: frozenset[_Rule]) -> _Node:
        """Return the node of a value to which these rules apply."""
        node = self._nodes.get(rules)
        if node is None:
            here = sorted((rule for rule in rules if not rule.keys), key=lambda rule: rule.rank)
            node = self._nodes[rules] = _Node(tuple(rule.change for rule in here))
            further = [rule for rule in rules if rule.keys]
            if further:
                self._fill(node, further)
        return node

    def _fill(self, node: _Node, rules: list[_Rule]) -> None:
        """Say what happens to what is in a value: behind a key, at a position, or in every item of a list."""
        node.rewrite = partial(_rewritten, node=node)
        through = frozenset(rule for rule in rules if list_index(rule.keys[0]) is None)
        behind: dict[str, set[_Rule]] = {}
        for rule in rules:
            behind.setdefault(rule.keys[0], set()).add(rule.rest)
        node.members = {key: self.node(frozenset(rests)) for key, rests in behind.items()}
        node.positions = {
            position: self.node(through.union(rests))
            for key, rests in behind.items()
            if (position := list_index(key)) is not None
        }
        node.items = self.node(through) if through else None


def _rewritten(value: Json, node: _Node) -> Json:
    """Return a value after what its node says: itself when nothing changes."""
    for change in node.changes:
        value = change(value)
    if type(value) is dict:
        return _object(value, node)
    return _list(value, node) if type(value) is list else value


def _object(value: Event, node: _Node) -> Event:
    """Return an object with its members rewritten."""
    copy: Event | None = None
    for key, member in node.members.items():
        if key in value:
            old = value[key]
            new = member.rewrite(old)
            if new is not old:
                copy = value.copy() if copy is None else copy
                if new is ABSENT:
                    del copy[key]
                else:
                    copy[key] = new
    return value if copy is None else copy


def _list(items: list[Json], node: _Node) -> list[Json]:
    """Return a list with its items rewritten, those that are dropped left out."""
    new = [
        item if (inner := node.positions.get(position, node.items)) is None else inner.rewrite(item)
        for position, item in enumerate(items)
    ]
    if all(one is other for one, other in zip(new, items, strict=True)):
        return items
    return [item for item in new if item is not ABSENT]


def _dropped(_value: Json) -> Json:
    """Return nothing."""
    return ABSENT


def _cutting(length: int) -> Change:
    """Return the change that leaves so many characters of a text."""

    def cut(value: Json) -> Json:
        return value[:length] if type(value) is str and len(value) > length else value

    return cut


def _hashing(settings: HashSettings) -> Change:
    """Return the change that puts a hash in a value's place."""
    salted = hashlib.sha256(b"" if settings.salt is None else settings.salt.reveal().encode())
    normalise = settings.normalise

    def hashed(value: Json) -> Json:
        if type(value) is str:
            text = js_trim(value).lower() if normalise else value
        elif type(value) is int or type(value) is float:
            text = js_number(value)
        else:
            # Only two values hash to one of two texts, and whoever knows the salt knows both: that would hide nothing.
            return ABSENT if type(value) is bool or type(value) in CONTAINERS else value
        if not text:
            return text
        digest = salted.copy()
        digest.update(_utf8(text))
        return digest.hexdigest()

    return hashed


def _utf8(text: str) -> bytes:
    """Return a text as it would have been sent."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return bytes(without_lone_surrogates(text).encode())
