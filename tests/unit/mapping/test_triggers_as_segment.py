"""Triggers as Segment reads them, row by row of what its own package answers.

Source: contract of the trigger dialect, measured on `@segment/destination-subscriptions` 3.37.0.
"""

from __future__ import annotations

import pytest

from processor.mapping import Trigger, TriggerError
from processor.mapping.triggers.terms import Condition, Constant, Failing, Group, Term
from processor.mapping.triggers.units import units, without_first_unit
from tests.sample_event import EVENT

TAKEN = [
    'type = "track"',
    'type="track"',
    'type != "identify"',
    'type = "track" and event = "Order Completed"',
    'type = "identify" or type = "track"',
    'type = "track" and event = "Nope" or name = "Home"',
    'type = "identify" and event = "Nope" or type = "track"',
    '(type = "identify" or type = "track") and event = "Order Completed"',
    'type = "track" and (event = "Nope" or properties.qty = 3)',
    'type = "track" and',
    '!(type = "track")',
    'not type = "track"',
    'event != "Nope"',
    "event != null",
    'userId = "u1"',
    "userId != null",
    "userId = u1",
    'name = "Home"',
    'type = "track" and anonymousId = "NOPE"',
    'type = "track" and groupId = "NOPE"',
    'contains(event, "Completed")',
    'match(event, "Order*")',
    'match(event, "*Completed")',
    'match(event, "Order Completed")',
    'match(context.app.version, "2.*")',
    "properties.qty = 3",
    'properties.qty != "4"',
    'properties.missing != "4"',
    "properties.price >= 19.99",
    'properties.price < "20"',
    "properties.price > -1",
    "properties.vip = true",
    "properties.vip != true",
    "properties.off = false",
    "properties.nul = null",
    "properties.missing = null",
    'properties.empty = ""',
    'properties.product\\ 1.price = "19.99"',
    'properties.\\$lib = "q"',
    "properties.fee-x = 2",
    'properties.nested.a.b = "deep"',
    "properties.nested.a.b.c = null",
    "properties.tags.length = 2",
    'traits.plan = "pro"',
    "context.traits.plan = null",
    'context.personas.computation_class = "audience"',
]
NOT_TAKEN = [
    "type = 'track'",
    'type = "TRACK"',
    'type == "track"',
    'type <> "track"',
    "type =",
    'type = "identify" or type = "track" and event = "Nope"',
    'type = "track" AND event = "Nope"',
    'type = "identify" OR type = "track"',
    '!(type = "identify")',
    'type in ["track","identify"]',
    'event = "order completed"',
    "event = null",
    'event > "A"',
    "userId = null",
    'contains(event, "completed")',
    "contains(event, 'Completed')",
    'contains(properties.tags, "x")',
    'contains(properties.qty, "3")',
    'contains(properties.missing, "x")',
    '!contains(event, "Completed")',
    '!contains(properties.missing, "x")',
    'match(event, "*der Com*")',
    'match(event, "Ord*ted")',
    'match(event, "Order?Completed")',
    'match(event, "[OP]rder*")',
    "match(event, 'Order*')",
    '!match(properties.missing, "a*")',
    'properties.qty = "3"',
    "properties.missing != 4",
    "properties.num_str = 10",
    "properties.num_str > 5",
    "properties.price < 1e3",
    'properties.vip = "true"',
    "properties.missing = false",
    "properties.empty = null",
    'properties.a\\.b = "dotkey"',
    "properties.products.0.price = 5",
    'event = "say \\"hi\\""',
]
INVALID = [
    'TYPE = "track"',
    '"track" = type',
    "",
    "typo",
    "all",
    "true",
    '((type = "track"))',
    '(type = "track" and (event = "Order Completed" or event = "Nope"))',
    'type = "track" && event = "x"',
    '"x" in properties.tags',
    'lowercase(event) = "order completed"',
    "length(userId) > 0",
    'typeof(properties.price) = "number"',
    'anonymousId = "a1"',
    "integrations.All = true",
    'contains(type, "rack")',
    "properties.price>19",
    "properties.vip",
    'properties.$lib = "q"',
    "properties.products[0].price = 5",
    'event = "unterminated',
]


def test_the_table_is_whole() -> None:
    """Every row of the contract's table stands here."""
    assert len(TAKEN) + len(NOT_TAKEN) + len(INVALID) == 105


@pytest.mark.parametrize("text", TAKEN)
def test_these_take_the_event(text: str) -> None:
    """What Segment answers with true, however odd."""
    assert Trigger.parse(text).matches(EVENT) is True


@pytest.mark.parametrize("text", NOT_TAKEN)
def test_these_do_not_take_the_event(text: str) -> None:
    """What Segment answers with false, however odd."""
    assert Trigger.parse(text).matches(EVENT) is False


@pytest.mark.parametrize("text", INVALID)
def test_segment_makes_nothing_of_these(text: str) -> None:
    """What Segment calls an invalid subscription, which never runs."""
    with pytest.raises(TriggerError) as caught:
        Trigger.parse(text)
    assert caught.value.position is not None
    assert 0 <= caught.value.position <= len(text)


