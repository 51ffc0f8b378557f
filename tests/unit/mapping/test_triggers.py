"""Reading triggers, and saying what to write where they cannot be read."""

from __future__ import annotations

from typing import Any

import pytest

from processor.errors import MappingError
from processor.mapping import Trigger, TriggerError
from processor.mapping.triggers.terms import Condition, Group

TRACK = Condition(("type",), "=", "track")
SIGNUP = Condition(("event",), "=", "Signed Up")
NO_OBJECTS: list[Any] = [[], "x", "", 0, 5, False, {}]


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ('type = "track"', TRACK),
        ('\n type="track"\t', TRACK),
        ('(type = "track")', TRACK),
        ('type = "track" and event = "Signed Up"', Group("and", (TRACK, SIGNUP))),
        ('type = "track" or event = "Signed Up"', Group("or", (TRACK, SIGNUP))),
        (
            '(type = "track" or event = "Signed Up") and userId != null',
            Group("and", (Group("or", (TRACK, SIGNUP)), Condition(("userId",), "!=", None))),
        ),
        ("properties.a.b-c_d = -1.50", Condition(("properties", "a", "b-c_d"), "=", -1.5)),
        ("traits.vip = true", Condition(("traits", "vip"), "=", literal=True)),
        ("userId = false", Condition(("userId",), "=", literal=False)),
        ("context.os.name = null", Condition(("context", "os", "name"), "=", None)),
        ('name != "Home"', Condition(("name",), "!=", "Home")),
        ('properties.product\\ 1.\\$price != ""', Condition(("properties", "product 1", "$price"), "!=", "")),
        ("properties.\\and = 1", Condition(("properties", "and"), "=", 1.0)),
        ("properties.a < 5", Condition(("properties", "a"), "<", 5.0)),
        ("traits.a >-1.5", Condition(("traits", "a"), ">", -1.5)),
        ("userId <= 4", Condition(("userId",), "<=", 4.0)),
        ("properties.a >= 5", Condition(("properties", "a"), ">=", 5.0)),
        ('contains( event ,"x")', Condition(("event",), "contains", "x")),
        ('!contains(properties.a, "x")', Condition(("properties", "a"), "!contains", "x")),
        ('match (name, "a*")', Condition(("name",), "starts", "a")),
        ('!match(userId, "a*")', Condition(("userId",), "!starts", "a")),
        ('match(context.a, "*a")', Condition(("context", "a"), "ends", "a")),
        ('!match(traits.a, "*a")', Condition(("traits", "a"), "!ends", "a")),
        ('match(event, "*")', Condition(("event",), "starts", "")),
        (
            'type = "track" and (userId = null or contains(event, "x"))',
            Group(
                "and",
                (TRACK, Group("or", (Condition(("userId",), "=", None), Condition(("event",), "contains", "x")))),
            ),
        ),
        ("properties.a\\\\.b = 1", Condition(("properties", "a\\", "b"), "=", 1.0)),
    ],
)
def test_triggers_parse(text: str, term: object) -> None:
    """The grammar, the literals, the escapes."""
    trigger = Trigger.parse_strict(text)
    assert trigger.term == term
    assert trigger.text == text
    assert repr(trigger) == f"<Trigger {text!r}>"


