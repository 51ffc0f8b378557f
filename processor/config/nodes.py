"""The tree of a YAML file: plain values, each with the place where it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from processor.config.problems import Path

Mark = tuple[int, int]
"""Line and column, both from 1."""

Kind = Literal["scalar", "list", "mapping"]


@dataclass(slots=True)
class Node:
    """One value with its place. An anchor's node is shared by all its aliases."""

    kind: Kind
    mark: Mark
    value: Any = None
    children: dict[str | int, Node] = field(default_factory=dict)
    keys: dict[str | int, Mark] = field(default_factory=dict)
    """Where the keys of a mapping stand; those that a merge (`<<`) brought keep the place at which they are written."""
    size: int = 1
    """Values in this tree, an alias counted as often as it is used: what reading all of it would cost."""
    depth: int = 1

    def add(self, key: str | int, mark: Mark, child: Node) -> None:
        """Put a child in its place, after which size and depth include it."""
        self.children[key] = child
        self.keys[key] = mark
        self.size += child.size
        self.depth = max(self.depth, child.depth + 1)
        if isinstance(self.value, list):
            self.value.append(child.value)
        else:
            self.value[key] = child.value


@dataclass(frozen=True, slots=True)
class Place:
    """Where an error of validation belongs in the file."""

    path: Path
    key_mark: Mark
    value_mark: Mark
    node: Node | None
    """The value there; None where a key is missing."""
    labels: tuple[str, ...] = ()
    """Names of alternatives that the validator tried on the way, which are no keys of the file."""
    fork: Path | None = None
    """Where the first of these alternatives was tried."""


def place_of(root: Node, location: Path, absent: Path = ()) -> Place:
    """Return the place in a tree that a location of pydantic means.

    Pydantic mixes keys with names of alternatives of a union and with the marker `[key]`; what is no key of the file is
    left out of the path. `absent` are keys below the location that are not there: the value without them is the place.
    """
    node, key_mark = root, root.mark
    path: Path = ()
    labels: list[str] = []
    fork: Path | None = None
    for step in location:
        child = node.children.get(step)
        if child is not None:
            key_mark, node, path = node.keys[step], child, (*path, step)
        elif step != "[key]":
            labels.append(str(step))
            fork = path if fork is None else fork
    if absent:
        return Place((*path, *absent), key_mark, key_mark, None, tuple(labels), fork)
    return Place(path, key_mark, node.mark, node, tuple(labels), fork)


def steps_present(root: Node, location: Path) -> int:
    """Return up to which step a location leads to something that is there; names of alternatives lead nowhere."""
    node, present = root, 0
    for count, step in enumerate(location, 1):
        child = node.children.get(step)
        if child is not None:
            node, present = child, count
    return present
