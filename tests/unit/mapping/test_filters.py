"""Filters: the language of Segment's manual."""

from __future__ import annotations

from typing import Any

import pytest

from processor.errors import MappingError
from processor.mapping import FilterCondition, FilterError
from processor.mapping.filters.evaluate import same
from processor.mapping.filters.expressions import written
from processor.mapping.filters.globs import compile_glob
from processor.mapping.filters.versions import rank
from tests.sample_event import EVENT

# Contract, filter semantics: what the manual says, and what the port answers where the manual is silent.
TABLE = [
    ('event = "Order Completed"', True),
    ('properties.qty = "3"', False),
    ("properties.vip != true", False),
    ("properties.vip", True),
    ("properties.qty", False),
    ("!properties.missing", True),
    ("properties.missing = null", True),
    ("properties.nul = null", True),
    ("properties.missing != null", False),
    ('properties.missing != "x"', True),
    ("properties.num_str > 5", False),
    ('type in ["track","identify"]', True),
    ('!( type in ["page"] )', True),
    ('contains(properties.missing,"x")', False),
    ('!contains(properties.missing,"x")', True),
    ('match(event,"*der Com*")', True),
    ('match(event,"Ord*ted")', True),
    ('match(event,"Order?Completed")', True),
    ('match(event,"[OP]rder*")', True),
    ('match(event,"[^O]rder*")', False),
    ('match(event,"order*")', False),
    ('match(event,"Order")', False),
    ('match(properties.star,"\\*")', True),
    ('match(properties.empty,"*")', True),
    ('match(properties.missing,"*")', False),
    ('match(properties.app_url,"/*")', True),
    ('lowercase(event) = "order completed"', True),
    ("lowercase(properties.missing) = null", True),
    ("length(userId) > 0", True),
    ("length(properties.tags) = 2", True),
    ("length(properties.nul) = 0", True),
    ("length(properties.missing) = 0", True),
    ('typeof(properties.tags) = "list"', True),
    ('typeof(properties.missing) = "null"', True),
    ('typeof(properties.vip) = "bool"', True),
    ('semver(context.app.version, ">=", "2.9")', True),
    ('properties.tags = ["x","y"]', True),
    ('properties.tags.0 = "x"', True),
]


@pytest.mark.parametrize(("text", "expected"), TABLE)
def test_the_answer_is_the_manuals(text: str, expected: bool) -> None:  # noqa: FBT001 - a column of the table
    """Row by row of the contract's table."""
    assert FilterCondition.parse(text).matches(EVENT) is expected


def test_the_table_is_whole() -> None:
    """Every row of the contract's table stands here."""
    assert len(TABLE) == 38


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all", True),
        (" all\n", True),
        ("true", True),
        ("null", False),
        ("properties.off", False),
        ("event", False),
        ('type = "track" or type = "x" and event = "x"', True),
        ('(type = "track" or type = "x") and event = "x"', False),
        ("!(type = 'track' and !(event = 'x'))", False),
        ("!null and !properties.missing.deep.er", True),
        ("null or null", False),
        ("((((type='track'))))", True),
        ("properties.price>19", True),
        ("properties.qty<=3", True),
        ("properties.qty >= 3 and properties.qty < +3.5 and properties.qty > -1", True),
        ("5 < 6 and 6 > 5", True),
        ("properties.vip < 2", False),
        ("event > 'A'", False),
        ("properties.price = properties.price", True),
        ("properties.nested = properties.nested", False),
        ("properties.nested != null", True),
        ('"x" in properties.tags', True),
        ("'z' in properties.tags", False),
        ("'x' in event", False),
        ("null in properties.missing", False),
        ("properties.qty in [1, 2, 3]", True),
        ("properties.vip in [1]", False),
        ("1 in [true]", False),
        ("properties.missing in [null]", True),
        ("properties.nested in [null, 'x']", False),
        ("properties.qty in [properties.qty, 'x']", True),
        ("properties.qty in [properties.price]", False),
        ("properties.tags in [['x', 'y']]", True),
        ("[] = []", True),
        ("properties.tags = ['y', 'x']", False),
        ("properties.tags = ['x']", False),
        ("properties.tags.1 = 'y'", True),
        ("properties.tags.2 = null", True),
        ("properties.tags.x = null", True),
        ("properties.tags.99999999999999999999 = null", True),
        ("event.0 = null", True),
        ("properties.products.0.price = 5", True),
        ("properties.products.00.price = null", True),
        ("properties.products.9.price = null", True),
        ("properties.product\\ 1.price = '19.99'", True),
        ("properties.a\\.b = 'dotkey'", True),
        ("properties.\\$lib = 'q'", True),
        ("groupId = 'g1' and integrations.All", True),
        ("contains(event, 'Completed') and !contains(event, 'completed')", True),
        ("contains(properties.tags, 'x')", False),
        ("contains(event, properties.empty)", True),
        ("contains(event, null)", False),
        ("length(properties.nested) = null", True),
        ("length('ア') = 3 and length('a') = 1 and length(null) = 0", True),
        ("uppercase(traits.plan) = 'PRO'", True),
        ("snakecase('test string') = 'test_string'", True),
        ("kebabcase('test string') = 'test-string'", True),
        ("titlecase('test string') = 'Test String'", True),
        ("titlecase(properties.qty) = null", True),
        ("typeof(properties.qty) = 'number' and typeof(event) = 'string'", True),
        ("typeof(properties.nested) = 'object'", True),
        ("bool(event) and bool(properties.qty) and bool(properties.tags) and bool(true)", True),
        ("bool(null) or bool('') or bool(0) or bool([]) or bool(properties.off)", False),
        ("string(properties.price) = '19.99' and string(null) = null", True),
        ("string(properties.tags) = 'x,y'", True),
        ("number(properties.num_str) = 10 and number('1e3') = 1000 and number(5) = 5", True),
        ("number('x') = null and number(true) = null and number(null) = null", True),
        ("semver(context.app.version, '<', '2.10.1')", False),
        ("semver(context.app.version, '=', '2.10.1+build')", True),
        ("semver(properties.qty, '=', '3')", False),
        ("semver('x', '=', 'x')", False),
        ("match('abcd', 'a*d') and match('', '*') and match('abcd', 'a??d') and match('abcd', '*d')", True),
        ("match('ab*d', 'ab\\*d') and match('abCd', 'ab[cC]d') and match('abcd', 'ab[a-z]d')", True),
        ("match('abc', 'ab') or match('abcd', 'ab[A-Z]d')", False),
        ("lowercase(properties.qty) = null and match(properties.qty, '*') = false", True),
    ],
)
def test_conditions(text: str, expected: bool) -> None:  # noqa: FBT001 - a column of the table
    """Precedence, operators, paths, lists and functions."""
    assert FilterCondition.parse(text).matches(EVENT) is expected