@pytest.mark.parametrize(
    ("text", "position", "part"),
    [
        ("", 0, "a trigger is needed"),
        ('type = "track', 7, "not closed"),
        ('type = "tr\\"ack"', 10, "backslash"),
        ('type = "track"x', 14, "a blank must follow a closing quote"),
        ('type == "track"', 5, "one ="),
        ("properties.a>5", 12, "a blank must stand before >"),
        ("> 5", 0, "a blank must stand before >"),
        ("properties.a >=5", 15, "a blank must follow >="),
        ("properties.a > true", 15, "a number must follow >"),
        ('properties.a > "5"', 15, "would be read as one"),
        ('! contains(event, "x")', 0, "! is dropped"),
        ('!(event = "x")', 0, "! is dropped"),
        ('!containsx(event, "x")', 0, "! is dropped"),
        ('!contains event, "x"', 10, "( must follow contains"),
        ('contains("x", event)', 9, "a field must stand in contains"),
        ('contains(type, "x")', 9, "contains does not take type"),
        ('match(groupId, "x*")', 6, "would be skipped"),
        ('contains(event "x")', 15, "a comma must follow"),
        ("contains(event, ", 16, "a text must stand behind the comma"),
        ("contains(event, 5)", 16, "a text stands in double quotes"),
        ('contains(event, "x"', 19, ") must end a function"),
        ('match(event, "a*b")', 13, "one star"),
        ('match(event, "a?*")', 13, "one star"),
        ('match(event, "[ab]*")', 13, "one star"),
        ('match(event, "ab")', 13, "the first character of a pattern is dropped"),
        ('type = "a" and (contains(event, "b") or event = "c")', 16, "at that of a function in it"),
        ("properties.a=5", 13, "a blank must follow ="),
        ("properties.a != -", 16, "cannot stand here"),
        ("properties.a = 5x", 16, "a blank must follow a number"),
        ("properties.a = 5.", 16, "a blank must follow a number"),
        ('type = "a" AND event = "b"', 11, "not in lower case"),
        ('type = "a" and(event = "b")', 14, "a blank must follow and"),
        ("properties.a = truex", 15, "double quotes"),
        ("properties.a = null,", 19, "a blank must follow null"),
        ("type = 'track'", 7, "single quotes"),
        ("type = 'track", 7, "single quotes"),
        ('type in ["a"]', 8, "lists"),
        ('type = "a"\u00a0', 10, "a blank must follow"),
        ('\ufefftype = "a"', 0, "U+FEFF"),
        ('properties.größe = "a"', 13, "the character ö"),
        ('type = "a")', 10, "closes nothing"),
        ('(type = "a"', 11, "not closed"),
        ('((type = "a"))', 1, "inside parentheses"),
        ('type = "a" event = "b"', 11, "and / or must stand"),
        ('type = "a" and', 14, "a field must stand here"),
        ('and type = "a"', 0, "a field must stand here"),
        ('"track" = type', 0, "a quoted text"),
        ("true", 0, "a field must stand here"),
        ("properties.vip", 14, "= or another operator must follow"),
        ("type =", 6, "a value must stand here"),
        ('type = ("a")', 7, "a value must stand here"),
        ("userId = u1", 9, "double quotes"),
        ("event = null", 8, 'the text "null"'),
        ("event = true", 8, 'the text "true"'),
        ("name = 7.0", 7, 'the text "7"'),
        ("properties.vip != true", 18, "always true"),
        ('type = "a" or type = "b" and userId = null', 25, "rule the whole level"),
        ('anonymousId = "x"', 0, "would be skipped"),
        ('userid = "x"', 0, "did you mean userId?"),
        ('lowercase(event) = "x"', 0, "have no function lowercase"),
        ("properties = null", 0, "properties needs a member"),
        ('type.x = "a"', 4, "what follows type is ignored"),
        ("properties.a..b = 1", 13, "a name is missing"),
        ("properties. = 1", 11, "a name is missing"),
        ("properties.0 = 1", 11, "starts with a letter"),
        ("properties.a.null = 1", 13, "ends a name"),
        ("properties.a.b\\.c = 1", 14, ". splits a name"),
        ("properties.\\[0 = 1", 11, "[ splits a name"),
        ("type = \\", 7, "the character \\"),
        ("x" * 100_000, 0, "at most 100000 characters"),
    ],
)
def test_refusals_say_where_and_why(text: str, position: int, part: str) -> None:
    """Each kind of refusal, with the position of the slip; the message counts from one."""
    with pytest.raises(TriggerError) as caught:
        Trigger.parse_strict(text)
    error = caught.value
    assert (error.position, part in error.problem) == (position, True), error
    assert isinstance(error, MappingError)
    assert (error.reason, error.safe) == ("trigger_failed", str(error))
    assert str(error).startswith(f"at character {position + 1}: ")


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("type = 'track'", 'type = "track"'),
        ("type == 'track' AND event = Signup", 'type = "track" and event = "Signup"'),
        (
            'type = "a" or type = "b" and userId = null',
            'type = "a" or (type = "b" and userId = null)',
        ),
        ('type = "a" and event = "x" or type = "b"', '(type = "a" and event = "x") or type = "b"'),
        ("properties.vip != true and userId != null", "properties.vip = false and userId != null"),
        ("properties.vip != false", "properties.vip = true"),
        ("event = 7.0", 'event = "7"'),
        ("userId = 5", 'userId = "5"'),
        ("(properties.a=5", "(properties.a= 5)"),
        ('properties.a>="5"', "properties.a >= 5"),
        ('properties.a > "x"', None),
        ('match(event, "ab") and userId != null', 'event = "ab" and userId != null'),
        ('!match(event, "ab")', 'event != "ab"'),
        ('match(event, "*a b*")', 'contains(event, "a b")'),
        ('userId = null or !match(event, "*a*")', 'userId = null or !contains(event, "a")'),
        ("contains(event, Signup)", 'contains(event, "Signup")'),
        (
            '(contains(event, "a") or name = "b" or userId = "c")',
            '(name = "b" or userId = "c" or contains(event, "a"))',
        ),
        ('(contains(event, "a") or contains(event, "b"))', 'contains(event, "a") or contains(event, "b")'),
        (
            'type = "track" and (contains(event, "a") or contains(event, "b"))',
            '(type = "track" and contains(event, "a")) or (type = "track" and contains(event, "b"))',
        ),
        ('((type = "track"))', 'type = "track"'),
        ("type in ['track', 'page'] and 5 < properties.a", '(type = "track" or type = "page") and properties.a > 5'),
        ('!(type = "track" and contains(event, "x"))', 'type != "track" or !contains(event, "x")'),
        ("!(type in ['a', 'b'])", 'type != "a" and type != "b"'),
        (
            '!(type != "a" or !match(event, "*b")) and properties.vip',
            'type = "a" and match(event, "*b") and properties.vip = true',
        ),
        ('!!match(event, "*b") or properties.vip', 'match(event, "*b") or properties.vip = true'),
        (
            "!(match(event, 'a*') or match(event, 'b') or userId = null)",
            '!match(event, "a*") and event != "b" and userId != null',
        ),
        ('properties.vip and ((type = "a"))', 'properties.vip = true and type = "a"'),
        ("((match(event, '*a*') and match(event, 'b')))", 'contains(event, "a") and event = "b"'),
        ("((match(event, 'a*b')))", None),
        ("((match(event, '*')))", 'match(event, "*")'),
        ("((contains(event, name)))", None),
        ("!(properties.vip = true)", None),
        ("!(properties.a > 5)", None),
        ("!(properties.a = 5)", None),
        ("type in []", None),
        ("((true))", None),
        ("((5 in [5]))", None),
        ("properties.a = ((5))", "properties.a = 5"),
        ("", 'type = "track"'),
        ('groupId = "x"', None),
        ('type = "track" and event == "A" and groupId = "x"', None),
        ('(type = "a") or type = "b" and userId = null', 'type = "a" or (type = "b" and userId = null)'),
    ],
)
def test_a_line_to_use_instead(text: str, instead: str | None) -> None:
    """Where the slip has one mending, all slips are mended at once, and the result parses."""
    with pytest.raises(TriggerError) as caught:
        Trigger.parse_strict(text)
    assert caught.value.instead == instead
    if instead is not None:
        Trigger.parse_strict(instead)
        assert str(caught.value).endswith(f"use instead: {instead}")


