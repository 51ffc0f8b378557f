"""Reads a trigger as Segment's destinations do, whatever it seems to say.

What Segment does not know it steps over, so nearly any text is a trigger. On each level the last `and` or `or` rules;
a group ends at the first closing parenthesis; a field takes the next two words for operator and value, whatever they
are, and a function the next five.

Source: contract of the trigger dialect; golden cases of the trigger language.
"""

from __future__ import annotations

import math
import re
from typing import Final, Literal, TypeAlias

from processor.mapping.javascript import js_number, text_number
from processor.mapping.triggers.errors import TriggerError
from processor.mapping.triggers.evaluate import predicate
from processor.mapping.triggers.fields import BAGS, HEAD_FIELDS, SEARCHED_FIELDS, TEXT_FIELDS
from processor.mapping.triggers.segment_tokens import END, Kind, Token, tokenize
from processor.mapping.triggers.terms import Condition, Constant, Failing, Group, Operator, Term
from processor.mapping.triggers.units import without_first_unit

_Value: TypeAlias = str | float | bool

_BAG_PREFIX: Final = re.compile("properties|traits|context")
_KEY: Final = re.compile(r"[^.\[\]]+")
_FUNCTIONS: Final = frozenset({"contains", "match"})

_SYMBOLS: Final[dict[str, Operator]] = {"=": "=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_NAMED: Final[dict[str, tuple[Operator, bool | None]]] = {
    "exists": ("!=", None),
    "not_exists": ("=", None),
    "is_true": ("=", True),
    "is_false": ("=", False),
}
"""Names under which Segment keeps conditions on presence and truth. Written as an operator they work as well."""
_NAMED_SEARCHES: Final[dict[str, Operator]] = {
    "contains": "contains",
    "not_contains": "!contains",
    "starts_with": "starts",
    "not_starts_with": "!starts",
    "ends_with": "ends",
    "not_ends_with": "!ends",
}
_NEGATED: Final[dict[str, Operator]] = {"contains": "!contains", "starts": "!starts", "ends": "!ends"}
_EMPTY: Final = Failing("a group in parentheses holds no condition that Segment knows")


def parse(text: str) -> Term:
    """Return the tree that Segment makes of a text.

    Raises:
        TriggerError: Segment makes nothing of it, and would never run the subscription.
    """
    term = _Reader(tokenize(text)).level()
    if term is None:
        raise TriggerError("Segment finds no condition that it knows in this", position=0)
    return term


class _Reader:
    """One pass over the tokens of a level: all of the trigger, or a group without its parentheses."""

    def __init__(self, tokens: list[Token]) -> None:
        """Start before the first token."""
        self._tokens = tokens
        self._index = 0

    def level(self) -> Term | None:
        """Return what the level says, None when it holds no condition."""
        terms: list[Term | None] = []
        connective: Literal["and", "or"] = "and"
        while (token := self._take()) is not None and token.kind is not Kind.END:
            match token.kind:
                case Kind.NAME:
                    self._named(token, terms)
                case Kind.OPERATOR if token.value == "!" and self._is_function(self._peek()):
                    self._function(self._need("a function"), terms, negated=True)
                case Kind.OPEN:
                    terms.append(self._group())
                case Kind.CONNECTIVE:
                    connective = "and" if token.value == "and" else "or"
        if len(terms) > 1:
            return Group(connective, tuple(_EMPTY if term is None else term for term in terms))
        return terms[0] if terms else None

    def _peek(self) -> Token | None:
        """Return the next token, None when even the end was taken."""
        return self._tokens[self._index] if self._index < len(self._tokens) else None

    def _take(self) -> Token | None:
        """Return the next token and step over it; None when even the end was taken."""
        token = self._peek()
        self._index += 1
        return token

    def _need(self, what: str) -> Token:
        """Return the next token and step over it; the end counts as one."""
        token = self._take()
        if token is None:
            raise TriggerError(f"Segment misses {what} at the end of this", position=0)
        return token

    def _is_function(self, token: Token | None) -> bool:
        """Return whether a token is the name of a function."""
        return token is not None and token.kind is Kind.NAME and token.value in _FUNCTIONS

    def _named(self, token: Token, terms: list[Term | None]) -> None:
        """Read what starts with a name, and step over the name when it is none that Segment knows."""
        head = token.value.partition(".")[0]
        if head in HEAD_FIELDS or head in BAGS:
            terms.append(_condition(head, token.value, self._need("an operator"), self._need("a value")))
        elif self._is_function(token):
            self._function(token, terms, negated=False)

    def _group(self) -> Term | None:
        """Return what the tokens up to the first closing parenthesis say, None when that is nothing."""
        inside: list[Token] = []
        while (token := self._need("a closing parenthesis")).kind is not Kind.CLOSE:
            inside.append(token)
        return _Reader([*inside, END]).level()

    def _function(self, function: Token, terms: list[Term | None], *, negated: bool) -> None:
        """Read the arguments of a function: parenthesis, field, comma, value, parenthesis, by place alone."""
        self._take()
        field = self._need("a field")
        self._take()
        value = self._need("a value")
        self._take()
        operator: Operator
        if function.value == "contains":
            operator, part = "contains", _text(_value(value))
        elif value.value.endswith('*"'):
            operator, part = "starts", _text(_value(value))[:-1]
        else:
            operator, part = "ends", without_first_unit(_text(_value(value)))
        _search(field.value, _NEGATED[operator] if negated else operator, part, terms)