@pytest.mark.parametrize("event", [None, [], "x", 5, True, {}])
def test_what_is_no_object_has_no_fields(event: Any) -> None:  # noqa: ANN401 - any JSON value
    """Total on any JSON value: nothing at a path is null."""
    assert FilterCondition.parse("event = null").matches(event) is True
    assert FilterCondition.parse("all").matches(event) is True
    assert FilterCondition.parse("all and true").matches(event) is False


@pytest.mark.parametrize(
    ("text", "position", "part"),
    [
        ("", 0, "must stand here, but here is the end"),
        ('userId = oops"', 13, "not closed"),
        ("event == 'x'", 6, "'=' cannot stand here"),
        ("event <> 'x'", 7, "a field, a value, a function or ( must stand here, but here is >"),
        ("event = 'x' & 5 = 5", 12, "'&' cannot stand here"),
        ("properties.a = 5x", 15, "'5' cannot stand here"),
        ("properties.größe = 1", 13, "cannot stand here"),
        ("event = 'x' event = 'y'", 12, "and / or must stand"),
        ("event = 'x' and", 15, "must stand here"),
        ("(event = 'x'", 12, ") must stand here"),
        ("event in ['x'", 13, "] must stand here"),
        ("event = 'a' = true", 12, "and / or must stand"),
        ("length(event) and true", 0, "a condition must be true or false, which length is not"),
        ("true or 5", 8, "which a value is not"),
        ("!'x'", 0, "which a value is not"),
        ("[true]", 0, "which a list is not"),
        ("'x'", 0, "which a value is not"),
        ("foo(event) = 1", 0, "there is no function foo"),
        ("lower_case(event) = 'x'", 0, "did you mean lowercase?"),
        ("length() = 1", 0, "length takes 1 argument, not 0"),
        ("contains(event)", 0, "contains takes 2 arguments, not 1"),
        ("match('Button *', event)", 0, "the field first"),
        ("match(event, 5)", 0, "the field first"),
        ("match(event, 'a[')", 0, "ends inside a class"),
        ("match(event, 'a\\')", 0, "behind a backslash"),
        ("match(event, '[a-]')", 0, "a dash in a class"),
        ("match(event, '[-a]')", 0, "a dash in a class"),
        ("match(event, '[z-a]')", 0, "runs backwards"),
        ("semver(event, '~', '1')", 0, "compares by one of =, !=, <"),
        ("(" * 51 + "true", 50, "nested too deeply"),
        ("x" * 100_001, 0, "at most 100000"),
    ],
)
def test_filters_that_do_not_parse(text: str, position: int, part: str) -> None:
    """Each kind of slip, with its place; the message counts from one."""
    with pytest.raises(FilterError) as caught:
        FilterCondition.parse(text)
    error = caught.value
    assert (error.position, part in error.problem) == (position, True), error
    assert isinstance(error, MappingError)
    assert (error.reason, error.safe) == ("filter_invalid", str(error))
    assert str(error).startswith(f"at character {position + 1}: ")


