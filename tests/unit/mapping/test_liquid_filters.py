"""Liquid's filters, family by family. What is expected is what LiquidJS 10.30.1 printed."""

from __future__ import annotations

from typing import Any

import pytest

from processor.errors import MappingError
from processor.mapping.liquid import parse_template
from processor.mapping.liquid.filters import DISABLED, FILTERS, UNSTABLE
from processor.mapping.liquid.filters.lists import MAX_PROPERTY_CHARS
from processor.mapping.liquid.writer import MAX_LEVELS

EVENT: dict[str, Any] = {
    "s": "Hello World",
    "html": "<script>x</script>a<!-- c -->b<style>q</style><p class='x'>t</p> < &amp; \"q\"",
    "n": 42,
    "neg": -2.5,
    "big": 1e300,
    "inf": 1e400,
    "t": True,
    "f": False,
    "nothing": None,
    "nil_text": "",
    "blanks": " \n a  b\r\n ",
    "l": ["a", "b", "c"],
    "mixed": [1, "two", None, True, {"id": 3}, [1, [2, []]]],
    "items": [{"q": 2, "k": {"v": True}}, {"q": None}, {"q": "5"}, "str", 7],
    "o": {"10": 1, "2": None, "x": {"y": [1.0, "é"]}, "4294967296": 0},
    "like": {"length": 2, "0": "p", "1": "q"},
    "emoji": "hi 👋!",
    "jp": "日本語 text 漢字",
    "hidden": {"toString": 1},
}


def rendered(expression: str) -> str:
    """Return what an expression prints."""
    return parse_template("{{ " + expression + " }}").render(EVENT)


TEXTS = [
    ("s | append: 1", "Hello World1"),
    ("s | prepend: l", "abcHello World"),
    ("'éCOLE x' | capitalize", "École x"),
    ("'𐐨B' | capitalize", "𐐨b"),
    ("nil_text | capitalize", ""),
    ("s | downcase", "hello world"),
    ("'straße' | upcase", "STRASSE"),
    ("'<b> & \\'x\\' \"y\"' | escape", "&lt;b&gt; &amp; &#39;x&#39; &#34;y&#34;"),
    ("'&lt;&amp;lt;<' | escape_once", "&lt;&amp;lt;&lt;"),
    ("'<' | xml_escape", "&lt;"),
    ("html | strip_html", 'abt < &amp; "q"'),
    ("'<script>1<b>2</b' | strip_html", "12</b"),
    ("'a<b' | strip_html", "a<b"),
    ("'a<b>c' | strip_html", "ac"),
    ("blanks | lstrip", "a  b\r\n "),
    ("blanks | rstrip", " \n a  b"),
    ("blanks | strip", "a  b"),
    ("s | strip: 'Hd'", "ello Worl"),
    ("s | lstrip: 'eH'", "llo World"),
    ("blanks | strip: nil", " \n a  b\r\n "),
    ("blanks | normalize_whitespace", " a b "),
    ("blanks | squish", "a b"),
    ("blanks | strip_newlines", "  a  b "),
    ("jp | number_of_words", "3"),
    ("jp | number_of_words: 'cjk'", "6"),
    ("jp | number_of_words: 'auto'", "6"),
    ("s | number_of_words: 'auto'", "2"),
    ("nil_text | number_of_words", "0"),
    ("s | raw", "Hello World"),
    ("s | remove: 'l'", "Heo Word"),
    ("s | remove", "Hello World"),
    ("s | remove_first: 'l'", "Helo World"),
    ("s | remove_last: 'l'", "Hello Word"),
    ("s | remove_last: 'x'", "Hello World"),
    ("s | replace: 'l', 'LL'", "HeLLLLo WorLLd"),
    ("'abc' | replace: '', '-'", "a-b-c"),
    ("s | replace_first: 'l', '$&'", "He$&lo World"),
    ("s | replace_last: 'l', 'R'", "Hello WorRd"),
    ("'a,b,,' | split: ',' | json", '["a","b"]'),
    ("emoji | split: '' | size", "6"),
    ("'' | split: ',' | size", "0"),
    ("s | truncate: 8", "Hello..."),
    ("s | truncate: 8, ''", "Hello Wo"),
    ("s | truncate: 'x'", "..."),
    ("s | truncate", "Hello World"),
    ("n | truncate: 5", "42"),
    ("emoji | truncate: inf", "hi 👋!"),
    ("s | truncatewords: 1", "Hello..."),
    ("s | truncatewords: 0, '>'", "Hello>"),
    ("s | truncatewords: 2", "Hello World..."),
    ("s | truncatewords", "Hello World"),
    ("s | truncatewords: 'x'", ""),
]

