"""Splits a template into text, outputs and tags, and takes the blanks away that `-` asks for.

An output ends at the first `}}` outside quotes, a tag at the first `%}` wherever it stands; what `raw` surrounds is
text. Templates are short, so that scanning them may look at a character more than once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from processor.mapping.liquid.budget import refuse

BLANKS: Final = (
    "\t\n\v\f\r \u00a0\u1680\u180e" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
)
"""What separates words in a template."""

QUOTES: Final = "\"'"
_CURLY_QUOTES: Final = "\u201c\u201d"
_FIRST_BEYOND_ASCII: Final = "\u0080"

_OUTPUT: Final = "{{"
_OUTPUT_END: Final = "}}"
_TAG: Final = "{%"
_TAG_END: Final = "%}"


class Kind(Enum):
    """What a token is."""

    TEXT = "text"
    OUTPUT = "output"
    TAG = "tag"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a template.

    `source` is the piece as it is written. `content` is what a text prints, the expression of an output, or what stands
    behind the `name` of a tag.
    """

    kind: Kind
    source: str
    content: str
    name: str = ""
    trims_before: bool = False
    trims_after: bool = False


def is_word(char: str) -> bool:
    """Return whether a character may stand in a name: letters, digits, `_`, `-`, `?`, and all but blanks past ASCII."""
    if char < _FIRST_BEYOND_ASCII:
        return char.isalnum() or (char != "" and char in "_-?")
    return char not in BLANKS and char not in _CURLY_QUOTES


def word_end(text: str, start: int) -> int:
    """Return where the name that starts here ends; at the start itself when none does."""
    end = start
    while end < len(text) and is_word(text[end]):
        end += 1
    return end


def quoted_end(text: str, start: int) -> int:
    """Return where the quoted text that starts here ends, at the end of everything when it is not closed."""
    quote, end = text[start], start + 1
    while end < len(text) and text[end] != quote:
        end += 2 if text[end] == "\\" else 1
    return min(end + 1, len(text))


def tokens_of(template: str) -> list[Token]:
    """Return the tokens of a template, blanks taken away where a `-` asks for it.

    Raises:
        MappingError: an output, a tag or `raw` is not closed, or a tag has no name.
    """
    tokens: list[Token] = []
    start = 0
    while start < len(template):
        token = _token(template, start)
        tokens.append(token)
        start += len(token.source)
        if token.name == "raw":
            start = _read_raw(template, start, tokens)
    return _trimmed(tokens)


def _token(template: str, start: int) -> Token:
    """Return the token that starts here."""
    if template.startswith(_TAG, start):
        end = template.find(_TAG_END, start + 1)
        if end < 0:
            raise refuse(f"has a tag that is not closed by {_TAG_END}")
        return _tag(template[start : end + 2], template[start + 2 : end])
    if template.startswith(_OUTPUT, start):
        return _output(template, start)
    ends = (template.find(opening, start) for opening in (_TAG, _OUTPUT))
    text = template[start : min((end for end in ends if end >= 0), default=len(template))]
    return Token(Kind.TEXT, text, text)


def _output(template: str, start: int) -> Token:
    """Return the output that starts here."""
    end = start + 2
    while end < len(template):
        if template.startswith(_OUTPUT_END, end):
            inner = template[start + 2 : end]
            content, before, after = _undashed(inner)
            return Token(Kind.OUTPUT, template[start : end + 2], content, "", before, after)
        end = quoted_end(template, end) if template[end] in QUOTES else end + 1
    raise refuse(f"has an output that is not closed by {_OUTPUT_END}")


def _tag(source: str, inner: str) -> Token:
    """Return a tag: its name and what follows it."""
    content, before, after = _undashed(inner)
    end = 1 if content.startswith("#") else word_end(content, 0)
    if end == 0:
        raise refuse("has a tag without a name")
    return Token(Kind.TAG, source, content[end:].lstrip(BLANKS), content[:end], before, after)


def _undashed(inner: str) -> tuple[str, bool, bool]:
    """Return what stands between two marks without dashes and blanks, and whether there was a dash on either side."""
    before, after = inner.startswith("-"), inner.endswith("-")
    return inner.removeprefix("-").removesuffix("-").strip(BLANKS), before, after


def _read_raw(template: str, start: int, tokens: list[Token]) -> int:
    """Add the text up to `endraw` and that tag to the tokens; return where the tag ends."""
    opening = template.find(_TAG, start)
    position = opening
    while position >= 0:
        name = position + 2 + len(template[position + 2 :]) - len(template[position + 2 :].lstrip(BLANKS))
        end = word_end(template, name)
        position = template.find(_TAG, end)
        if template[name:end] == "endraw":
            closing = template.find(_TAG_END, end)
            if closing >= 0 and (position < 0 or closing < position):
                text = template[start:opening]
                tokens.append(Token(Kind.TEXT, text, text))
                tokens.append(_tag(template[opening : closing + 2], template[opening + 2 : closing]))
                return closing + 2
        else:
            opening = position
    raise refuse("has a tag raw that is not closed by endraw")


def _trimmed(tokens: list[Token]) -> list[Token]:
    """Return the tokens with the blanks gone that dashes take away, those inside `raw` excepted."""
    trimmed = list(tokens)
    is_raw = False
    for at, token in enumerate(tokens):
        if token.trims_before and not is_raw and at and trimmed[at - 1].kind is Kind.TEXT:
            trimmed[at - 1] = replace(trimmed[at - 1], content=trimmed[at - 1].content.rstrip(BLANKS))
        if token.kind is Kind.TAG and token.name in ("raw", "endraw"):
            is_raw = token.name == "raw"
        if token.trims_after and not is_raw and at + 1 < len(trimmed) and trimmed[at + 1].kind is Kind.TEXT:
            trimmed[at + 1] = replace(trimmed[at + 1], content=trimmed[at + 1].content.lstrip(BLANKS))
    return trimmed


def line_tokens(text: str) -> list[Token]:
    """Return the tags of a `liquid` tag, which stand one on a line and without marks.

    Raises:
        MappingError: a line does not begin with the name of a tag.
    """
    lines = [line.lstrip(BLANKS) + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1].removesuffix("\n")
    return [_tag(line, line) for line in lines if line.strip(BLANKS)]
