"""Which metrics and labels PromQL names, read by a real parser."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import promql_parser
from promql_parser import AggModifierType, AggregateExpr, BinaryExpr, Expr, VectorSelector

_VARIABLES = {"$__rate_interval": "5m", "$__range": "1h"}
"""What Grafana puts into a query before Prometheus sees it, and something of the kind."""


@dataclass(frozen=True, slots=True)
class Names:
    """What a query names.

    Attributes:
        selected: Each metric with the labels that its selectors match on.
        grouped: The labels that aggregations keep.
        joined: The labels that operators match on.
    """

    selected: dict[str, set[str]] = field(default_factory=dict)
    grouped: set[str] = field(default_factory=set)
    joined: set[str] = field(default_factory=set)


def names(promql: str) -> Names:
    """Return what a query names.

    Raises:
        ValueError: It is no PromQL, or selects something without naming a metric, or keeps labels by `without`.
    """
    for variable, value in _VARIABLES.items():
        promql = promql.replace(variable, value)
    found = Names()
    for node in _nodes(promql_parser.parse(promql)):
        match node:
            case VectorSelector():
                _note_selector(node, found)
            case AggregateExpr():
                found.grouped.update(_grouped(node))
            case BinaryExpr():
                found.joined.update(_joined(node))
            case _:
                pass
    return found


def _nodes(expression: Expr) -> Iterator[Expr]:
    seen: list[Expr] = []
    promql_parser.walk(expression, seen.append)
    yield from seen


def _note_selector(node: VectorSelector, found: Names) -> None:
    if not node.name:
        raise ValueError(f"{node} names no metric")
    found.selected.setdefault(node.name, set()).update(matcher.name for matcher in node.matchers.matchers)


def _grouped(node: AggregateExpr) -> list[str]:
    if node.modifier is None:
        return []
    if node.modifier.type != AggModifierType.By:
        raise ValueError(f"{node}: name what is kept")
    return list(node.modifier.labels)


def _joined(node: BinaryExpr) -> list[str]:
    if node.modifier is None or node.modifier.matching is None:
        return []
    return list(node.modifier.matching.labels)


def problems(promql: str, known: Mapping[str, AbstractSet[str]]) -> list[str]:
    """Return what a query names that is not known: metrics, labels that they do not have.

    Args:
        promql: The query.
        known: Each series with its labels.
    """
    found = names(promql)
    unknown = sorted(found.selected.keys() - known.keys())
    if unknown:
        return [f"no metric {name}" for name in unknown]
    matched = [f"{name} has no {label}" for name, labels in found.selected.items() for label in labels - known[name]]
    there = {label for name in found.selected for label in known[name]}
    return [
        *sorted(matched),
        *(f"no {label} to keep or match" for label in sorted((found.grouped | found.joined) - there)),
    ]