def _search(field: str, operator: Operator, part: str, terms: list[Term | None]) -> None:
    """Add the search in a field; one in an unknown field is left out."""
    bag = _BAG_PREFIX.match(field)
    if field in SEARCHED_FIELDS:
        terms.append(Condition((field,), operator, part))
    elif bag is not None:
        terms.append(_on_member(bag[0], field, operator, part))


def _condition(head: str, field: str, operator: Token, value: Token) -> Term:
    """Return the condition of a field, an operator and a value."""
    if head in TEXT_FIELDS:
        return _compared((head,), operator.value, _text(_value(value)))
    if operator.value in ("=", "!=") and value.value == "null":
        return _placed(head, field, "=" if operator.value == "=" else "!=", None)
    if head == "name":
        return _compared((head,), operator.value, _text(_value(value)))
    if operator.value == "=" and value.value in ("true", "false"):
        return _placed(head, field, "=", value.value == "true")
    if head == "userId":
        return _compared((head,), operator.value, _text(_value(value)))
    return _on_member(head, field, *_said(operator.value, _value(value)))


def _placed(head: str, field: str, operator: Operator, literal: bool | None) -> Term:  # noqa: FBT001 - a literal of the language
    """Return a condition on a field of its own or on a member of an object."""
    return Condition((head,), operator, literal) if head in HEAD_FIELDS else _on_member(head, field, operator, literal)


def _compared(keys: tuple[str, ...], operator: str, text: str) -> Term:
    """Return the condition of a field that compares with a text."""
    said, literal = _said(operator, text)
    return Constant(holds=False) if said is None else Condition(keys, said, literal)


def _said(operator: str, value: _Value) -> tuple[Operator | None, _Value | None]:
    """Return operator and literal as a condition keeps them; no operator when there is none of this name."""
    if operator in _NAMED:
        return _NAMED[operator]
    if operator in _NAMED_SEARCHES:
        return _NAMED_SEARCHES[operator], _text(value)
    known = _SYMBOLS.get(operator)
    if known in ("=", "!="):
        return known, _text(value) if isinstance(value, bool) else value
    return known, _number(value)


def _on_member(bag: str, field: str, operator: Operator | None, literal: _Value | None) -> Term:
    """Return a condition on a member of one of the objects.

    The name is what stands behind the object's, or all of it when there is no point; it splits at points and brackets,
    also at escaped ones.
    """
    name = field.removeprefix(f"{bag}.")
    keys = tuple(_KEY.findall(name))
    if name and not keys:
        return Failing(f"no member of {bag} can have a name like {name!r}")
    if operator is None:
        return Constant(holds=False)
    if not name:
        # Segment finds nothing under an empty name, not even a member that has it.
        return Constant(predicate(Condition(("",), operator, literal))({}))
    return Condition((bag, *keys), operator, literal)


def _value(token: Token) -> _Value:
    """Return the value that a token stands for: nearly any token is one, under its own name."""
    match token.kind:
        case Kind.TEXT:
            return token.value[1:-1] if token.value[0] == '"' else token.value
        case Kind.NUMBER:
            return _decimal(token.value)
        case Kind.NAME if token.value in ("true", "false"):
            return token.value == "true"
    return token.value


def _text(value: _Value) -> str:
    """Return the text that JavaScript prints for a value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else js_number(value)


def _decimal(text: str) -> float:
    """Return the number of a run of digits with sign and point, NaN when it has no digit."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _number(value: _Value) -> float:
    """Return `Number(value)` of JavaScript as a 64-bit float, NaN when the value is no number."""
    if not isinstance(value, str):
        return float(value)
    return text_number(value)
