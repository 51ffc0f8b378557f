"""Text with `{{path}}` placeholders, split once into literal text and paths.

Segment renders in two passes: `{{{path}}}` first, then `{{path}}` over the result, so that text which an event brings
in through triple braces is scanned again. A template without triple braces therefore needs no scan per event. Scanning
is linear in the text, whatever the text is: braces that an attacker piles up cost no more than letters.

Source: contract of the mapping language, `@template`; golden cases of `@template`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from processor.mapping.javascript import js_text, js_trim
from processor.mapping.paths import Keys, Resolve, parse_path, reader, walk
from processor.mapping.values import ABSENT, Json

_TRIPLE: Final = 3
_DOUBLE: Final = 2


def placeholders(text: str, braces: int) -> Iterator[tuple[int, int]]:
    """Yield where placeholders of so many braces start and end, from left to right.

    A placeholder is an opening, one or more characters other than `}`, a closing. No opening can reach past the next
    `}`, so one look between two of them decides, and each character is looked at a fixed number of times.
    """
    opening, closing = "{" * braces, "}" * braces
    start = 0
    while (end := text.find("}", start)) >= 0:
        begin = text.find(opening, start, end)
        if begin >= 0 and begin + braces < end and text.startswith(closing, end):
            yield begin, end + braces
            start = end + braces
        else:
            start = end + 1


def _pieces(text: str, braces: int) -> Iterator[str | Keys]:
    """Yield the template's literal texts and the keys of its placeholders, in order."""
    done = 0
    for begin, end in placeholders(text, braces):
        if begin > done:
            yield text[done:begin]
        yield parse_path(js_trim(text[begin + braces : end - braces]))
        done = end
    if done < len(text):
        yield text[done:]


def _printed(value: Json) -> str:
    """Return the text that a placeholder becomes: nothing for null and absent."""
    return "" if value is None or value is ABSENT else js_text(value)


def _substitute(text: str, braces: int, root: Json) -> str:
    """Return a text, known only now, with its placeholders of so many braces filled."""
    if "{" * braces not in text:
        return text
    return "".join(piece if isinstance(piece, str) else _printed(walk(root, piece)) for piece in _pieces(text, braces))


def render(template: str, root: Json) -> str:
    """Return a template that is known only now, rendered.

    Raises:
        MappingError: a placeholder reads a value that JavaScript cannot print.
    """
    return _substitute(_substitute(template, _TRIPLE, root), _DOUBLE, root)


def read_paths(template: str) -> tuple[str, ...]:
    """Return the paths of a template's placeholders as they are written, from left to right."""
    spans = sorted(
        (begin + braces, end - braces) for braces in (_DOUBLE, _TRIPLE) for begin, end in placeholders(template, braces)
    )
    paths = (js_trim(template[begin:end].strip("{")) for begin, end in spans)
    return tuple(dict.fromkeys(paths))


def compile_template(template: str) -> Resolve:
    """Return a function that renders this template for a root; it raises what `render` raises."""
    if next(placeholders(template, _TRIPLE), None) is None:
        return _filler(tuple(_pieces(template, _DOUBLE)))
    fill = _filler(tuple(_pieces(template, _TRIPLE)))
    return lambda root: _substitute(fill(root), _DOUBLE, root)


def _filler(pieces: tuple[str | Keys, ...]) -> Resolve:
    """Return a function that joins literal texts and read values.

    The literal texts lie ready in a list; per event it is copied and the read values are put between them.
    """
    texts = [piece if isinstance(piece, str) else "" for piece in pieces]
    readers = tuple((index, reader(piece)) for index, piece in enumerate(pieces) if isinstance(piece, tuple))

    def fill(root: Json) -> str:
        filled = texts.copy()
        for index, read in readers:
            found = read(root)
            filled[index] = found if type(found) is str else _printed(found)
        return "".join(filled)

    return fill
