"""Reads a trigger into a tree.

Grammar: a level is terms joined by one connective; a term is a comparison, or, on the outermost level only, a level in
parentheses. That is as much as Segment reads the way it is written: on a level its last connective rules all of it,
and a group ends at the first closing parenthesis.
"""

from __future__ import annotations

from typing import Final, Literal

from processor.mapping.javascript import js_number
from processor.mapping.paths import Keys
from processor.mapping.triggers.errors import TriggerError
from processor.mapping.triggers.strict_fields import HEAD_FIELDS, TEXT_FIELDS, read_field
from processor.mapping.triggers.strict_tokens import Kind, Token, tokenize
from processor.mapping.triggers.terms import Condition, Group, Term

_VALUES: Final = frozenset({Kind.TEXT, Kind.NUMBER, Kind.WORD, Kind.NAME})

_MAX_SLIPS: Final = 20
"""A trigger with more slips than this is better written anew."""


def parse(text: str) -> Term:
    """Return the tree of a trigger.

    Raises:
        TriggerError: it does not parse, or Segment would read it differently from what it says. The trigger to use
            instead, where one can be told, does parse.
    """
    try:
        return _Parser(text).parse()
    except TriggerError as error:
        raise TriggerError(error.problem, position=error.position, instead=_mended(error.instead)) from None


def _mended(text: str | None) -> str | None:
    """Return a trigger with its other slips mended as well, None when one of them cannot be."""
    for _ in range(_MAX_SLIPS):
        if text is None:
            return None
        try:
            _Parser(text).parse()
        except TriggerError as error:
            text = error.instead
        else:
            return text
    return None


