"""What a filter says, as a tree, and the tree as text.

The text is a normal form: the same tree always reads the same, whatever quotes, blanks and needless parentheses the
filter was written with.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from processor.mapping.javascript import js_number
from processor.mapping.paths import Keys

Connective: TypeAlias = Literal["and", "or"]
Comparator: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">=", "in"]
Value: TypeAlias = str | float | bool | None


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that stands in the filter; numbers are 64-bit floats."""

    value: Value


@dataclass(frozen=True, slots=True)
class Field:
    """What stands at these keys of the event, null when nothing does."""

    keys: Keys


@dataclass(frozen=True, slots=True)
class Items:
    """A list that stands in the filter."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function of its arguments, as many as it takes."""

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two values and how they must stand to each other."""

    comparator: Comparator
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Not:
    """True where its operand is false or null."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Junction:
    """Expressions of which all, or any, must be true, tried from left to right as far as needed; at least two."""

    connective: Connective
    operands: tuple[Expression, ...]


Expression: TypeAlias = Constant | Field | Items | Call | Comparison | Not | Junction

_FIRST: Final = re.compile(r"[A-Za-z_]")
_OTHER: Final = re.compile(r"[^A-Za-z0-9_-]")
_ESCAPED_WORDS: Final = frozenset({"and", "or", "null"})


def junction(connective: Connective, operands: list[Expression]) -> Expression:
    """Return the operands joined, those that are joined by the same word themselves as their parts."""
    flat: list[Expression] = []
    for operand in operands:
        if isinstance(operand, Junction) and operand.connective == connective:
            flat.extend(operand.operands)
        else:
            flat.append(operand)
    return flat[0] if len(flat) == 1 else Junction(connective, tuple(flat))


def written(expression: Expression) -> str:
    """Return the expression in normal form."""
    match expression:
        case Constant(value):
            return written_value(value)
        case Field(keys):
            return written_keys(keys)
        case Items(items):
            return f"[{', '.join(map(written, items))}]"
        case Call(name, arguments):
            return f"{name}({', '.join(map(written, arguments))})"
        case _:
            return _written_operation(expression)


def _written_operation(expression: Comparison | Not | Junction) -> str:
    """Return what stands between, before or around other expressions."""
    match expression:
        case Comparison(comparator, left, right):
            return f"{_operand(left)} {comparator} {_operand(right)}"
        case Not(operand):
            return f"!{_operand(operand)}"
        case _:
            connective, operands = expression.connective, expression.operands
            return f" {connective} ".join(map(_joined, operands))


def written_value(value: Value) -> str:
    """Return a value as it stands in a filter."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            quote = "'" if '"' in value else '"'
            return f"{quote}{value}{quote}"
        case _:
            return js_number(value)


def written_keys(keys: Keys) -> str:
    """Return a path, with a backslash wherever a trigger or a filter needs one."""
    return ".".join(map(_written_key, keys))


def _written_key(key: str) -> str:
    """Return one name of a path."""
    first = key[:1] if _FIRST.match(key) and key not in _ESCAPED_WORDS else f"\\{key[:1]}"
    return first + _OTHER.sub(r"\\\g<0>", key[1:])


def _operand(expression: Expression) -> str:
    """Return an operand of a comparison or of a negation."""
    text = written(expression)
    return f"({text})" if isinstance(expression, (Comparison, Junction, Not)) else text


def _joined(expression: Expression) -> str:
    """Return an operand of `and` or `or`."""
    return f"({written(expression)})" if isinstance(expression, Junction) else written(expression)
