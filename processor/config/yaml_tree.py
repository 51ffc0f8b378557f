"""YAML 1.2 text to a tree of values with their places.

Built from the parser's events rather than by a loader: a loader stops at the first fault and forgets where keys stand.
Keys are text whatever they look like. Aliases share one node, and what they add up to is bounded, so that a small file
cannot become a large value.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from processor.config.nodes import Mark, Node
from processor.config.problems import Path, Problem
from processor.config.scalars import Scalar, plain_scalar, whole_text

MAX_VALUE_COUNT: Final = 250_000
"""Most values of a file, aliases counted as often as they are used."""
MAX_DEPTH: Final = 64

_CORE: Final = "tag:yaml.org,2002:"
_TEXT_TAGS: Final = frozenset({f"{_CORE}str", "!"})
_CORE_TAGS: Final = frozenset(f"{_CORE}{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")) | {
    "!"
}
_MERGE: Final = "<<"


class UnreadableError(Exception):
    """The file cannot be read to its end; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        """Keep the problem."""
        super().__init__(problem.found)
        self.problem = problem


class TreeBuilder:
    """Builds the tree of one document and collects what is wrong on the way."""

    def __init__(self, events: Iterator[Event]) -> None:
        """Read from the parser's events."""
        self._events = events
        self._anchors: dict[str, Node] = {}
        self.problems: list[Problem] = []

    def build(self) -> Node:
        """Return the root of the file's one document; an empty file is a null at its beginning.

        Raises:
            UnreadableError: it is too deep or too large. Other faults are in `problems`.
        """
        next(self._events)
        start = next(self._events)
        if isinstance(start, StreamEndEvent):
            return Node("scalar", (1, 1))
        self._check_version(start)
        root = self._node(next(self._events), (), 1)
        next(self._events)
        after = next(self._events)
        if not isinstance(after, StreamEndEvent):
            self._report(_mark(after), (), "a second document begins here; a configuration is one document")
        return root

    def _check_version(self, start: Event) -> None:
        version = start.version if isinstance(start, DocumentStartEvent) else None
        if version is not None and tuple(version) != (1, 2):
            self._report(_mark(start), (), "another version of YAML is asked for; allowed: %YAML 1.2, or no such line")

    def _node(self, event: Event, path: Path, depth: int) -> Node:
        """Return the node that begins with this event."""
        if depth > MAX_DEPTH:
            raise _unreadable(event, (), f"nested more than {MAX_DEPTH} levels deep")
        if isinstance(event, AliasEvent):
            return self._aliased(event, path, depth)
        self._check_tag(event, path)
        if isinstance(event, ScalarEvent):
            node = self._scalar(event, path)
        elif isinstance(event, SequenceStartEvent):
            node = self._list(event, path, depth)
        else:
            node = self._mapping(event, path, depth)
        anchor: str | None = getattr(event, "anchor", None)
        if anchor is not None:
            self._anchors[anchor] = node
        return node

    def _aliased(self, event: AliasEvent, path: Path, depth: int) -> Node:
        """Return the anchor's node. An anchor is known when it is complete, so none can hold itself."""
        node = self._anchors.get(event.anchor)
        if node is None:
            # Its name is not shown: it may be a secret that begins with an asterisk and stands without quotes.
            found = "an alias without an anchor before it; put text that begins with '*' in quotes"
            self._report(_mark(event), path, found)
            return Node("scalar", _mark(event))
        if depth + node.depth - 1 > MAX_DEPTH:
            raise _unreadable(event, (), f"nested more than {MAX_DEPTH} levels deep")
        return node

    def _scalar(self, event: ScalarEvent, path: Path) -> Node:
        return Node("scalar", _mark(event), self._value(event, path))

    def _value(self, event: ScalarEvent, path: Path) -> Scalar:
        is_plain = event.implicit[0] or (event.tag is not None and event.tag not in _TEXT_TAGS)
        try:
            return plain_scalar(event.value) if is_plain else whole_text(event.value)
        except ValueError as error:
            self._report(_mark(event), path, str(error))
            return None

    def _list(self, start: Event, path: Path, depth: int) -> Node:
        node = Node("list", _mark(start), [])
        while not isinstance(event := next(self._events), SequenceEndEvent):
            index = len(node.children)
            self._add(node, index, event, self._node(event, (*path, index), depth + 1), path)
        return node

    def _mapping(self, start: Event, path: Path, depth: int) -> Node:
        node = Node("mapping", _mark(start), {})
        merges: list[Node] = []
        while not isinstance(event := next(self._events), MappingEndEvent):
            key = self._key(event, path)
            value_event = next(self._events)
            child_path = path if key is None else (*path, key)
            child = self._node(value_event, child_path, depth + 1)
            if key == _MERGE and _is_plain(event):
                merges.append(child)
            elif key in node.children:
                line = node.keys[key][0] if key is not None else 0
                self._report(
                    _mark(event), child_path, f"the key stands here a second time; the first is in line {line}"
                )
            elif key is not None:
                self._add(node, key, event, child, path)
        for merge in merges:
            self._merge(node, merge, path)
        return node

    def _key(self, event: Event, path: Path) -> str | None:
        """Return a key as text, None with a problem noted where it is none."""
        if isinstance(event, ScalarEvent):
            self._check_tag(event, path)
            try:
                return whole_text(event.value)
            except ValueError as error:
                self._report(_mark(event), path, str(error))
                return None
        found = "an alias" if isinstance(event, AliasEvent) else "braces or brackets"
        self._report(
            _mark(event), path, f"{found} where a key is expected; put templates such as '{{{{userId}}}}' in quotes"
        )
        self._skip(event)
        return None

    def _skip(self, event: Event) -> None:
        """Read past the node that begins with this event."""
        open_count = 0
        while True:
            open_count += isinstance(event, MappingStartEvent | SequenceStartEvent)
            open_count -= isinstance(event, MappingEndEvent | SequenceEndEvent)
            if open_count == 0:
                return
            event = next(self._events)

    def _merge(self, node: Node, merge: Node, path: Path) -> None:
        """Add the keys of a merged mapping, or of several, that the mapping does not have itself."""
        sources = list(merge.children.values()) if merge.kind == "list" else [merge]
        for source in sources:
            if source.kind != "mapping":
                self._report(source.mark, path, "'<<' takes a mapping or a list of mappings")
                continue
            for key, child in source.children.items():
                if key not in node.children:
                    node.add(key, source.keys[key], child)

    def _add(self, node: Node, key: str | int, event: Event, child: Node, path: Path) -> None:
        """Put a child in its place unless that makes the whole too large."""
        node.add(key, _mark(event), child)
        if node.size > MAX_VALUE_COUNT:
            raise _unreadable(event, path, f"more than {MAX_VALUE_COUNT} values, aliases counted at every use")

    def _check_tag(self, event: Event, path: Path) -> None:
        if getattr(event, "tag", None) not in {None, *_CORE_TAGS}:
            self._report(_mark(event), path, "a tag ('!…') is not allowed; put text that begins with '!' in quotes")

    def _report(self, mark: Mark, path: Path, found: str) -> None:
        self.problems.append(Problem(*mark, path, found))


def _mark(event: Event) -> Mark:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _is_plain(event: Event) -> bool:
    return isinstance(event, ScalarEvent) and bool(event.implicit[0])


def _unreadable(event: Event, path: Path, found: str) -> UnreadableError:
    return UnreadableError(Problem(*_mark(event), path, found))
