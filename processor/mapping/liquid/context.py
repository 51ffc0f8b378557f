"""What a template sees and does while it renders: names, output, counters, and the budget for all of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from processor.mapping.javascript import utf16_joined
from processor.mapping.liquid.budget import Budget
from processor.mapping.liquid.values import Value, member, plain, printed, text_of
from processor.mapping.values import ABSENT, Json

Evaluate: TypeAlias = Callable[["Context"], Value]
"""Gives a value for a rendering."""

Node: TypeAlias = Callable[["Context"], None]
"""Renders a part of a template: writes to the context's output, or changes what later parts see."""


class Context:
    """One rendering. `is_stopped` is set by `break` and `continue`: without loops, nothing after them is rendered."""

    __slots__ = ("budget", "counters", "cycles", "is_stopped", "output", "root", "scopes")

    def __init__(self, root: Json, budget: Budget, counters: dict[str, Any] | None = None) -> None:
        """Render for a root.

        Args:
            root: What names are read from: the event, or what a surrounding directive makes the root.
            budget: What may be spent.
            counters: Where `increment` and `decrement` write; the root itself when it may be written to.
        """
        self.root = root
        self.budget = budget
        self.counters = {} if counters is None else counters
        self.scopes: list[dict[str, Any]] = [{}]
        self.cycles: dict[str, int] = {}
        self.output: list[str] = []
        self.is_stopped = False

    def find(self, key: Value) -> Value:
        """Return what a name stands for: what tags assigned, then counters, then the root's member."""
        name = key if type(key) is str else text_of(plain(key), self.budget)
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        if name in self.counters:
            return self.counters[name]
        if isinstance(self.root, dict) and name in self.root:
            return self.root[name]
        return self._fallback(name)

    def _fallback(self, name: str) -> Value:
        """Return what a name stands for when nothing is called so: what JavaScript has instead."""
        if name == "size":
            return 0
        own = name not in ("first", "last") and isinstance(self.root, (list, str))
        return member(self.root, name, self.budget) if own else ABSENT

    def counter(self, name: str) -> Value:
        """Return what a counter's name stands for: what was counted, then the root's member."""
        if name in self.counters:
            return self.counters[name]
        return self.root.get(name, ABSENT) if isinstance(self.root, dict) else ABSENT

    def count(self, name: str, number: float) -> None:
        """Write a counter."""
        self.counters[name] = number

    def write(self, value: Value) -> None:
        """Print a value.

        Raises:
            MappingError: it has no text, or too much was printed.
        """
        text = value if type(value) is str else printed(value, self.budget)
        self.budget.print(len(text))
        self.output.append(text)

    def captured(self, nodes: tuple[Node, ...]) -> str:
        """Return what nodes print, instead of printing it."""
        output, self.output = self.output, []
        self.run(nodes)
        text = utf16_joined("".join(self.output))
        self.output = output
        return text

    def run(self, nodes: tuple[Node, ...]) -> None:
        """Render nodes in order, until one of them stops the rendering."""
        for node in nodes:
            node(self)
            if self.is_stopped:
                return
