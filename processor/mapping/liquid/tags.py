"""The tags of Liquid: what is between `{%` and `%}`."""

from __future__ import annotations

import re
from typing import Final

from processor.mapping.javascript import to_double
from processor.mapping.liquid.budget import refuse
from processor.mapping.liquid.context import Context, Evaluate, Node
from processor.mapping.liquid.expressions import read_filtered
from processor.mapping.liquid.lexer import Kind, Token, line_tokens
from processor.mapping.liquid.operands import read_value
from processor.mapping.liquid.parser import Parser, ReadTag
from processor.mapping.liquid.reader import Reader
from processor.mapping.liquid.values import Value, is_number, is_untrue, plain, text_of
from processor.mapping.values import ABSENT

_UNMARKED_LINE: Final = re.compile(r"\n\s*[^#\s]")
_EXACT: Final = 2**53
_BLOCK: Final = {"super": ""}
"""What the name `block` stands for inside a block: without a layout there is nothing above it."""


def _assign(token: Token, parser: Parser) -> Node:
    """Return the node of `assign name = value`."""
    reader = Reader(token.content)
    name = reader.identifier()
    reader.skip_blanks()
    if not name or reader.peek() != "=":
        raise refuse("has a tag assign that is not name = value")
    reader.position += 1
    evaluate = read_filtered(reader, parser.findings)

    def render(context: Context) -> None:
        context.scopes[0][name] = evaluate(context)

    return render


def _body(token: Token, parser: Parser, end: str) -> tuple[Node, ...]:
    """Return the nodes up to the tag that closes this one."""
    nodes: list[Node] = []
    while True:
        inner = parser.take(token)
        if inner.kind is Kind.TAG and inner.name == end:
            return tuple(nodes)
        nodes.append(parser.node(inner))


def _capture(token: Token, parser: Parser) -> Node:
    """Return the node of `capture name`: what is inside becomes the name's value."""
    reader = Reader(token.content)
    name = reader.identifier() or reader.quoted()
    if name is None:
        raise refuse("has a tag capture without a name")
    nodes = _body(token, parser, "endcapture")

    def render(context: Context) -> None:
        context.scopes[0][name] = context.captured(nodes)

    return render


def _block(token: Token, parser: Parser) -> Node:
    """Return the node of `block`: without layouts, what is inside."""
    nodes = _body(token, parser, "endblock")

    def render(context: Context) -> None:
        context.scopes.append({"block": _BLOCK})
        context.run(nodes)
        context.scopes.pop()

    return render


def _skipped(token: Token, parser: Parser) -> list[Token]:
    """Return the tokens up to the tag that closes this one, unread."""
    tokens: list[Token] = []
    while True:
        inner = parser.take(token)
        if inner.kind is Kind.TAG and inner.name == f"end{token.name}":
            return tokens
        tokens.append(inner)


def _nothing(_context: Context) -> None:
    """Render nothing."""


def _comment(token: Token, parser: Parser) -> Node:
    """Return the node of `comment`."""
    _skipped(token, parser)
    return _nothing


def _raw(token: Token, parser: Parser) -> Node:
    """Return the node of `raw`: what is inside, as it is written."""
    text = "".join(inner.source for inner in _skipped(token, parser))
    return lambda context: context.write(text)


def _inline_comment(token: Token, _parser: Parser) -> Node:
    """Return the node of `# comment`."""
    if _UNMARKED_LINE.search(token.content):
        raise refuse("has an inline comment with a line that does not begin with #")
    return _nothing


def _no_arguments(token: Token) -> None:
    """Raise an error when something stands behind the name of a tag that takes nothing."""
    if token.content:
        raise refuse(f"has something behind the tag {token.name}")


def _if(token: Token, parser: Parser) -> Node:
    """Return the node of `if`, its `elsif` and `else`."""
    body: list[Node] = []
    branches = [(parser.expression(token.content), body)]
    otherwise: list[Node] | None = None
    while True:
        inner = parser.take(token)
        match inner.name:
            case "elsif":
                if otherwise is not None:
                    raise refuse("has a tag elsif behind else")
                body = []
                branches.append((parser.expression(inner.content), body))
            case "else":
                _no_arguments(inner)
                if otherwise is not None:
                    raise refuse("has two tags else in one if")
                body = otherwise = []
            case "endif":
                _no_arguments(inner)
                return _choice(branches, otherwise or [])
            case _:
                body.append(parser.node(inner))