TRACK = Condition(("type",), "=", "track")
NAN = float("nan")
EMPTY = Failing("a group in parentheses holds no condition that Segment knows")


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ('type = "track" or event = "A" and', Group("and", (TRACK, Condition(("event",), "=", "A")))),
        (
            'type = "track" and (contains(event, "a") or !match(name, "b*"))',
            Group("or", (TRACK, Condition(("event",), "contains", "a"), Condition(("name",), "!starts", "b"))),
        ),
        (
            '(type = "track") or()',
            Group("and", (TRACK, Failing("a group in parentheses holds no condition that Segment knows"))),
        ),
        ('!contains(userId, "x")', Condition(("userId",), "!contains", "x")),
        ('!match(traits.a, "x")', Condition(("traits", "a"), "!ends", "")),
        ('match(context.a, "*x")', Condition(("context", "a"), "ends", "x")),
        ('match(properties.a, a\\*\\")', Condition(("properties", "a"), "starts", "a*")),
        ("type in x", Constant(holds=False)),
        ("properties.a in x", Constant(holds=False)),
        ("properties.\\. in x", Failing("no member of properties can have a name like '.'")),
        ("\\properties\\. = null", Constant(holds=True)),
        ("\\properties\\. = 1", Constant(holds=False)),
        ("properties = true", Condition(("properties", "properties"), "=", literal=True)),
        ("userId exists x", Condition(("userId",), "!=", None)),
        ("event not_exists x", Condition(("event",), "=", None)),
        ("properties.a is_true x", Condition(("properties", "a"), "=", literal=True)),
        ("properties.a is_false x", Condition(("properties", "a"), "=", literal=False)),
        ("event contains 5", Condition(("event",), "contains", "5")),
        ("name not_contains null", Condition(("name",), "!contains", "null")),
        ("properties.a not_ends_with true", Condition(("properties", "a"), "!ends", "true")),
        ("properties.a starts_with x", Condition(("properties", "a"), "starts", "x")),
        ("name = null", Condition(("name",), "=", None)),
        ("name != null", Condition(("name",), "!=", None)),
        ("userId != true", Condition(("userId",), "!=", "true")),
        ("properties.a != false", Condition(("properties", "a"), "!=", "false")),
        ("properties.a > true", Condition(("properties", "a"), ">", 1.0)),
        ('properties.a > " 0x1F "', Condition(("properties", "a"), ">", 31.0)),
        ('properties.a > "0b101"', Condition(("properties", "a"), ">", 5.0)),
        ('properties.a > "0o17"', Condition(("properties", "a"), ">", 15.0)),
        (f'properties.a > "0x{"f" * 400}"', Condition(("properties", "a"), ">", float("inf"))),
        ('properties.a > "-Infinity"', Condition(("properties", "a"), ">", float("-inf"))),
        ('properties.a > "+.5e-1"', Condition(("properties", "a"), ">", 0.05)),
        ('event = "x', None),
        ("type = 5.5.5", None),
        ("type = x\\", None),
        ("type = \\\U0001f600", None),
        ("!5", None),
        ("properties.a >x = 1", Condition(("properties", "a"), ">", NAN)),
        ("name = 'x'", Condition(("name",), "=", "'x'")),
        ("name = a . b", Condition(("name",), "=", "a.b")),
        ("event = -", Condition(("event",), "=", "NaN")),
    ],
)
def test_what_segment_reads(text: str, term: Term | None) -> None:
    """The tree behind the text; None where Segment makes nothing of it. NaN is compared by how it prints."""
    if term is None:
        with pytest.raises(TriggerError):
            Trigger.parse(text)
    else:
        assert repr(Trigger.parse(text).term) == repr(term)


@pytest.mark.parametrize(
    ("text", "is_valid"),
    [
        (f'event = "{"x" * 99_999}"', True),
        (f'event = "{"x" * 100_000}"', False),
        ('event = "' + "\U0001f600" * 50_000 + '"', False),
        (f"properties.{'x' * 100_000} = 1", True),
        (f"properties.{'x' * 100_001} = 1", False),
        (f"properties.a = {'1' * 100_000}", True),
        (f"properties.a = {'1' * 100_001}", False),
    ],
)
def test_words_have_a_longest_length(text: str, is_valid: bool) -> None:  # noqa: FBT001 - a column of the table
    """Counted in UTF-16 units, as Segment counts."""
    try:
        Trigger.parse(text)
    except TriggerError:
        assert not is_valid
    else:
        assert is_valid


def test_failing_conditions_fail_only_when_reached() -> None:
    """From left to right, as far as needed; the failure carries no place, for the text is not to blame."""
    trigger = Trigger.parse('type = "track" or properties.\\. = null')
    assert trigger.matches({"type": "track"}) is True
    with pytest.raises(TriggerError, match=r"^no member of properties can have a name like '\.'$") as caught:
        trigger.matches({"type": "page"})
    assert caught.value.position is None


def test_half_letters_are_found() -> None:
    """A pattern cut inside a letter outside the basic plane still finds its other half, as it does in JavaScript."""
    rocket = "go \U0001f680"
    assert without_first_unit("\U0001f680!") == "\ude80!"
    assert without_first_unit("ab") == "b"
    assert without_first_unit("") == ""
    assert units("a\U0001f680") == "a\ud83d\ude80"
    trigger = Trigger.parse('match(event, "\U0001f480")')
    assert trigger.term == Condition(("event",), "ends", "\udc80")
    assert trigger.matches({"event": "\U0001f480"}) is True
    assert trigger.matches({"event": "x\udc80"}) is True
    assert trigger.matches({"event": rocket}) is False
    assert trigger.matches({"event": "\U0001f480 "}) is False
    assert Trigger.parse('contains(event, "\ud83d")').matches({"event": rocket}) is True
    assert Trigger.parse('!match(event, "go \ud83d*")').matches({"event": rocket}) is False


def test_long_triggers_are_read_in_linear_time() -> None:
    """Tens of thousands of words, each of which takes back what it looked at, are read at once."""
    text = " ".join(['type = "a"b"', "(event = 'x')", "nu.an.o = 1", "<= >="] * 4_000)
    assert isinstance(Trigger.parse(f'type = "track" and {text}').term, Group)