def test_too_many_slips_have_no_mending() -> None:
    """The search for a line to use instead is bounded."""
    text = " and ".join(['type == "track"'] * 30)
    with pytest.raises(TriggerError) as caught:
        Trigger.parse_strict(text)
    assert caught.value.instead is None


def test_too_many_clauses_have_no_line_to_use_instead() -> None:
    """What would have to be written out dozens of times is better thought over."""
    names = ((f"properties.{name}{name}", f"properties.{name}b") for name in "bcdefg")
    text = " and ".join(f"(contains({one}, 'x') or contains({other}, 'y'))" for one, other in names)
    with pytest.raises(TriggerError) as caught:
        Trigger.parse_strict(text)
    assert caught.value.instead is None


def test_conditions_compare_by_type() -> None:
    """Text with text, numbers with numbers, booleans with booleans; missing is null."""
    event: dict[str, Any] = {
        "properties": {"n": 7, "t": "7", "b": True, "big": 9007199254740993, "nil": None, "huge": 10**400}
    }
    table = {
        "properties.n = 7": True,
        "properties.n = 7.0": True,
        "properties.t = 7": False,
        'properties.n = "7"': False,
        'properties.n != "7"': True,
        "properties.b = true": True,
        "properties.n = true": False,
        "properties.b = 1": False,
        "properties.b != 5": False,
        "properties.n != 5": True,
        "properties.n != 7": False,
        "properties.gone != 5": False,
        'properties.gone != "x"': True,
        "properties.gone = null": True,
        "properties.nil = null": True,
        "properties.nil != null": False,
        "properties.b = null": False,
        "properties.n > 6": True,
        "properties.n < 7": False,
        "properties.n <= 7": True,
        "properties.n >= 7.5": False,
        "properties.b >= 0": False,
        "properties.t > 1": False,
        "properties.gone < 1": False,
        'contains(properties.t, "7")': True,
        '!contains(properties.t, "8")': True,
        '!contains(properties.n, "8")': False,
        '!contains(properties.gone, "8")': False,
        'match(properties.t, "7*")': True,
        '!match(properties.t, "*7")': False,
        '!match(properties.nil, "*7")': False,
        "properties.big = 9007199254740992": True,
        f"properties.huge = {'9' * 400}": True,
    }
    assert {text: Trigger.parse_strict(text).matches(event) for text in table} == table


def test_what_is_no_object_has_no_fields() -> None:
    """Total on any JSON value; null alone is an error, as it is for Segment."""
    trigger = Trigger.parse_strict("userId = null")
    assert [trigger.matches(event) for event in NO_OBJECTS] == [True] * len(NO_OBJECTS)
    with pytest.raises(TriggerError, match="the event is null"):
        trigger.matches(None)
