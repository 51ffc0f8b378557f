"""Where Segment reads a trigger differently from what it seems to say."""

from __future__ import annotations

import pytest

from processor.mapping import Trigger, lint, readings


@pytest.mark.parametrize(
    "text",
    [
        'type = "track" and event != "Signed Up"',
        '(contains(event, "a") or contains(event, "b"))',
        "properties.total > 5 or (userId = null and !match(event, 'x*'))".replace("'", '"'),
        "properties.total = +5",
        'event = "a\\b"',
        'properties.first\\ name = "Ada"',
    ],
)
def test_where_both_readings_agree_there_is_no_difference(text: str) -> None:
    """Also where the strict parser is stricter than it had to be."""
    assert lint(text) == []


@pytest.mark.parametrize(
    ("text", "segment", "says"),
    [
        ("type = 'track'", "type = \"'track'\"", 'type = "track"'),
        ("event = null", 'event = "null"', "event = null"),
        ("properties.vip != true", 'properties.vip != "true"', "properties.vip != true"),
        (
            'type = "a" or type = "b" and name = "c"',
            'type = "a" and type = "b" and name = "c"',
            'type = "a" or (type = "b" and name = "c")',
        ),
        ('type = "a" AND event = "b"', 'type = "a" and event = "b"', None),
        ('!(type = "a")', 'type = "a"', '!(type = "a")'),
        ('type in ["a"]', "false", 'type in ["a"]'),
        ('((type = "a"))', None, 'type = "a"'),
        ("lowercase(event) = 'x'", None, 'lowercase(event) = "x"'),
        ("type @", None, None),
        ('match(event, "*a*")', 'match(event, "\\*a*")', 'match(event, "*a*")'),
        ('!match(event, "a?b")', '!match(event, "*\\?b")', '!match(event, "a?b")'),
        ("!contains(event, 5)", '!contains(event, "5")', "!contains(event, 5)"),
        (
            'type = "a" or ()',
            'type = "a" or fail("a group in parentheses holds no condition that Segment knows")',
            None,
        ),
    ],
)
def test_both_readings_are_shown_in_a_normal_form(text: str, segment: str | None, says: str | None) -> None:
    """In the manual's language, in which both can be said; None where there is nothing to show."""
    assert readings(text) == (segment, says)
    differences = lint(text)
    assert differences
    assert {item.readings for item in differences} == {(segment, says)}


def test_every_slip_is_found_at_its_place() -> None:
    """Mending one must not move the next; all share one line to use instead."""
    text = "type == 'track' and event = x AND name='y' or properties.vip != false"
    differences = lint(text)
    places = [(item.problem.split(",")[0].split(":")[0], text[item.position :][:7]) for item in differences]
    assert places == [
        ("equality is one = here", "== 'tra"),
        ("a text in single quotes never matches", "'track'"),
        ("AND is skipped when it is not in lower case", "AND nam"),
        ("a blank must follow =", "'y' or "),
        ("a text in single quotes never matches", "'y' or "),
        ("a text stands in double quotes", "x AND n"),
        ("!= false is always true", "false"),
        ("and beside or without parentheses", "or prop"),
    ]
    (instead,) = {item.instead for item in differences}
    assert instead == '(type = "track" and event = "x" and name= "y") or properties.vip = true'
    assert lint(instead) == []
    assert Trigger.parse_strict(instead).text == instead


def test_a_difference_is_one_line_for_a_person() -> None:
    """Place, problem, both readings and what to use instead, as far as there are any."""
    assert str(lint("type = 'a'")[0]) == (
        "at character 8: a text in single quotes never matches; Segment reads: type = \"'a'\"; "
        'it seems to say: type = "a"; use instead: type = "a"'
    )
    assert str(lint("type @")[0]) == (
        "at character 6: the character @ cannot stand here; in a field, put a backslash before it; "
        "Segment makes nothing of it"
    )