class _Parser:
    """One pass over the tokens of one trigger."""

    def __init__(self, text: str) -> None:
        """Start before the first token."""
        self._text = text
        self._tokens = tokenize(text)
        self._index = 0

    def parse(self) -> Term:
        """Return the tree of the whole text."""
        if self._peek().kind is Kind.END:
            raise TriggerError("a trigger is needed", position=0, instead='type = "track"')
        term = self._level(inside=False)
        if self._peek().kind is Kind.CLOSE:
            raise self._unexpected("this parenthesis closes nothing")
        return term

    def _peek(self) -> Token:
        """Return the next token without taking it."""
        return self._tokens[self._index]

    def _take(self) -> Token:
        """Return the next token and step over it; the end stays."""
        token = self._tokens[self._index]
        if token.kind is not Kind.END:
            self._index += 1
        return token

    def _level(self, *, inside: bool) -> Term:
        """Return terms joined by one connective, up to a closing parenthesis or the end."""
        begin = self._peek().position
        terms, spans, joints = [], [], []
        while True:
            start = self._peek().position
            terms.append(self._term(inside=inside))
            spans.append(self._text[start : self._tokens[self._index - 1].position + self._length()])
            if self._peek().kind is not Kind.CONNECTIVE:
                break
            joints.append(self._take())
        if self._peek().kind not in (Kind.END, Kind.CLOSE):
            raise self._unexpected("and / or must stand between two conditions")
        self._refuse_mixed(begin, spans, joints, inside=inside)
        return _joined(terms, joints)

    def _length(self) -> int:
        """Return how many characters the last token takes, quotes included."""
        token = self._tokens[self._index - 1]
        return len(token.text) + (2 if token.kind is Kind.TEXT else 0)

    def _refuse_mixed(self, begin: int, spans: list[str], joints: list[Token], *, inside: bool) -> None:
        """Refuse `and` beside `or` on one level: there the last one rules all of it."""
        other = next((joint for joint in joints if joint.text != joints[0].text), None)
        if other is None:
            return
        instead = None
        if not inside and not any(span.startswith("(") for span in spans):
            level = " or ".join(_bound(spans, joints))
            instead = self._text[:begin] + level + self._text[self._peek().position :]
        message = "and beside or without parentheses: the last one would rule the whole level"
        raise TriggerError(message, position=other.position, instead=instead)

    def _term(self, *, inside: bool) -> Term:
        """Return a comparison or a level in parentheses."""
        if self._peek().kind is not Kind.OPEN:
            return self._condition()
        if inside:
            raise self._unexpected("parentheses inside parentheses are cut at the first closing one")
        self._take()
        term = self._level(inside=True)
        if self._take().kind is not Kind.CLOSE:
            raise TriggerError("a parenthesis is not closed", position=len(self._text), instead=self._text + ")")
        return term

    def _condition(self) -> Condition:
        """Return one comparison."""
        if self._peek().kind is not Kind.NAME:
            raise self._unexpected("a field must stand here, as in event = ")
        field = self._take()
        keys = read_field(field, self._text)
        if self._peek().kind is not Kind.OPERATOR:
            raise self._unexpected(f"= or != must follow {field.text}")
        operator: Literal["=", "!="] = "=" if self._take().text == "=" else "!="
        return Condition(keys, operator, self._literal(keys, field, operator))

    def _literal(self, keys: Keys, field: Token, operator: str) -> str | float | bool | None:
        """Return the value that is compared with, refused where the field does not compare with its type."""
        token = self._peek()
        if token.kind not in _VALUES:
            raise self._unexpected('a value must stand here: "text", a number, true, false or null')
        self._index += 1
        match token.kind:
            case Kind.TEXT:
                return token.text
            case Kind.NUMBER:
                self._refuse_untyped(keys, token, js_number(float(token.text)))
                return float(token.text)
            case Kind.WORD if token.text == "null":
                self._refuse_null(keys, token)
                return None
            case Kind.WORD:
                return self._boolean(keys, token, field, operator)
        instead = self._quoted(token, token.text)
        raise TriggerError("a text stands in double quotes", position=token.position, instead=instead)

    def _refuse_null(self, keys: Keys, token: Token) -> None:
        """Refuse null where Segment compares with the text "null"."""
        if keys[0] in TEXT_FIELDS:
            problem = f'{keys[0]} would be compared with the text "null", which is no test for being there'
            raise TriggerError(problem, position=token.position)

    def _boolean(self, keys: Keys, token: Token, field: Token, operator: str) -> bool:
        """Return true or false, for the fields and the operator that compare it as a boolean."""
        if keys[0] != "userId":
            self._refuse_untyped(keys, token, token.text)
        if operator == "!=":
            opposite = "false" if token.text == "true" else "true"
            end = token.position + len(token.text)
            instead = f"{self._text[: field.position]}{field.text} = {opposite}{self._text[end:]}"
            problem = f"!= {token.text} is always true, for it compares with a text"
            raise TriggerError(problem, position=token.position, instead=instead)
        return token.text == "true"

    def _refuse_untyped(self, keys: Keys, token: Token, printed: str) -> None:
        """Refuse a literal that the field would compare as the text that JavaScript prints."""
        if keys[0] in HEAD_FIELDS:
            problem = f'{keys[0]} would be compared with the text "{printed}"'
            raise TriggerError(problem, position=token.position, instead=self._quoted(token, printed))

    def _quoted(self, token: Token, text: str) -> str:
        """Return the trigger with a text in double quotes in place of this token."""
        end = token.position + len(token.text)
        return f'{self._text[: token.position]}"{text}"{self._text[end:]}'

    def _unexpected(self, expected: str) -> TriggerError:
        """Return the error for the next token, which is not what should stand there."""
        token = self._peek()
        found = token.text if token.text and token.kind is not Kind.TEXT else token.kind.value
        return TriggerError(f"{expected}, but here is {found}", position=token.position)


def _joined(terms: list[Term], joints: list[Token]) -> Term:
    """Return one term as itself, several as a group."""
    if not joints:
        return terms[0]
    return Group("and" if joints[0].text == "and" else "or", tuple(terms))


def _bound(spans: list[str], joints: list[Token]) -> list[str]:
    """Return the conditions with each run of `and` in parentheses: what people mean when they write both."""
    runs = [[spans[0]]]
    for joint, span in zip(joints, spans[1:], strict=True):
        if joint.text == "and":
            runs[-1].append(span)
        else:
            runs.append([span])
    return [run[0] if len(run) == 1 else f"({' and '.join(run)})" for run in runs]
