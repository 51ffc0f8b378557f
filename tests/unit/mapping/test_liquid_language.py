"""Liquid's language: blanks, tags, expressions. What is expected is what LiquidJS 10.30.1 printed."""

from __future__ import annotations

from typing import Any

import pytest

from processor.errors import MappingError
from processor.mapping.liquid import parse_template
from processor.mapping.liquid.reader import MAX_DEPTH

EVENT: dict[str, Any] = {
    "a": 1,
    "b": "two",
    "c": [1, "x", None],
    "o": {"k": "v", "size": 3, "1": "one"},
    "empties": [[], {}, "", "  "],
    "t": True,
    "f": False,
    "nothing": None,
    "s": "é 👋 x",
    "n": "k",
    "ten": "10",
}


def rendered(template: str, event: Any = None) -> str:  # noqa: ANN401 - any JSON value
    """Return what a template prints."""
    return parse_template(template).render(EVENT if event is None else event)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("", ""),
        ("plain { } %} }} text", "plain { } %} }} text"),
        (" {{- b -}} \n {{ a }}", "two1"),
        ("x {%- if t -%} y {%- endif %} z", "xy z"),
        ("{{-b-}}", "two"),
        ("{{ '}}' }}{{ \"a'b\" }}", "}}a'b"),
        ("{{ 'a\\'b' }}", "a'b"),
        ("{% raw %}{{ a }} {% if %} {% endraw {%endraw%}!", "{{ a }} {% if %} !"),
        ("{% raw %}{% endraw %}", ""),
        ("{{ a -}} {%- raw -%} {{ x }} {%- endraw2 %} {% endraw -%} {{ a }}", "1 {{ x }} {%- endraw2 %} 1"),
        ("{% comment %}{{ a }}{% for %}{% endcomment %}.", "."),
        ("{% # a\n# b %}.", "."),
        ("{% liquid\nassign z = b\n# note\n\nif t\n  echo z\nendif\necho a %}", "two1"),
        ("{% liquid\nraw\n echo a\nendraw\n-%} x", "echo a\nx"),
        ("{% liquid %}.", "."),
    ],
)
def test_text_outputs_and_tags(template: str, text: str) -> None:
    """Where pieces begin and end, and which blanks go."""
    assert text == rendered(template)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{% assign x = a | plus: 1 %}{{ x }}{{ a }}", "21"),
        ("{% assign a = nil %}{% if a == nil %}nil{% endif %}[{{ a }}]", "nil[]"),
        ("{% capture x %}<{{ b }}>{% endcapture %}{{ x }}", "<two>"),
        ("{% capture 'x y' %}1{% endcapture %}{{ ['x y'] }}", "1"),
        ("{% capture x %}1{% break %}2{% endcapture %}{{ x }}", ""),
        ("{% if f %}1{% elsif t %}2{% else %}3{% endif %}", "2"),
        ("{% if f %}1{% elsif nothing %}2{% else %}3{% endif %}", "3"),
        ("{% if f %}1{% endif %}", ""),
        ("{% unless t %}1{% elsif f %}2{% else %}3{% endunless %}", "3"),
        ("{% unless f %}1{% else %}2{% elsif t %}3{% else %}4{% endunless %}", "1"),
        ("{% unless t %}1{% else %}2{% elsif t %}3{% else %}4{% endunless %}", "2"),
        ("{% unless t %}1{% endunless %}", ""),
        ("{% if t %}1{% break %}2{% endif %}3", "1"),
        ("1{% continue %}2", "1"),
        ("{% cycle 1, 2 %}{% cycle 1, 2 %}{% cycle 1, 2 %}", "121"),
        ("{% cycle b: 'x', 'y' %}{% cycle 'two': 'x', 'y' %}{% cycle 'x', 'y' %}", "xyx"),
        ("{% cycle 0, f, 'x', %}{% cycle 0, f, 'x', %}{% cycle 0, f, 'x', %}", "x"),
        ("{% echo %}{% echo b | upcase %}", "TWO"),
        ("{% block x %}[{{ block.super }}{{ b }}]{% endblock %}{{ block }}", "[two]"),
        ("{% increment z %}{% increment z %}{{ z }}", "012"),
        ("{% decrement z %}{% increment b %}{{ b }}", "-101"),
    ],
)
def test_tags(template: str, text: str) -> None:
    """What each tag prints and leaves behind."""
    assert text == rendered(template)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("o.k", "v"),
        ("o['k']", "v"),
        ("o[n]", "v"),
        ("o.size", "3"),
        ("o[1]", "one"),
        ("o.none.deeper", ""),
        ("nothing.x", ""),
        ("a.x", ""),
        ("nil.x", ""),
        ("c[0]", "1"),
        ("c[-2]", "x"),
        ("c[9]", ""),
        ("c[0.5]", ""),
        ("c['1']", "x"),
        ("c['01']", ""),
        ("c.size", "3"),
        ("c.length", "3"),
        ("c.first", "1"),
        ("c.last", ""),
        ("c.other", ""),
        ("empties[1].size", "0"),
        ("b[1]", "w"),
        ("b[7]", ""),
        ("b.x", ""),
        ("b.size", "3"),
        ("s.length", "6"),
        ("'lit'.size", "3"),
        ("o[]", ""),
        ("o[n x].k", ""),
        ("[n]", ""),
        ("['b']", "two"),
        ("c . first", "1x"),
        ("c. first", "1"),
        ("o.", "[object Object]"),
        ("size", "0"),
        ("first", ""),
        (".b", "two"),
        ("a b", "1"),
        ("a, b", "1"),
        ("a ) b", "1"),
        ("1.50", "1.5"),
        ("+3", "3"),
        ("2.", "2"),
        ("1x", ""),
        ("1.2.3", ""),
        ("-", ""),
        ("true", "true"),
        ("nil", ""),
        ("empty", ""),
        ("trueish", ""),
        ("(1..3)", "123"),
        ("(0.1..3)", "0.11.12.13.1"),
        ("(3..1)", ""),
        ("(ten..12)", "101112"),
        ("(b..3)", ""),
        ("(a..c.size).last", "3"),
        ("'\\n\\u0041\\x\\101\\u'", "\nAxA\u0000"),
        ("'open", None),
        ("a |", "1"),
        ("a | plus", "NaN"),
        ("a | plus: 1, 2 | times: 3", "6"),
        ("b | append: x: 1", "twox1"),
        ("b | append: x:", "twox"),
        ("b | default:", "two"),
        ("b | unknown: a | upcase", "TWO"),
    ],
)
def test_expressions(expression: str, text: str | None) -> None:
    """Paths, literals, ranges and filters; None stands for an error."""
    if text is None:
        with pytest.raises(MappingError):
            rendered("{{ " + expression + " }}")
    else:
        assert text == rendered("{{ " + expression + " }}")


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("a == 1", True),
        ("a == '1'", False),
        ("a != 1", False),
        ("t == 1", False),
        ("t == true", True),
        ("b == 'two'", True),
        ("missing == nothing", False),
        ("nothing == nil", True),
        ("nil == missing", True),
        ("nil == empty", False),
        ("nil == a", False),
        ("b == nil", False),
        ("empties[0] == empty", True),
        ("empties[1] == empty", True),
        ("empties[2] == empty", True),
        ("empties[3] == empty", False),
        ("a == empty", False),
        ("empties[3] == blank", True),
        ("empties[0] == blank", True),
        ("f == blank", True),
        ("nothing == blank", True),
        ("a == blank", False),
        ("empty == blank", False),
        ("c == c", True),
        ("c == empties", False),
        ("o == o", True),
        ("o == empties[1]", False),
        ("empties[0] == c", False),
        ("a < 2", True),
        ("a <= 1", True),
        ("a > ten", False),
        ("a >= 2", False),
        ("'b' > 'a'", True),
        ("'👋' < '\uff00'", True),
        ("nil < 1", False),
        ("1 >= empty", False),
        ("c < 'z'", True),
        ("missing < 1", False),
        ("t >= 1", True),
        ("b contains 'w'", True),
        ("b contains missing", False),
        ("c contains 'x'", True),
        ("c contains nil", True),
        ("o contains 'k'", False),
        ("not a == 2", True),
        ("not t", False),
        ("t or f and f", True),
        ("f and f or t", False),
        ("f or missing", False),
        ("a and b", True),
        ("a == 1 and b == 'two'", True),
        ("a == 2 or not f == t", True),
        ("==", True),
        ("not", True),
        ("0", True),
        ("''", True),
        ("empties[0]", True),
        ("empty", True),
        ("nil", False),
    ],
)
def test_conditions(condition: str, holds: bool) -> None:  # noqa: FBT001 - a table's column
    """Equality, order and truth."""
    assert ("y" if holds else "n") == rendered("{% if " + condition + " %}y{% else %}n{% endif %}")


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("x" * 1001, "longer than 1000 characters"),
        ("👋" * 501, "longer than 1000 characters"),
        ("{{ a", "output that is not closed"),
        ("{{ 'a }}", "output that is not closed"),
        ("{% if a", "tag that is not closed by %}"),
        ("{% %}", "tag without a name"),
        ("{%}", "tag without a name"),
        ("{% raw %}x{% endraw", "raw that is not closed"),
        ("{% raw %}x{% endraw {% endraw2 %}", "raw that is not closed"),
        ("{% raw %}x", "raw that is not closed"),
        ("{% raw %}x{%- endraw %}", "raw that is not closed"),
        ("{% liquid\n|x %}", "tag without a name"),
        ("{% nope %}", "unknown tag nope"),
        ("{% endif %}", "unknown tag endif"),
        ("{% for x in c %}{% endfor %}", "tag for, which Segment switches off"),
        ("{% if f %}{% render 'x' %}{% endif %}", "tag render, which Segment switches off"),
        ("{% if t %}", "tag if that is not closed"),
        ("{% unless t %}", "tag unless that is not closed"),
        ("{% capture x %}", "tag capture that is not closed"),
        ("{% comment %}", "tag comment that is not closed"),
        ("{% if t %}{% else x %}{% endif %}", "behind the tag else"),
        ("{% if t %}{% else %}{% else %}{% endif %}", "two tags else"),
        ("{% if t %}{% else %}{% elsif t %}{% endif %}", "elsif behind else"),
        ("{% if t %}{% endif t %}", "behind the tag endif"),
        ("{% if %}{% endif %}", "expression without a value"),
        ("{{ }}", "expression without a value"),
        ("{{ a | }}{{ | a }}", "expression without a value"),
        ("{% assign x %}", "assign that is not name = value"),
        ("{% assign = 1 %}", "assign that is not name = value"),
        ("{% capture %}{% endcapture %}", "capture without a name"),
        ("{% cycle %}", "cycle without candidates"),
        ("{% # a\nb %}", "inline comment"),
        ("{{ a[1 }}", "bracket that is not closed"),
        ("{{ (1) }}", "hold no range"),
        ("{{ (..2) }}", "hold no range"),
        ("{{ (1..) }}", "range that is not closed"),
        ("{{ (1..2 }}", "range that is not closed"),
        ("{{ a ! }}", "that is no filter"),
        ("{{ a | ! }}", "filter without a name"),
        ("{{ a | plus 1 }}", "colon behind the filter plus"),
        ("{{ a | plus: 1 2 }}", "unexpected behind a filter's argument"),
        ("{{ " + "a[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1) + " }}", "deeper than"),
        ("{{ " + "(" * 900 + " }}", "deeper than"),
    ],
)
def test_what_cannot_be_read(template: str, message: str) -> None:
    """A template that fails for every event says so when it is read."""
    with pytest.raises(MappingError, match=message.replace("(", r"\(")) as caught:
        parse_template(template)
    assert str(caught.value) == caught.value.safe


