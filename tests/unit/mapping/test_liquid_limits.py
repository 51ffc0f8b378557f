"""No event makes a template cost more than its budget, and the budget holds what real events need."""

from __future__ import annotations

import contextlib
import re
from typing import Any

import pytest

from processor.errors import MappingError
from processor.mapping.liquid import parse_template
from processor.mapping.liquid.budget import ITEM_STEPS, MAX_OUTPUT_CHARS, MAX_STEPS, Budget
from processor.mapping.liquid.parser import MAX_CHARS
from tests.markdown_pages import page_text

LARGEST_EVENT_CHARS = 32_768
EVENT: dict[str, Any] = {
    "text": "a" * MAX_STEPS,
    "list": [1] * (MAX_STEPS // ITEM_STEPS + 1),
    "object": {str(number): number for number in range(MAX_STEPS // ITEM_STEPS + 1)},
}
DOUBLING = "{% assign x = 'ab' %}" + "{% assign x = x | append: x %}" * 30
NESTING = "{% assign x = list %}" + "{% assign x = x | push: x %}" * 30


@pytest.mark.parametrize(
    "template",
    [
        "{{ text | upcase | downcase }}",
        "{{ text | replace: 'a', text }}",
        "{{ text | replace: '', text }}",
        "{{ text | split: '' }}",
        "{{ text | split: 'a' }}",
        "{{ text | slugify }}",
        "{{ list }}",
        "{{ list | join }}",
        "{{ list | json }}",
        "{{ list | compact }}",
        "{{ list | sum }}",
        "{{ list | where: 'x' }}",
        "{{ list | slice: 0, 999999 }}",
        "{{ list | plus: 1 }}",
        "{{ object | json }}",
        "{{ (1..list.size) }}",
        "{{ (1..400000000) | size }}",
        "{% if list == list %}{% endif %}",
        "{% if list contains 5 %}{% endif %}",
        "{% if text == text %}{% endif %}" * 2,
        "{% if text < text %}{% endif %}",
        DOUBLING + "{{ x }}",
        NESTING + "{{ x }}",
        NESTING + "{{ x | json }}",
        NESTING + "{% if x == x %}{% endif %}",
    ],
)
def test_work_is_bounded(template: str) -> None:
    """Each way of working through a text or a list pays for itself."""
    with pytest.raises(MappingError, match=f"takes more than {MAX_STEPS} steps"):
        parse_template(template).render(EVENT)


def test_output_is_bounded() -> None:
    """What is captured counts as well."""
    text = {"text": "a" * MAX_OUTPUT_CHARS}
    assert MAX_OUTPUT_CHARS == len(parse_template("{{ text }}").render(text))
    for template in ("{{ text }}.", "{% capture x %}{{ text }}.{% endcapture %}"):
        with pytest.raises(MappingError, match=f"prints more than {MAX_OUTPUT_CHARS} characters"):
            parse_template(template).render(text)


def test_real_events_fit() -> None:
    """Thirty filters over a text as long as the largest event that Segment takes."""
    template = parse_template("{{ text" + " | upcase | downcase | strip" * 10 + " }}")
    assert LARGEST_EVENT_CHARS == len(template.render({"text": "a" * LARGEST_EVENT_CHARS}))


@pytest.mark.parametrize(
    ("expression", "event"),
    [
        ("s | plus: 1", {"s": "1" * 900_000 + "x"}),
        ("s | plus: 1", {"s": "1." + "1" * 900_000 + "e"}),
        ("s | remove_last: p", {"s": "a" * 900_000, "p": "ab" + "a" * 400_000}),
        ("s | remove_first: p", {"s": "a" * 900_000, "p": "a" * 400_000 + "b"}),
        ("s | remove: p", {"s": "a" * 900_000, "p": "a" * 400_000 + "b"}),
        ("s | split: p", {"s": "a" * 900_000, "p": "a" * 400_000 + "b"}),
        ("s contains p", {"s": "a" * 900_000, "p": "a" * 400_000 + "b"}),
        ("s | strip_html", {"s": "<script>" * 50_000}),
        ("s | strip_html", {"s": "<" * 900_000}),
        ("s | url_decode", {"s": "%41" * 300_000 + "%"}),
        ("s | squish", {"s": " " * 900_000 + "x"}),
        ("s | truncatewords", {"s": " " * 900_000 + "x"}),
        ("s | base64_decode", {"s": "A" * 900_000 + "-"}),
        ("s | slugify: 'raw'", {"s": "- " * 400_000}),
        ("s | date", {"s": "(" * 900_000}),
        ("s | date: p", {"s": 0, "p": "%" + "0" * 900_000 + "\n"}),
        ("s | where: p", {"s": [1], "p": "[" * 900_000}),
    ],
)
def test_no_text_takes_more_than_its_length(expression: str, event: dict[str, Any]) -> None:
    """What would be quadratic in a text of an event would not end within the time that a test has."""
    with contextlib.suppress(MappingError):
        parse_template("{{ " + expression + " }}").render(event)


def test_a_list_nested_without_end_renders() -> None:
    """Depth is not followed by our own calls."""
    value: Any = []
    for _ in range(MAX_STEPS // ITEM_STEPS // 4):
        value = [value]
    event = {"v": value}
    assert "n" == parse_template("{{ v }}{% if v == v.first %}y{% else %}n{% endif %}").render(event)


@pytest.mark.parametrize("steps", [-5, 0, float("nan"), float("-inf")])
def test_nothing_costs_nothing(steps: float) -> None:
    """Neither less than nothing nor NaN moves the budget."""
    budget = Budget()
    budget.spend(steps)
    assert MAX_STEPS == budget.steps_left


@pytest.mark.parametrize("limit", [MAX_CHARS, MAX_STEPS, ITEM_STEPS, MAX_OUTPUT_CHARS])
def test_the_page_names_the_limits(limit: int) -> None:
    """Whoever writes a template can read what it may cost."""
    assert re.search(rf"(?<![0-9,]){limit:,}(?!,?[0-9])", page_text("docs/directives.md"))
