"""Reads a filter into a tree, by the grammar of the manual.

`or` joins what `and` joins; `and` joins comparisons; a comparison has two operands and one operator; an operand is a
value, a field, a list, a function, a negated operand, or anything in parentheses. The manual does not say that `and`
binds tighter than `or`; nearly every language has it so, and Segment's answer is not known.

Source: Segment's manual, "Destination Filter Query Language".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from processor.config.problems import nearest
from processor.mapping.filters.errors import FilterError
from processor.mapping.filters.expressions import (
    Call,
    Comparator,
    Comparison,
    Connective,
    Constant,
    Expression,
    Field,
    Items,
    Not,
    junction,
)
from processor.mapping.filters.functions import COMPARISONS, FUNCTIONS
from processor.mapping.filters.globs import compile_glob
from processor.mapping.filters.tokens import Kind, Token, tokenize

_MAX_DEPTH: Final = 50
"""Parentheses, lists, functions and negations inside one another: more than people write, less than the stack holds."""

_VERSION_COMPARATORS: Final[tuple[Expression, ...]] = tuple(Constant(text) for text in COMPARISONS)
_WORDS: Final = {"true": True, "false": False, "null": None}
_COMPARATORS: Final[dict[str, Comparator]] = {
    "=": "=",
    "!=": "!=",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
    "in": "in",
}


def parse(text: str) -> Expression:
    """Return the tree of a filter's condition.

    Raises:
        FilterError: it does not parse, or can never be true or false.
    """
    return _Parser(text).parse()


class _Parser:
    """One pass over the tokens of one filter."""

    def __init__(self, text: str) -> None:
        """Start before the first token."""
        self._tokens = tokenize(text)
        self._index = 0
        self._depth = 0

    def parse(self) -> Expression:
        """Return the tree of the whole text."""
        start = self._peek()
        expression = self._either()
        if self._peek().kind is not Kind.END:
            raise self._unexpected("and / or must stand between two conditions")
        _refuse_no_boolean(expression, start)
        return expression

    def _peek(self) -> Token:
        """Return the next token without taking it."""
        return self._tokens[self._index]

    def _take(self) -> Token:
        """Return the next token and step over it."""
        self._index += 1
        return self._tokens[self._index - 1]

    def _takes(self, text: str, kind: Kind = Kind.SIGN) -> bool:
        """Return whether the next token is this one, and step over it then."""
        token = self._peek()
        is_it = token.kind is kind and token.text == text
        self._index += is_it
        return is_it

    def _expect(self, text: str) -> None:
        """Step over a sign that must stand here."""
        if not self._takes(text):
            raise self._unexpected(f"{text} must stand here")

    def _unexpected(self, expected: str) -> FilterError:
        """Return the error for the next token, which is not what should stand there."""
        token = self._peek()
        found = token.kind.value if token.kind in (Kind.TEXT, Kind.END) else token.text
        return FilterError(f"{expected}, but here is {found}", position=token.position)

    def _either(self) -> Expression:
        """Return what `or` joins."""
        start = self._peek()
        first = self._both()
        return self._joined("or", first, start) if self._is_next("or") else first

    def _both(self) -> Expression:
        """Return what `and` joins."""
        start = self._peek()
        first = self._comparison()
        return self._joined("and", first, start) if self._is_next("and") else first

    def _is_next(self, connective: Connective) -> bool:
        """Return whether the next token is this connective."""
        return self._peek().kind is Kind.CONNECTIVE and self._peek().text == connective

    def _joined(self, connective: Connective, first: Expression, start: Token) -> Expression:
        """Return the first operand, which is read, joined with those that follow; each must be a boolean or null."""
        _refuse_no_boolean(first, start)
        operands = [first]
        while self._takes(connective, Kind.CONNECTIVE):
            start = self._peek()
            operands.append(self._both() if connective == "or" else self._comparison())
            _refuse_no_boolean(operands[-1], start)
        return junction(connective, operands)

    def _comparison(self) -> Expression:
        """Return an operand, or two that are compared."""
        left = self._operand()
        if self._peek().kind is not Kind.COMPARATOR:
            return left
        comparator = _COMPARATORS[self._take().text]
        return Comparison(comparator, left, self._operand())

    def _operand(self) -> Expression:
        """Return one operand, inside a bounded number of others."""
        if self._depth >= _MAX_DEPTH:
            raise FilterError("the filter is nested too deeply", position=self._peek().position)
        self._depth += 1
        operand = self._value()
        self._depth -= 1
        return operand

    def _value(self) -> Expression:
        """Return a value, a field, a list, a function, a negation, or what stands in parentheses."""
        token = self._peek()
        match token.kind:
            case Kind.TEXT:
                return Constant(self._take().text)
            case Kind.NUMBER:
                return Constant(float(self._take().text))
            case Kind.WORD:
                return Constant(_WORDS[self._take().text])
            case Kind.PATH:
                self._take()
                return self._call(token) if self._takes("(") else Field(token.keys)
            case Kind.SIGN if token.text in "!([":
                return self._signed(self._take())
        raise self._unexpected("a field, a value, a function or ( must stand here")

    def _signed(self, sign: Token) -> Expression:
        """Return what starts with a sign."""
        if sign.text == "!":
            operand = self._operand()
            _refuse_no_boolean(operand, sign)
            return Not(operand)
        if sign.text == "[":
            return Items(tuple(self._listed("]", self._operand)))
        inner = self._either()
        self._expect(")")
        return inner

    def _listed(self, end: str, read: Callable[[], Expression]) -> list[Expression]:
        """Return what stands between commas up to the closing sign, which is taken as well."""
        found: list[Expression] = []
        if self._takes(end):
            return found
        found.append(read())
        while self._takes(","):
            found.append(read())
        self._expect(end)
        return found

    def _call(self, name: Token) -> Expression:
        """Return a function; its name and parenthesis are taken already."""
        function = FUNCTIONS.get(name.text)
        if function is None:
            near = nearest(name.text, FUNCTIONS)
            hint = "" if near is None else f"; did you mean {near}?"
            raise FilterError(f"there is no function {name.text}{hint}", position=name.position)
        arguments = self._listed(")", self._either)
        if len(arguments) != function.argument_count:
            count = function.argument_count
            message = f"{name.text} takes {count} argument{'s' if count > 1 else ''}, not {len(arguments)}"
            raise FilterError(message, position=name.position)
        _refuse_fixed(name, arguments)
        return Call(name.text, tuple(arguments))


def _refuse_fixed(name: Token, arguments: list[Expression]) -> None:
    """Refuse a pattern or an operator that is not written in the filter, or that cannot be used."""
    if name.text == "semver" and arguments[1] not in _VERSION_COMPARATORS:
        raise FilterError(f"semver compares by one of {', '.join(COMPARISONS)}, in quotes", position=name.position)
    if name.text != "match":
        return
    if not isinstance(arguments[1], Constant) or not isinstance(arguments[1].value, str):
        raise FilterError("match takes the field first, then a pattern in quotes", position=name.position)
    try:
        compile_glob(arguments[1].value)
    except ValueError as error:
        raise FilterError(str(error), position=name.position) from error


def _refuse_no_boolean(expression: Expression, start: Token) -> None:
    """Refuse what can never be true or false where only that counts."""
    match expression:
        case Constant(value) if not isinstance(value, (bool, type(None))):
            given = "a value"
        case Items():
            given = "a list"
        case Call(name) if FUNCTIONS[name].gives != "boolean":
            given = name
        case _:
            return
    raise FilterError(f"a condition must be true or false, which {given} is not", position=start.position)
