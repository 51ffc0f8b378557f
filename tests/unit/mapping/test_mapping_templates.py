"""Templates."""

from __future__ import annotations

import time

import pytest

from processor.mapping.templates import compile_template, placeholders, render

EVENT = {"a": "A", "n": 19.0, "nil": None, "l": [1, None, "x"], "inject": "{{a}}", "o": {"b": "B"}}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("{{a}}", "A"),
        ("<{{ a }}>", "<A>"),
        ("{{a}}{{o.b}}-{{n}}", "AB-19"),
        ("{{nil}}{{gone}}", ""),
        ("{{l}}", "1,,x"),
        ("{{ }}", "[object Object]"),
        ("{{}}{{a", "{{}}{{a"),
        ("{{inject}}", "{{a}}"),
        ("{{{inject}}}", "A"),
        ("{{{{a}}}}", "}"),
        ("x{{{inject}}}{{n}}", "xA19"),
    ],
)
def test_static_and_dynamic_rendering_agree(template: str, text: str) -> None:
    """A template split at load renders as one that is known only per event; triple braces are scanned again."""
    assert compile_template(template)(EVENT) == text
    assert render(template, EVENT) == text


def test_braces_without_end_cost_no_more_than_letters() -> None:
    """A megabyte of opening braces, with and without closings, is scanned in time that grows with its length only."""
    started = time.process_time()
    for text in ("{" * 1_000_000, "{{{" * 300_000 + "}", "{}" * 500_000, "}" * 1_000_000, "{{a}" * 250_000):
        assert list(placeholders(text, 2)) == []
        assert render(text, {}) == text
    assert time.process_time() - started < 20