NUMBERS = [
    ("neg | abs", "2.5"),
    ("n | at_least: 50", "50"),
    ("n | at_most: 50, 7, 'x'", "0"),
    ("neg | ceil", "-2"),
    ("neg | floor", "-3"),
    ("inf | floor", "Infinity"),
    ("n | divided_by: 8", "5.25"),
    ("n | divided_by: 8, true", "5"),
    ("n | divided_by: 8, 0", "5.25"),
    ("n | divided_by", "NaN"),
    ("n | divided_by: 0", "Infinity"),
    ("neg | divided_by: 0", "-Infinity"),
    ("n | divided_by: 0, 1", "Infinity"),
    ("0 | divided_by: 0", "NaN"),
    ("0 | divided_by: nothing", "NaN"),
    ("n | minus: '2'", "40"),
    ("n | plus: 'x'", "42"),
    ("t | plus: nil_text", "1"),
    ("nothing | plus: blanks", "0"),
    ("'0x1F' | plus: '0b11'", "34"),
    ("'-Infinity' | plus: 1", "-Infinity"),
    ("'1e3' | plus: l", "1000"),
    ("n | plus: hidden.x", "42"),
    ("n | plus: empty", "42"),
    ("neg | modulo: 2", "1.5"),
    ("n | modulo: 0", "NaN"),
    ("inf | modulo: 5", "NaN"),
    ("big | times: big", "Infinity"),
    ("2.5 | round", "3"),
    ("neg | round", "-3"),
    ("1.2345 | round: 2", "1.23"),
    ("1234 | round: -2", "1200"),
    ("big | round", "1e+300"),
    ("inf | round", "Infinity"),
    ("n | round: 1.5", "42"),
    ("0.0000001 | round: 3", "0"),
    ("'5.5' | to_integer", "5.5"),
    ("s | to_integer", "NaN"),
    ("missing | to_integer", "NaN"),
]

LISTS = [
    ("mixed | compact | size", "5"),
    ("nothing | compact | json", "[]"),
    ("l | first", "a"),
    ("emoji | last", "!"),
    ("emoji | first", "h"),
    ("like | first", "p"),
    ("like | last", "q"),
    ("o | first", ""),
    ("n | first", ""),
    ("nil_text | first", ""),
    ("l | join", "a b c"),
    ("l | join: nil", "a b c"),
    ("mixed | join: '-'", "1-two--true-[object Object]-1,2,"),
    ("s | join: '-'", "Hello World"),
    ("l | push: nil | join: '-'", "a-b-c-[object Object]"),
    ("l | push: missing | json", '["a","b","c",null]'),
    ("l | pop | json", '["a","b"]'),
    ("l | shift | json", '["b","c"]'),
    ("l | push: l | json", '["a","b","c",["a","b","c"]]'),
    ("l | unshift: 1 | json", '[1,"a","b","c"]'),
    ("l | size", "3"),
    ("emoji | size", "6"),
    ("like | size", "2"),
    ("o | size", "0"),
    ("n | size", "0"),
    ("l | slice: 1 | json", '["b"]'),
    ("l | slice: -2, 2 | json", '["b","c"]'),
    ("l | slice: -9, 2 | json", "[]"),
    ("l | slice: 1, -1 | json", "[]"),
    ("l | slice | json", "[]"),
    ("s | slice", "H"),
    ("s | slice: -5, 3", "Wor"),
    ("s | slice: -50, 3", ""),
    ("emoji | slice: 3, 1", "👋"),
    ("nothing | slice: 1 | json", "[]"),
    ("n | slice: 1", "2"),
    ("mixed | sum", "2"),
    ("items | sum: 'q'", "7"),
    ("items | sum: 'k.v'", "1"),
    ("n | sum", "42"),
    ("items | where: 'q' | size", "2"),
    ("items | where: 'q', 2 | json", '[{"q":2,"k":{"v":true}}]'),
    ("items | where: 'q', nil | size", "3"),
    ("items | where: 'k[\"v\"]' | size", "1"),
    ("items | where: 'length' | json", '["str"]'),
    ("items | where | size", "0"),
]

