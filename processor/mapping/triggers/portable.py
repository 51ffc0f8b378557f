"""Finds a trigger that means what another one seems to say.

What the manual lets people write is taken apart into comparisons and searches, negations moved into them, and put
together again in the one form that Segment reads as it is written: two levels, one connective on each, and at most one
function in each pair of parentheses, as the last thing there.
"""

from __future__ import annotations

import math
from itertools import product
from typing import Final, Literal, TypeAlias

from processor.mapping.filters import FilterError
from processor.mapping.filters import parser as manual
from processor.mapping.filters.expressions import (
    Call,
    Comparison,
    Connective,
    Constant,
    Expression,
    Field,
    Items,
    Junction,
    Not,
    written,
)
from processor.mapping.triggers.readings import as_expression
from processor.mapping.triggers.terms import Condition, Group, Operator, Term

_Clauses: TypeAlias = list[tuple[Condition, ...]]

_MAX_CLAUSES: Final = 16
"""More than this nobody wants to read."""

_OPPOSITE: Final[dict[Connective, Connective]] = {"and": "or", "or": "and"}
_MIRRORED: Final[dict[str, Literal["=", "!=", "<", "<=", ">", ">="]]] = {
    "=": "=",
    "!=": "!=",
    "<": ">",
    "<=": ">=",
    ">": "<",
    ">=": "<=",
}
_NEGATIONS: Final[dict[Operator, Operator]] = {
    "=": "!=",
    "!=": "=",
    "contains": "!contains",
    "starts": "!starts",
    "ends": "!ends",
}
_WILDCARDS: Final = frozenset("*?[\\")


def portable(text: str) -> str | None:
    """Return a trigger in which Segment should read what this text says, None where none can be told.

    It is a proposal: whether Segment does read it so is for the strict parser to say.
    """
    try:
        term = _term(manual.parse(text), is_negated=False)
    except FilterError:
        return None
    found = None if term is None else _arranged(term)
    return None if found is None else written(as_expression(found))


def _term(expression: Expression, *, is_negated: bool) -> Term | None:
    """Return an expression, or its negation, as groups of conditions, None when it has none that triggers know."""
    match expression:
        case Not(operand):
            return _term(operand, is_negated=not is_negated)
        case Junction(connective, operands):
            children = [_term(operand, is_negated=is_negated) for operand in operands]
            return _group(_OPPOSITE[connective] if is_negated else connective, children)
        case Comparison("in", left, Items(items)):
            comparisons = [_condition(Comparison("=", left, item), is_negated=is_negated) for item in items]
            return _group("and" if is_negated else "or", list(comparisons))
        case _:
            return _condition(expression, is_negated=is_negated)


def _group(connective: Connective, children: list[Term | None]) -> Term | None:
    """Return a group, None when it is empty or one of its terms is missing."""
    terms = tuple(child for child in children if child is not None)
    return Group(connective, terms) if terms and len(terms) == len(children) else None


def _condition(expression: Expression, *, is_negated: bool) -> Condition | None:
    """Return one comparison or search, or its negation."""
    condition = _plain(expression)
    if condition is None or not is_negated:
        return condition
    is_text = condition.literal is None or isinstance(condition.literal, str)
    negation = _NEGATIONS.get(condition.operator) if is_text else None
    return None if negation is None else Condition(condition.keys, negation, condition.literal)


def _plain(expression: Expression) -> Condition | None:
    """Return one comparison or search; a field alone asks for true."""
    match expression:
        case Comparison(("=" | "!=" | "<" | "<=" | ">" | ">=") as comparator, Field(keys), Constant(value)):
            return Condition(keys, comparator, value)
        case Comparison(comparator, Constant(value), Field(keys)) if comparator != "in":
            return Condition(keys, _MIRRORED[comparator], value)
        case Field(keys):
            return Condition(keys, "=", literal=True)
        case Call("contains", (Field(keys), Constant(str(part)))):
            return Condition(keys, "contains", part)
        case Call("match", (Field(keys), Constant(str(glob)))):
            return _affix(Condition(keys, "=", glob), glob)
    return None


def _affix(whole: Condition, glob: str) -> Condition | None:
    """Return the search that a pattern is, the whole comparison when it has no wildcard."""
    if _WILDCARDS.isdisjoint(glob):
        return whole
    operators: dict[tuple[bool, bool], Operator] = {
        (False, True): "starts",
        (True, False): "ends",
        (True, True): "contains",
    }
    ends = glob.startswith("*"), len(glob) > 1 and glob.endswith("*")
    part = glob[ends[0] : len(glob) - ends[1]]
    if ends not in operators or not _WILDCARDS.isdisjoint(part):
        return None
    return Condition(whole.keys, operators[ends], part)


def _arranged(term: Term) -> Term | None:
    """Return the shorter of the two arrangements in two levels, None when none can be written."""
    found = [_layout(outer, _clauses(term, outer)) for outer in _OPPOSITE]
    return min((layout for layout in found if layout is not None), key=_length, default=None)


def _clauses(term: Term, outer: Connective) -> _Clauses:
    """Return the term as clauses joined by `outer`, the conditions of each by the other word.

    Empty when there would be too many.
    """
    if not isinstance(term, Group):
        return [(term,)] if isinstance(term, Condition) else []
    parts = [_clauses(child, outer) for child in term.terms]
    is_outer = term.connective == outer
    count = sum(map(len, parts)) if is_outer else math.prod(map(len, parts))
    if not all(parts) or count > _MAX_CLAUSES:
        return []
    if is_outer:
        return list(dict.fromkeys(clause for part in parts for clause in part))
    merged = (tuple(dict.fromkeys(item for clause in choice for item in clause)) for choice in product(*parts))
    return list(dict.fromkeys(merged))


def _layout(outer: Connective, clauses: _Clauses) -> Term | None:
    """Return the clauses as a trigger, None when there is none or a function would stand in the middle of a group."""
    inner = _OPPOSITE[outer]
    if len(clauses) == 1:
        return _joined(inner, clauses[0])
    if not clauses or any(len(clause) > 1 and sum(map(_is_search, clause)) > 1 for clause in clauses):
        return None
    return Group(outer, tuple(_joined(inner, tuple(sorted(clause, key=_is_search))) for clause in clauses))


def _joined(connective: Connective, conditions: tuple[Condition, ...]) -> Term:
    """Return one condition as itself, several as a group."""
    return conditions[0] if len(conditions) == 1 else Group(connective, conditions)


def _is_search(condition: Condition) -> bool:
    """Return whether a condition is written as a function."""
    return condition.operator not in _MIRRORED


def _length(term: Term) -> int:
    """Return how many conditions a term has."""
    return sum(map(_length, term.terms)) if isinstance(term, Group) else 1
