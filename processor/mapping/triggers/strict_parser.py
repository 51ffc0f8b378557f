"""Reads a trigger into a tree.

Grammar: a level is terms joined by one connective; a term is a comparison, a function, or, on the outermost level only,
a level in parentheses, in which a function stands last. That is as much as Segment reads the way it is written: on a
level its last connective rules all of it, and a group ends at the first closing parenthesis, also at a function's.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from processor.mapping.javascript import js_number
from processor.mapping.paths import Keys
from processor.mapping.triggers.errors import TriggerError
from processor.mapping.triggers.fields import BAGS, HEAD_FIELDS, SEARCHED_FIELDS, TEXT_FIELDS
from processor.mapping.triggers.strict_fields import read_field
from processor.mapping.triggers.strict_tokens import Kind, Token, tokenize
from processor.mapping.triggers.terms import Condition, Group, Operator, Term

_VALUES: Final = frozenset({Kind.TEXT, Kind.NUMBER, Kind.WORD, Kind.NAME})
_OPERATORS: Final[dict[str, Operator]] = {"=": "=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_FUNCTIONS: Final = frozenset({"contains", "match"})
_NEGATIONS: Final[dict[Operator, Operator]] = {"contains": "!contains", "starts": "!starts", "ends": "!ends"}
_WILDCARDS: Final = frozenset("*?[")
_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


def read(text: str) -> Term:
    """Return the tree of a trigger.

    Raises:
        TriggerError: at the first slip; `instead` is the trigger with this slip mended, where it can be mended alone;
            others may be left in it.
    """
    return _Parser(text).parse()


class _Span(NamedTuple):
    """A term as it is written, and where it starts."""

    text: str
    position: int


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
            spans.append(_Span(self._text[start : self._end()], start))
            if self._peek().kind is not Kind.CONNECTIVE:
                break
            joints.append(self._take())
        if self._peek().kind not in (Kind.END, Kind.CLOSE):
            raise self._unexpected("and / or must stand between two conditions")
        self._refuse_mixed(begin, spans, joints, inside=inside)
        if inside:
            self._refuse_cut(begin, terms, spans, joints)
        return _joined(terms, joints)

    def _end(self) -> int:
        """Return where the last token ends, quotes included."""
        token = self._tokens[self._index - 1]
        return token.position + len(token.text) + (2 if token.kind is Kind.TEXT else 0)

    def _replaced(self, begin: int, level: str) -> str:
        """Return the trigger with another level in place of the one that starts at `begin` and ends here."""
        return self._text[:begin] + level + self._text[self._peek().position :]

    def _refuse_mixed(self, begin: int, spans: list[_Span], joints: list[Token], *, inside: bool) -> None:
        """Refuse `and` beside `or` on one level: there the last one rules all of it."""
        other = next((joint for joint in joints if joint.text != joints[0].text), None)
        if other is None:
            return
        instead = None
        if not inside and not any(span.text.startswith("(") for span in spans):
            instead = self._replaced(begin, " or ".join(_bound(spans, joints)))
        message = "and beside or without parentheses: the last one would rule the whole level"
        raise TriggerError(message, position=other.position, instead=instead)

    def _refuse_cut(self, begin: int, terms: list[Term], spans: list[_Span], joints: list[Token]) -> None:
        """Refuse a group that goes on behind a function: it would be cut at the function's own parenthesis."""
        calls = [span for term, span in zip(terms, spans, strict=True) if _is_call(term)]
        cut = next((span for span in calls if span is not spans[-1]), None)
        if cut is None:
            return
        instead = None
        if len(calls) == 1:
            moved = [*(span.text for span in spans if span is not cut), cut.text]
            instead = self._replaced(begin, f" {joints[0].text} ".join(moved))
        message = "a group ends at the first closing parenthesis, also at that of a function in it"
        raise TriggerError(message, position=cut.position, instead=instead)

    def _term(self, *, inside: bool) -> Term:
        """Return a comparison, a function or a level in parentheses."""
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
        """Return one comparison or function."""
        is_negated = self._peek().kind is Kind.NOT
        if is_negated:
            self._take()
        if self._peek().kind is not Kind.NAME:
            raise self._unexpected("a field must stand here, as in event = ")
        field = self._take()
        if field.text in _FUNCTIONS and (is_negated or self._peek().kind is Kind.OPEN):
            return self._call(field, is_negated=is_negated)
        keys = read_field(field, self._text)
        if self._peek().kind is not Kind.OPERATOR:
            raise self._unexpected(f"= or another operator must follow {field.text}")
        operator = _OPERATORS[self._take().text]
        if operator in ("=", "!="):
            return Condition(keys, operator, self._literal(keys, field, operator))
        return Condition(keys, operator, self._number(operator))

    def _call(self, function: Token, *, is_negated: bool) -> Condition:
        """Return a search in a field: the function's name is taken already, the exclamation mark before it as well."""
        self._expect(Kind.OPEN, f"( must follow {function.text}")
        field = self._expect(Kind.NAME, f"a field must stand in {function.text}")
        keys = read_field(field, self._text)
        if keys[0] not in SEARCHED_FIELDS and keys[0] not in BAGS:
            raise TriggerError(f"{function.text} does not take {keys[0]}", position=field.position)
        self._expect(Kind.COMMA, "a comma must follow the field")
        part = self._searched_text()
        self._expect(Kind.CLOSE, ") must end a function")
        operator: Operator = "contains"
        text = part.text
        if function.text == "match":
            operator, text = self._affix(part, function, field, negation="!" if is_negated else "")
        return Condition(keys, _NEGATIONS[operator] if is_negated else operator, text)

    def _affix(self, pattern: Token, function: Token, field: Token, *, negation: str) -> tuple[Operator, str]:
        """Return how a text must start or end to match a pattern, refused unless one `*` stands at one end of it."""
        text = pattern.text
        if text.endswith("*") and _WILDCARDS.isdisjoint(text[:-1]):
            return "starts", text[:-1]
        if text.startswith("*") and _WILDCARDS.isdisjoint(text[1:]):
            return "ends", text[1:]
        message, said = "a pattern has one star, at its start or its end, and no other wildcard", None
        if _WILDCARDS.isdisjoint(text):
            message = "without a star at the end the first character of a pattern is dropped"
            said = f'{field.text} {negation}= "{text}"'
        elif text.startswith("*") and text.endswith("*") and _WILDCARDS.isdisjoint(text[1:-1]):
            said = f'{negation}contains({field.text}, "{text[1:-1]}")'
        start = function.position - len(negation)
        instead = None if said is None else self._text[:start] + said + self._text[self._end() :]
        raise TriggerError(message, position=pattern.position, instead=instead)

    def _searched_text(self) -> Token:
        """Return the text that a function searches for, refused when it does not stand in double quotes."""
        token = self._peek()
        if token.kind in _VALUES and token.kind is not Kind.TEXT:
            instead = self._quoted(token, token.text)
            raise TriggerError("a text stands in double quotes", position=token.position, instead=instead)
        return self._expect(Kind.TEXT, "a text must stand behind the comma")

    def _expect(self, kind: Kind, expected: str) -> Token:
        """Return the next token, which must be of this kind."""
        if self._peek().kind is not kind:
            raise self._unexpected(expected)
        return self._take()

    def _number(self, operator: Operator) -> float:
        """Return the number that an ordering compares with."""
        token = self._peek()
        if token.kind is Kind.TEXT:
            instead = None
            if _NUMBER.fullmatch(token.text):
                instead = self._text[: token.position] + token.text + self._text[token.position + len(token.text) + 2 :]
            message = f"{operator} compares numbers; a text would be read as one"
            raise TriggerError(message, position=token.position, instead=instead)
        return float(self._expect(Kind.NUMBER, f"a number must follow {operator}").text)

    def _literal(self, keys: Keys, field: Token, operator: Operator) -> str | float | bool | None:
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

    def _boolean(self, keys: Keys, token: Token, field: Token, operator: Operator) -> bool:
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


def _is_call(term: Term) -> bool:
    """Return whether a term is a function: its own parenthesis closes a group around it."""
    return isinstance(term, Condition) and term.operator not in _OPERATORS


def _bound(spans: list[_Span], joints: list[Token]) -> list[str]:
    """Return the conditions with each run of `and` in parentheses: what people mean when they write both."""
    runs = [[spans[0].text]]
    for joint, span in zip(joints, spans[1:], strict=True):
        if joint.text == "and":
            runs[-1].append(span.text)
        else:
            runs.append([span.text])
    return [run[0] if len(run) == 1 else f"({' and '.join(run)})" for run in runs]
