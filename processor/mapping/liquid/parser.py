"""Reads a template into nodes, once; what is left per event is calling them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeAlias

from processor.mapping.javascript import utf16_length
from processor.mapping.liquid.budget import refuse
from processor.mapping.liquid.context import Context, Evaluate, Node
from processor.mapping.liquid.expressions import Findings, read_filtered
from processor.mapping.liquid.lexer import Kind, Token, tokens_of
from processor.mapping.liquid.reader import Reader

MAX_CHARS = 1_000
"""Characters of a template, counted as JavaScript does."""

ReadTag: TypeAlias = "Callable[[Token, Parser], Node]"


class Parser:
    """Tokens that are still to be read, and what was found on the way."""

    def __init__(self, tokens: Iterable[Token], tags: dict[str, ReadTag], findings: Findings) -> None:
        """Read these tokens with these tags."""
        self._tokens = deque(tokens)
        self.tags = tags
        self.findings = findings

    def take(self, opened: Token) -> Token:
        """Return the next token inside a tag that was opened.

        Raises:
            MappingError: there is none: the tag is not closed.
        """
        if not self._tokens:
            raise refuse(f"has a tag {opened.name} that is not closed")
        return self._tokens.popleft()

    def nodes(self) -> tuple[Node, ...]:
        """Return everything that is left as nodes."""
        nodes = []
        while self._tokens:
            nodes.append(self.node(self._tokens.popleft()))
        return tuple(nodes)

    def node(self, token: Token) -> Node:
        """Return a token, with what belongs to it, as a node."""
        if token.kind is Kind.TEXT:
            return _text(token.content)
        if token.kind is Kind.OUTPUT:
            return output(self.expression(token.content))
        return self._tag(token)

    def expression(self, text: str) -> Evaluate:
        """Return an expression with its filters."""
        return read_filtered(Reader(text), self.findings)

    def _tag(self, token: Token) -> Node:
        """Return a tag as a node."""
        read = self.tags.get(token.name)
        if read is None:
            raise refuse(f"has an unknown tag {token.name}")
        return read(token, self)


def _text(text: str) -> Node:
    """Return the node of a text that is printed as it is."""
    return lambda context: context.write(text)


def output(evaluate: Evaluate) -> Node:
    """Return the node that prints a value."""

    def render(context: Context) -> None:
        context.write(evaluate(context))

    return render


def parse(template: str, tags: dict[str, ReadTag]) -> tuple[tuple[Node, ...], Findings]:
    """Return a template's nodes, and what was found while reading them.

    Raises:
        MappingError: the template is too long or cannot be read; it fails for every event.
    """
    if utf16_length(template) > MAX_CHARS:
        raise refuse(f"is longer than {MAX_CHARS} characters")
    findings = Findings()
    return Parser(tokens_of(template), tags, findings).nodes(), findings
