"""How pages are written: one sentence per line, and nothing that concerns nobody but its writer."""

from __future__ import annotations

import re

import pytest

from processor.settings.pages import PAGES
from tests.markdown_pages import page_names, page_text, without_blocks

_SENTENCE_END = re.compile(r"(?<!\be\.g)(?<!\bi\.e)[.!?] +(?=[A-Z`*\[])")
_CODE = re.compile(r"`[^`]*`")
_PRIVATE = re.compile(
    r"/(?:home|root|tmp|work)/|\bissue #?\d|\bwork order\b|\bhelpers?\b|\bassistants?\b|\bthis session\b|\bAI\b",
    re.IGNORECASE,
)
_KEYS = re.compile(r"\b(?:eyJ[\w-]{10,}|sk-[\w-]{10,}|AKIA[A-Z0-9]{12,})")


def prose_lines(name: str) -> list[tuple[int, str]]:
    """Return number and text of the lines of prose: no code, no tables, no headings."""
    lines = enumerate(without_blocks(page_text(name)).splitlines(), 1)
    return [(number, line) for number, line in lines if line.strip() and not line.startswith(("|", "#", "<!--"))]


@pytest.mark.parametrize("name", [name for name in page_names() if name not in PAGES])
def test_one_sentence_stands_on_a_line(name: str) -> None:
    """A change of one sentence is a change of one line."""
    texts = [(number, re.sub(r"^\s*\d+\. ", "", _CODE.sub("x", line))) for number, line in prose_lines(name)]
    assert [] == [f"{name}:{number}" for number, line in texts if _SENTENCE_END.search(line)]


@pytest.mark.parametrize("name", page_names())
def test_nothing_concerns_its_writer_alone(name: str) -> None:
    """No page names a machine, a person's folder, or how it came to be written."""
    assert [] == _PRIVATE.findall(page_text(name))


@pytest.mark.parametrize("name", page_names())
def test_no_page_holds_a_key(name: str) -> None:
    """Keys in examples are made up and look so."""
    assert [] == _KEYS.findall(page_text(name))


def test_the_readme_says_what_it_is_in_five_lines() -> None:
    """The first paragraph is five lines, so that it is read."""
    _, paragraph, *_ = page_text("README.md").split("\n\n")
    assert 5 == len(paragraph.splitlines())
