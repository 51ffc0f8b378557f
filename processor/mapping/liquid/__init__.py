"""Liquid templates as LiquidJS renders them, within the limits that Segment sets.

A template is parsed once, at load. Rendering is bounded by a count of steps, never by a clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from processor.mapping.liquid.budget import Budget
from processor.mapping.liquid.context import Context, Node
from processor.mapping.liquid.parser import parse
from processor.mapping.liquid.tags import TAGS
from processor.mapping.values import Json

__all__ = ["Template", "parse_template"]


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template.

    Args:
        nodes: What renders it.
        problems: What fails whenever it is reached; an event that does not reach it renders.
        writes: Whether it writes counters into its root.
    """

    nodes: tuple[Node, ...]
    problems: tuple[str, ...]
    writes: bool

    def render(self, root: Json, counters: dict[str, Any] | None = None) -> str:
        """Return the text for a root.

        Args:
            root: What names are read from.
            counters: Where counters are written to, the root itself when it may be changed; by default nowhere that
                outlasts the rendering.

        Raises:
            MappingError: a value cannot be printed or used, or the budget does not hold the rendering.
        """
        return Context(root, Budget(), counters).captured(self.nodes)


def parse_template(text: str) -> Template:
    """Return a template.

    Raises:
        MappingError: it cannot be read, and so would fail for every event.
    """
    nodes, findings = parse(text, TAGS)
    return Template(nodes, tuple(findings.problems), findings.writes)