def test_brackets_may_stand_side_by_side() -> None:
    """The limit is on nesting, not on how many there are."""
    assert "" == rendered("{{ a" + "[1]" * (2 * MAX_DEPTH) + " }}" + "{{ (1..0) }}")


@pytest.mark.parametrize(
    ("root", "template", "text"),
    [
        ("text", "{{ length }}{{ size }}{{ [1] }}{{ x }}", "40e"),
        ([1, 2], "{{ length }}{{ size }}{{ [1] }}{{ first }}", "202"),
        (5, "{{ x }}{{ length }}{{ size }}", "0"),
        (None, "[{{ x }}]", "[]"),
        ([1], "{% increment x %}{{ x }}", "01"),
    ],
)
def test_roots_that_are_no_objects(root: Any, template: str, text: str) -> None:  # noqa: ANN401 - any JSON value
    """A surrounding directive may make anything the root."""
    assert text == parse_template(template).render(root)


def test_halves_that_meet_become_a_letter() -> None:
    """As in JavaScript, where a text is its units."""
    assert "👋" == rendered("{{ s[2] }}{{ s[3] }}")


@pytest.mark.parametrize("value", [5, 5.0, 2**60, 1e300, True, "5", None])
def test_counters_count_doubles(value: Any) -> None:  # noqa: ANN401 - any JSON value
    """What is no number starts at zero; integers stay integers as long as they are exact."""
    root = {"x": value}
    parse_template("{% increment x %}").render(root, root)
    start = value if isinstance(value, (int, float)) and not isinstance(value, bool) else 0
    assert float(start) + 1 == root["x"]
    assert isinstance(root["x"], int) == (abs(start) < 2**53)


def test_findings() -> None:
    """What is known of a template before any event."""
    template = parse_template(
        "{% increment x %}{{ a | map: 'x' }}{{ a | sample }}{{ a | append }}{{ a | prepend: 1, 2 }}"
        "{{ 'now' | date: '%Y' }}{{ 'today' | date_to_string }}{{ 5 | date }}{{ 'now' | size }}"
    )
    assert template.writes
    assert [
        "uses the filter map, which Segment switches off",
        "uses the filter sample, whose result is by chance: the same record has to map to the same payload",
        "uses the filter append without its one argument",
        "uses the filter prepend without its one argument",
        *["asks for the current time: the same record has to map to the same payload"] * 2,
    ] == list(template.problems)
    assert not parse_template("{{ a }}").writes
    with pytest.raises(MappingError, match="switches off"):
        template.render(EVENT)
