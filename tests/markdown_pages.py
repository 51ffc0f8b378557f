"""The Markdown of this tree, taken apart as far as tests of the documentation need it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent

_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block: what stands behind the fence, such as `yaml` or `yaml mapping`, and the text."""

    info: str
    text: str


def page_names() -> list[str]:
    """Return every page of the documentation, from the root of the tree."""
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [str(page.relative_to(ROOT)) for page in pages]


def page_text(name: str) -> str:
    """Return the text of a page."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a page in order, without the indentation that a list gives them."""
    return [Block(found["info"].strip(), textwrap.dedent(found["text"])) for found in _FENCE.finditer(text)]


def without_blocks(text: str) -> str:
    """Return a page without its fenced blocks, the lines keeping their numbers."""
    return _FENCE.sub(lambda found: "\n" * found[0].count("\n"), text)


def rows(text: str, *columns: str) -> list[list[str]]:
    """Return the cells of every table with these column heads; what stands in one pair of backticks loses them."""
    head = "| " + " | ".join(columns) + " |"
    found: list[list[str]] = []
    lines = iter(text.splitlines())
    for line in lines:
        if line == head:
            next(lines)
            found += _body(lines)
    return found


def _body(lines: Iterator[str]) -> Iterator[list[str]]:
    for line in lines:
        if not line.startswith("|"):
            return
        yield [_bare(cell.strip()) for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def _bare(cell: str) -> str:
    return cell[1:-1] if re.fullmatch(r"`[^`]+`", cell) else cell


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as forges make them."""
    headings = _HEADING.findall(without_blocks(text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