@pytest.mark.parametrize("text", ["event and true", "true and event", "false or properties.qty", "!event", "!(event)"])
def test_only_booleans_are_joined(text: str) -> None:
    """What is neither true, false nor null cannot be evaluated there, and the text holds nothing of the event."""
    with pytest.raises(FilterError) as caught:
        FilterCondition.parse(text).matches(EVENT)
    assert caught.value.position is None
    assert str(caught.value).startswith("and, or and ! take true, false and null only")


def test_conditions_are_tried_as_far_as_needed() -> None:
    """What is decided already cannot fail."""
    assert FilterCondition.parse("false and event").matches(EVENT) is False
    assert FilterCondition.parse("true or event").matches(EVENT) is True


def test_an_object_that_has_no_text() -> None:
    """JavaScript cannot print it, so neither can a filter."""
    with pytest.raises(FilterError, match="toString"):
        FilterCondition.parse("string(properties) = 'x'").matches({"properties": {"toString": 1}})


def test_deep_lists_are_compared() -> None:
    """The depth of an event is not the depth of our calls."""
    left: list[Any] = []
    right: list[Any] = []
    for _ in range(100_000):
        left, right = [left], [right]
    assert same(left, right)
    assert not same([left], right)
    # Taken apart level by level, for the interpreter would do it by recursion.
    while left:
        left, right = left[0], right[0]


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("type='track'", 'type = "track"'),
        ("a = 'say \"x\"'", "a = 'say \"x\"'"),
        ("(a and b) and (c or d)", "a and b and (c or d)"),
        ("a or b and !c", "a or (b and !c)"),
        ("!(a = 1.0)", "!(a = 1)"),
        ("(a = b) = true", "(a = b) = true"),
        ("contains( a,'b' ) = null", 'contains(a, "b") = null'),
        ("a.\\and.b\\ c.\\0.d_e-f in [1,false]", "a.\\and.b\\ c.\\0.d_e-f in [1, false]"),
        ("all", "true"),
    ],
)
def test_the_normal_form(text: str, normal: str) -> None:
    """One text for each tree, which reads as the same tree again."""
    expression = FilterCondition.parse(text).expression
    assert written(expression) == normal
    assert FilterCondition.parse(normal).expression == expression


def test_a_filter_shows_its_text() -> None:
    """As it was written."""
    assert repr(FilterCondition.parse("a  =  1")) == "<FilterCondition 'a  =  1'>"


@pytest.mark.parametrize(
    ("glob", "fits", "does_not"),
    [
        ("", [""], ["a"]),
        ("a*", ["a", "ab", "a\n"], ["", "ba"]),
        ("*a*b*", ["ab", "xaxbx", "aab"], ["ba", "a"]),
        ("a*a", ["aa", "aba"], ["a"]),
        ("ab*bc", ["abbc", "abxbc"], ["abc"]),
        ("**", ["", "x"], []),
        ("*?", ["a", "ab"], [""]),
        ("?*?", ["ab"], ["a"]),
        ("[^a-c]x", ["dx", "\nx"], ["ax", "x"]),
        ("[a\\]^]", ["a", "]", "^"], ["\\", "b"]),
        ("[\\--0]", ["-", ".", "0"], ["a", ","]),
        ("a]b", ["a]b"], ["ab"]),
        ("\\[\\?\\a", ["[?a"], ["[xa"]),
        ("a.c", ["a.c"], ["abc"]),
        ("*[0-9].png", ["x1.png", "1.png"], ["x.png", "1.pngx"]),
        ("\U0001f600?", ["\U0001f600\U0001f680"], ["\U0001f600"]),
    ],
)
def test_globs(glob: str, fits: list[str], does_not: list[str]) -> None:
    """Stars, question marks, classes and backslashes; the whole text must fit."""
    matches = compile_glob(glob)
    assert [text for text in [*fits, *does_not] if matches(text)] == fits


def test_globs_take_linear_time() -> None:
    """A pattern that would have a backtracking matcher try every split of the text is answered at once."""
    matches = compile_glob("*a" * 30 + "*[b]")
    assert matches("a" * 1_000_000) is False


def test_versions_order() -> None:
    """By number, early versions first, and names after numbers; however many digits there are."""
    ordered = [
        "0.9",
        "1.0.0-1",
        "1.0.0-2",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-beta",
        "1",
        "1.2",
        "1.10",
        "2." + "9" * 9999,
    ]
    ranks = [rank(text) for text in ordered]
    assert None not in ranks
    assert sorted(ranks, key=lambda item: item or ((), False, ())) == ranks
    assert rank("v1.0") == rank("1") == rank("1.00.0+x")
    assert rank("1.2.3.4") is None