def _unless(token: Token, parser: Parser) -> Node:
    """Return the node of `unless`; branches behind its first `else` are read and never rendered."""
    body: list[Node] = []
    test = parser.expression(token.content)
    branches: list[tuple[Evaluate, list[Node]]] = [(lambda context: is_untrue(test(context)), body)]
    otherwise: list[Node] | None = None
    while True:
        inner = parser.take(token)
        match inner.name:
            case "elsif" | "else" if otherwise is not None:
                body = []
            case "elsif":
                body = []
                branches.append((parser.expression(inner.content), body))
            case "else":
                body = otherwise = []
            case "endunless":
                return _choice(branches, otherwise or [])
            case _:
                body.append(parser.node(inner))


def _choice(branches: list[tuple[Evaluate, list[Node]]], otherwise: list[Node]) -> Node:
    """Return the node that renders the first branch whose test is not untrue."""
    choices = tuple((test, tuple(nodes)) for test, nodes in branches)
    fallback = tuple(otherwise)

    def render(context: Context) -> None:
        for test, nodes in choices:
            if not is_untrue(test(context)):
                context.run(nodes)
                return
        context.run(fallback)

    return render


def _counter(token: Token, parser: Parser) -> Node:
    """Return the node of `increment` or `decrement`: it prints a counter of the root, and writes it back changed."""
    name = Reader(token.content).identifier()
    step, shown = (1, 0) if token.name == "increment" else (-1, -1)
    parser.findings.writes = True

    def render(context: Context) -> None:
        found = context.counter(name)
        current = to_double(found) if is_number(found) else 0.0
        context.count(name, _whole(current + step))
        context.write(current + shown)

    return render


def _whole(number: float) -> float:
    """Return a number, as an integer where it is one and exact."""
    return int(number) if -_EXACT < number < _EXACT and number.is_integer() else number


def _cycle(token: Token, parser: Parser) -> Node:
    """Return the node of `cycle`: one candidate after the other, separately for each group and list of candidates."""
    reader = Reader(token.content)
    group = read_value(reader)
    reader.skip_blanks()
    if group is None or reader.peek() != ":":
        group, reader.position = None, 0
    else:
        reader.position += 1
    candidates, texts = [], []
    while not reader.is_at_end():
        start = reader.position
        candidates.append(read_filtered(reader, parser.findings))
        texts.append(reader.text[start : reader.position])
        reader.skip_past(",")
    if not candidates:
        raise refuse("has a tag cycle without candidates")
    return _cycling(group, ",".join(texts), tuple(candidates))


def _cycling(group: Evaluate | None, spelled: str, candidates: tuple[Evaluate, ...]) -> Node:
    """Return the node of a cycle."""

    def render(context: Context) -> None:
        name = text_of(ABSENT if group is None else group(context), context.budget)
        key = f"{name}:{spelled}"
        turn = context.cycles.get(key, 0)
        context.cycles[key] = (turn + 1) % len(candidates)
        found = plain(candidates[turn](context))
        if not _is_unprinted(found):
            context.write(found)

    return render


def _is_unprinted(value: Value) -> bool:
    """Return whether `cycle` prints nothing for a value: what JavaScript takes for false, zero and NaN included."""
    return value is False or (is_number(value) and (not value or value != value))  # noqa: PLR0124 - only NaN differs


def _stop(_token: Token, _parser: Parser) -> Node:
    """Return the node of `break` and `continue`."""

    def render(context: Context) -> None:
        context.is_stopped = True

    return render


def _echo(token: Token, parser: Parser) -> Node:
    """Return the node of `echo value`."""
    if not token.content:
        return _nothing
    return parser.node(Token(Kind.OUTPUT, token.source, token.content))


def _liquid(token: Token, parser: Parser) -> Node:
    """Return the node of `liquid`: tags, one on a line."""
    nodes = Parser(line_tokens(token.content), parser.tags, parser.findings).nodes()
    return lambda context: context.run(nodes)


def _switched_off(token: Token, _parser: Parser) -> Node:
    """Raise the error for a tag that Segment switches off."""
    raise refuse(f"uses the tag {token.name}, which Segment switches off")


TAGS: Final[dict[str, ReadTag]] = {
    "#": _inline_comment,
    "assign": _assign,
    "block": _block,
    "break": _stop,
    "capture": _capture,
    "comment": _comment,
    "continue": _stop,
    "cycle": _cycle,
    "decrement": _counter,
    "echo": _echo,
    "if": _if,
    "increment": _counter,
    "liquid": _liquid,
    "raw": _raw,
    "unless": _unless,
    **dict.fromkeys(("case", "for", "include", "layout", "render", "tablerow"), _switched_off),
}