ENCODINGS = [
    ("'aGk' | base64_decode", "hi"),
    ("'aGk=' | base64_decode", "hi"),
    ("'aA = =' | base64_decode", "h"),
    ("'/w==' | base64_decode", "\ufffd"),
    ("emoji | base64_encode", "aGkg8J+RiyE="),
    ("'\\ud83d' | base64_encode", "77+9"),
    ("'a b(é)~' | cgi_escape", "a+b%28%C3%A9%29~"),
    ("'a b(é)~' | url_encode", "a+b(%C3%A9)~"),
    ("'a b/[é]?#' | uri_escape", "a%20b/[%C3%A9]?#"),
    ("'a+b%C3%A9%21' | url_decode", "a bé!"),
    ("'\\ud83d\\udc4b' | url_encode", "%F0%9F%91%8B"),
    ("s | sha256", "a591a6d40bf420404a011733cfb7b190d62c65bf0bcda32b57b277d9ad9f146e"),
    ("'x' | hmac_sha256: 'k'", "c38edc8815c8489f64738978f44008f8596345545f0baa68ef6fcf5c53e57189"),
    ("o | json", '{"2":null,"10":1,"x":{"y":[1,"é"]},"4294967296":0}'),
    ("o.x | json: 1", '{\n "y": [\n  1,\n  "é"\n ]\n}'),
    ("l | jsonify: '--'", '[\n--"a",\n--"b",\n--"c"\n]'),
    ("l | inspect: 'x👋👋👋👋👋👋' | size", "47"),
    ("l | json: nil", '["a","b","c"]'),
    ("l | json: missing", '["a","b","c"]'),
    ("missing | json", ""),
    ("nothing | json", "null"),
    ("nil | json: 2", "{}"),
    ("inf | json", "null"),
    ("t | json", "true"),
    ("f | json", "false"),
    ("'\\ud83d\"\\\\\\n\\u0001é' | json", '"\\ud83d\\"\\\\\\n\\u0001é"'),
    ("'' | split: ',' | json: 2", "[]"),
    ("'Crème  Brûlée! ' | slugify", "crème-brûlée"),
    ("'Crème Œ ß!' | slugify: 'latin'", "creme-oe-ss"),
    ("'Crème!' | slugify: 'ascii'", "cr-me"),
    ("'a  b!' | slugify: 'raw'", "a-b!"),
    ("'a  b!.?c' | slugify: 'pretty'", "a-b!.-c"),
    ("'A b' | slugify: 'none'", "a b"),
    ("'A b' | slugify: missing, true", "A-b"),
    ("'A b' | slugify: 'default', true", "A-b"),
]

DEFAULTS = [
    ("nothing | default: 'd'", "d"),
    ("missing | default: 'd'", "d"),
    ("nil_text | default: 'd'", "d"),
    ("empty | default: 'd'", "d"),
    ("l | default: 'd'", "abc"),
    ("n | default: 'd'", "42"),
    ("f | default: 'd'", "d"),
    ("f | default: 'd', allow_false: true", "false"),
    ("f | default: 'd', allow_false: f", "d"),
    ("f | default: 'd', allow_false: nil", "false"),
    ("f | default: 'd', allow_false: inf, other: 1", "false"),
    ("nothing | default", ""),
]


@pytest.mark.parametrize(("expression", "text"), TEXTS + NUMBERS + LISTS + ENCODINGS)
def test_filters(expression: str, text: str) -> None:
    """Each filter, with and without its arguments, on what it is for and on what it is not."""
    assert text == rendered(expression)


@pytest.mark.parametrize(("expression", "text"), DEFAULTS)
def test_default(expression: str, text: str) -> None:
    """What counts as missing."""
    assert text == rendered(expression)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("hidden", "toString"),
        ("hidden | plus: 1", "toString"),
        ("f | default: 1, 2", "an option without a key"),
        ("f | default: 1, missing", "an option without a key"),
        ("'%' | url_decode", "percent sign"),
        ("'%ff' | url_decode", "no UTF-8"),
        ("'\\ud83d' | url_encode", "half a letter"),
        ("'a' | base64_decode", "no base64"),
        ("'a-b=' | base64_decode", "no base64"),
        ("items | where: '[1' | size", "bracket that is not closed"),
    ],
)
def test_what_fails_for_some_events(expression: str, message: str) -> None:
    """Errors name what the template does and nothing of the event."""
    with pytest.raises(MappingError, match=message) as caught:
        rendered(expression)
    assert str(caught.value) == caught.value.safe


@pytest.mark.parametrize("name", sorted(DISABLED | UNSTABLE))
def test_what_is_switched_off_fails_when_it_is_reached(name: str) -> None:
    """And only then."""
    assert name not in FILTERS
    template = parse_template("{% if on %}{{ x | " + name + " }}{% endif %}")
    assert "" == template.render({})
    with pytest.raises(MappingError, match=name):
        template.render({"on": 1})


def test_property_names_are_short() -> None:
    """They may come from the event, and are read like a template."""
    template = parse_template("{{ l | where: name | size }}")
    assert "0" == template.render({"l": [1], "name": "x" * MAX_PROPERTY_CHARS})
    with pytest.raises(MappingError, match="longer than"):
        template.render({"l": [1], "name": "x" * (MAX_PROPERTY_CHARS + 1)})


def test_json_has_a_limit_of_levels() -> None:
    """So that no event exhausts the stack."""
    value: Any = []
    for _ in range(MAX_LEVELS - 1):
        value = [value]
    template = parse_template("{{ v | json }}")
    assert "[" * MAX_LEVELS + "]" * MAX_LEVELS == template.render({"v": value})
    with pytest.raises(MappingError, match="nested deeper"):
        template.render({"v": [value]})
