"""Reading and checking a configuration is total: any text ends as settings or as a located error without secrets."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from processor.config import Properties, Secret, masked, validate
from processor.config.document import parse_document
from processor.errors import ConfigError

LITERAL = "made-up-value-8675309"


class Part(BaseModel):
    """A part with most kinds of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Secret | None = None
    count: int = Field(1, ge=1)
    either: int | list[str] | dict[str, float] | None = None


class Root(BaseModel):
    """The settings that random files are checked against."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Secret | None = None
    parts: dict[str, Part] = Field(default_factory=dict)
    items: tuple[Part, ...] = ()
    properties: Properties = Field(default_factory=dict)
    one: Part = Part()


KEYS = st.sampled_from(["key", "count", "either", "parts", "items", "properties", "one", "sasl.password", "str", "int"])
FINITE = st.floats(allow_nan=False, allow_infinity=False)
PLAIN = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | FINITE | st.text(max_size=8)
JSON = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=4)
)
HIDDEN = st.recursive(
    st.just(LITERAL),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS | st.just("env"), inner, min_size=1, max_size=3),
)


@given(JSON, st.sampled_from([None, 2, "\t"]))
def test_json_is_read_as_json(value: Any, indent: int | str | None) -> None:  # noqa: ANN401 - any JSON value
    """What Python writes as JSON comes back as it was, pretty or not: a mapping can be pasted in."""
    document = parse_document(json.dumps({"value": value}, indent=indent), "f")
    assert (document.value, document.problems) == ({"value": value}, ())


def refusal_of(text: str) -> ConfigError | None:
    """Return why a text is refused; None when it is not. Whatever else is raised fails the test."""
    try:
        validate(Root, parse_document(text, "f"))
    except ConfigError as error:
        return error
    return None


@given(st.text() | st.text(alphabet="{}[]:,?-&*!|>'\"%@`# \n\tab01.~<", max_size=40))
@example("a: &a [*a]\n")
@example("? {a: b}\n: c\n")
@example("!!binary x")
@example("- - - ? : - *x")
@example("%TAG ! tag:x,2000:\n--- !a b")
@example("%YAML 9.9\n---\n")
@example("\u2028: \x85")
@example("key: |\n  x\n")
@settings(max_examples=1000)
def test_any_text_ends_in_settings_or_in_a_located_error(text: str) -> None:
    """No text crashes the reader, also none of YAML's own characters: an operator sees a line and a column."""
    refusal = refusal_of(text)
    last = sum(map(text.count, "\n\r\x85\u2028\u2029")) + 2
    problems = () if refusal is None else refusal.problems
    assert all(1 <= problem.line <= last and problem.column >= 1 for problem in problems)
    assert refusal is None or problems


@given(st.dictionaries(KEYS, JSON, max_size=4))
@settings(max_examples=400)
def test_any_value_is_checked_without_a_crash(value: dict[str, Any]) -> None:
    """Wrong types everywhere give problems whose places lie within the file."""
    text = json.dumps(value, indent=1)
    refusal = refusal_of(text)
    lines = text.split("\n")
    problems = () if refusal is None else refusal.problems
    assert [problem for problem in problems if problem.column > len(lines[problem.line - 1]) + 1] == []


@given(st.dictionaries(KEYS, HIDDEN, min_size=1, max_size=4))
@settings(max_examples=400)
def test_no_error_shows_a_text_in_a_place_of_secrets(value: dict[str, Any]) -> None:
    """A secret that was pasted anywhere below, at any depth and in any wrong form, is not in the error."""
    with pytest.raises(ConfigError) as caught:
        validate(Root, parse_document(json.dumps({"key": LITERAL, "wrapped": value, **value}), "f"))
    shown = str(caught.value)
    visible = [line for line in shown.split("\n") if LITERAL in line]
    # Text where a number or a true is wanted is shown: these settings are no place for a secret, and seeing helps.
    assert [line for line in visible if "a whole number" not in line and "a number" not in line] == []


@given(FINITE)
def test_numbers_keep_their_value(number: float) -> None:
    """What is written with full precision is read with it."""
    read = parse_document(f"a: {number!r}", "f").value["a"]
    assert math.isclose(read, number, rel_tol=0.0, abs_tol=0.0)


@given(st.text(), st.lists(st.text(min_size=3, max_size=6), min_size=1, max_size=4))
def test_masked_text_holds_no_secret(text: str, secrets: list[str]) -> None:
    """Whatever the secrets have in common, none is left, wherever they stand."""
    secrets = [secret for secret in secrets if not set(secret) & set("*")]
    planted = text.join(secrets)
    shown = masked(planted, map(Secret, secrets))
    assert [secret for secret in secrets if secret in shown] == []
