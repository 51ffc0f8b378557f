"""Validation of a document: every problem at once, each with its place, what was found and what is allowed."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator, model_validator

from processor.config import Properties, Secret, refuse, validate
from processor.config.document import parse_document
from processor.config.problems import Problem, nearest, path_text
from processor.config.shape import models_at
from processor.errors import ConfigError

FROZEN = ConfigDict(frozen=True, extra="forbid")
LITERAL = "made-up-value"


class Colour(Enum):
    """A set of words."""

    RED = "red"
    GREEN = "green"


class Inner(BaseModel):
    """A part of the settings."""

    model_config = FROZEN

    max_count: int = Field(5, ge=1, description="Most of it. Default 5.")
    mode: Literal["alpha", "beta"] = "alpha"
    wait_ms: int = Field(1, validation_alias=AliasChoices("wait_ms", "waitMs"))
    text: str = ""
    even: int = 0
    short: str = Field("xx", min_length=2)

    @field_validator("even")
    @classmethod
    def _is_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("must be even")
        return value

    @model_validator(mode="after")
    def _fits(self) -> Inner:
        if self.text == "both" and self.mode == "beta":
            raise ValueError("`text: both` and `mode: beta` exclude each other")
        if self.text == "far":
            raise refuse((("mode",), "found far; allowed: near"), (("wait_ms",), "too short for far"))
        return self


class Root(BaseModel):
    """Settings with one of everything."""

    model_config = FROZEN

    name: str = Field(alias="title", description="What it is called. Required.")
    inner: Inner = Field(default_factory=Inner)
    parts: dict[Annotated[str, Field(pattern="^[a-z]+$")], Inner] = Field(default_factory=dict)
    key: Secret | None = None
    properties: Properties = Field(default_factory=dict)
    items: tuple[Inner, ...] = ()
    either: int | list[int] | Inner | None = None
    flag: bool = False
    ratio: float = 0.5
    wait: timedelta = timedelta(seconds=1)
    colour: Colour = Colour.RED
    file: Path | None = None
    few: tuple[int, ...] = Field((1,), min_length=1)
    anything: dict[str, Any] = Field(default_factory=dict)


def problems_of(text: str, model: type[BaseModel] = Root) -> list[str]:
    """Return the lines of the error that a text earns."""
    with pytest.raises(ConfigError) as caught:
        validate(model, parse_document(text, "f.yaml"))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None, "pydantic's error shows values and must not travel along"
    return str(caught.value).split("\n")


def test_a_valid_document_becomes_the_model() -> None:
    """Values, aliases and either side of a union arrive."""
    root = validate(Root, parse_document("title: x\ninner: {waitMs: 5}\neither: [1, 2]\nwait: 2.5\nratio: 1", "f"))
    assert (root.name, root.inner.wait_ms, root.either) == ("x", 5, [1, 2])
    assert (root.wait, root.ratio) == (timedelta(seconds=2.5), 1.0)


def test_the_context_reaches_validators() -> None:
    """Secrets may be plain where the caller says so."""
    root = validate(Root, parse_document("title: x\nkey: plain", "f"), {"plain_secrets": True})
    assert root.key == Secret("plain")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "inner: {max_cuont: 1}",
            (
                "f.yaml:2:9: inner.max_cuont: unknown key; allowed: max_count, mode, wait_ms, text, "
                "even, short; did you mean 'max_count'?"
            ),
        ),
        (
            "inner: {maxCount: 1}",
            (
                "f.yaml:2:9: inner.maxCount: unknown key; allowed: max_count, mode, wait_ms, text, "
                "even, short; did you mean 'max_count'?"
            ),
        ),
        ("inner: {zzz: 1}", "f.yaml:2:9: inner.zzz: unknown key; allowed: max_count, mode, wait_ms, text, even, short"),
        (
            "inner: {waitMs: 1, wait_ms: 2}",
            ("f.yaml:2:9: inner.waitMs: the same setting stands here twice, in two spellings; allowed: one of them"),
        ),
        (
            "inner: {max_count: 0}",
            "f.yaml:2:20: inner.max_count: found the number 0; allowed: greater than or equal to 1",
        ),
        ("inner: {max_count: x}", "f.yaml:2:20: inner.max_count: found 'x'; allowed: a whole number"),
        ("inner: {max_count: 1.5}", "f.yaml:2:20: inner.max_count: found the number 1.5; allowed: a whole number"),
        ("inner: {max_count: }", "f.yaml:2:19: inner.max_count: found nothing; allowed: a whole number"),
        ("inner: {max_count: [1]}", "f.yaml:2:20: inner.max_count: found a list; allowed: a whole number"),
        ("inner: {max_count: true}", "f.yaml:2:20: inner.max_count: found true; allowed: a number"),
        ("inner: {max_count: false}", "f.yaml:2:20: inner.max_count: found false; allowed: a number"),
        ("ratio: false", "f.yaml:2:8: ratio: found false; allowed: a number"),
        ('inner: {max_count: "5"}', "f.yaml:2:20: inner.max_count: found '5'; allowed: a whole number"),
        ('ratio: "0.5"', "f.yaml:2:8: ratio: found '0.5'; allowed: a number"),
        ("flag: no", "f.yaml:2:7: flag: found 'no'; allowed: true or false"),
        ("flag: 0", "f.yaml:2:7: flag: found the number 0; allowed: true or false"),
        ("inner: {short: x}", "f.yaml:2:16: inner.short: found 'x'; allowed: text of 2 or more characters"),
        ("few: []", "f.yaml:2:6: few: found an empty list; allowed: 1 or more entries"),
        ("few: [x]", "f.yaml:2:7: few[0]: found 'x'; allowed: a whole number"),
        ("inner: {waitMs: x}", "f.yaml:2:17: inner.waitMs: found 'x'; allowed: a whole number"),
        (
            "inner: {mode: aplha}",
            ("f.yaml:2:15: inner.mode: found 'aplha'; allowed: 'alpha' or 'beta'; did you mean 'alpha'?"),
        ),
        ("inner: {mode: 5}", "f.yaml:2:15: inner.mode: found the number 5; allowed: 'alpha' or 'beta'"),
        ("colour: gren", "f.yaml:2:9: colour: found 'gren'; allowed: 'red' or 'green'; did you mean 'green'?"),
        (
            "inner: {text: 12}",
            (
                "f.yaml:2:15: inner.text: found the number 12; allowed: text (numbers, true and false "
                "are text only in quotes)"
            ),
        ),
        ("inner: {even: 3}", "f.yaml:2:15: inner.even: found the number 3; must be even"),
        ("inner: {text: both, mode: beta}", "f.yaml:2:8: inner: `text: both` and `mode: beta` exclude each other"),
        ("inner: 5", "f.yaml:2:8: inner: found the number 5; allowed: a mapping of keys to values"),
        ("inner: some text", "f.yaml:2:8: inner: found text; allowed: a mapping of keys to values"),
        ("flag: maybe", "f.yaml:2:7: flag: found 'maybe'; allowed: true or false"),
        ("wait: soon", "f.yaml:2:7: wait: found 'soon'; allowed: a number of seconds"),
        ("items: {a: 1}", "f.yaml:2:8: items: found a mapping; allowed: a list"),
        ("items: [{}, {mode: x}]", "f.yaml:2:20: items[1].mode: found 'x'; allowed: 'alpha' or 'beta'"),
        ("parts: {a: {mode: x}}", "f.yaml:2:19: parts.a.mode: found 'x'; allowed: 'alpha' or 'beta'"),
        (
            "parts: {A1: {}}",
            ("f.yaml:2:9: parts.A1: the key is not a valid name; allowed: text that matches ^[a-z]+$"),
        ),
        (
            "either: x",
            "f.yaml:2:9: either: found 'x'; allowed: a whole number or a list or a mapping of keys to values",
        ),
        ("either: [1, x]", "f.yaml:2:13: either[1]: found 'x'; allowed: a whole number"),
        ("either: {mode: alpha, even: 3}", "f.yaml:2:29: either.even: found the number 3; must be even"),
        (
            "either: {max_cuont: 3}",
            (
                "f.yaml:2:10: either.max_cuont: unknown key; allowed: max_count, mode, wait_ms, "
                "text, even, short; did you mean 'max_count'?"
            ),
        ),
        (
            "properties: {x: [1]}",
            (
                "f.yaml:2:17: properties.x: found a list; allowed: text, a number, true or false, "
                "{env: NAME} or {file: PATH}"
            ),
        ),
    ],
)
def test_one_problem(line: str, expected: str) -> None:
    """Place, path, what was found, what is allowed, and the nearest word where one is near."""
    assert problems_of(f"title: x\n{line}\n") == [expected]


def test_a_missing_key_points_at_its_parent() -> None:
    """With what the key is for, from its description."""
    assert problems_of("flag: true") == ["f.yaml:1:1: title: a required key is missing: What it is called"]
    assert problems_of("") == ["f.yaml:1:1: found nothing; allowed: a mapping of keys to values"]


def test_a_missing_key_says_which_words_it_takes() -> None:
    """Whoever left it out sees what to write."""

    class Leaf(BaseModel):
        region: Literal["one", "two"] = Field(description="Where it is. Required.")

    assert problems_of("{}", Leaf) == ["f.yaml:1:1: region: a required key is missing: Where it is; allowed: one, two"]


def test_a_missing_key_without_a_description() -> None:
    """The parent's key is the place, however deep."""

    class Leaf(BaseModel):
        needed: int

    class Tree(BaseModel):
        leaves: dict[str, Leaf]

    assert problems_of("leaves:\n  one:\n    {}\n", Tree) == [
        "f.yaml:2:3: leaves.one.needed: a required key is missing"
    ]


def test_a_validator_refuses_several_places() -> None:
    """Each finding stands at its key; where the key is not in the file, at its parent, under the key's path."""
    assert problems_of("title: x\ninner: {text: far, mode: beta}") == [
        "f.yaml:2:1: inner.wait_ms: too short for far",
        "f.yaml:2:26: inner.mode: found far; allowed: near",
    ]


def test_all_problems_of_a_file_are_shown_in_the_order_of_its_lines() -> None:
    """Duplicates, unknown keys, wrong types and missing keys of all parts, in one run."""
    text = (
        "flag: 7\nzzz: 1\ninner:\n  mode: x\n  even: 1\nflag: true\nkey: {env: }\n"
        "items:\n  - {even: 1}\n  - {evne: 2}\n"
    )
    lines = problems_of(text)
    assert [line.split(": ")[0] for line in lines] == [
        f"f.yaml:{place}" for place in ("1:1", "1:7", "2:1", "4:9", "5:9", "6:1", "7:6", "9:12", "10:6")
    ]


def test_problems_are_values_too() -> None:
    """Whoever catches the error can work with the findings."""
    with pytest.raises(ConfigError) as caught:
        validate(Root, parse_document("title: x\nflga: true", "f"))
    (problem,) = caught.value.problems
    assert isinstance(problem, Problem)
    assert (problem.line, problem.column, problem.path, problem.nearest) == (2, 1, ("flga",), "flag")
    assert caught.value.safe == str(caught.value)


def test_what_could_not_be_read_is_not_blamed_twice() -> None:
    """A number that JSON cannot hold is one problem, not also a missing value."""
    assert len(problems_of("title: x\nratio: .nan")) == 1


def test_a_fault_of_reading_alone_refuses_the_file() -> None:
    """A key written twice is an error although pydantic sees nothing of it."""
    assert problems_of("title: x\ntitle: y") == [
        "f.yaml:2:1: title: the key stands here a second time; the first is in line 1",
    ]


@pytest.mark.parametrize(
    "line",
    [
        f"key: {LITERAL}",
        "key: 8675309",
        f"key: [{LITERAL}]",
        f"key: {{enw: {LITERAL}}}",
        f"key: {{env: '{LITERAL}'}}",
        f"kee: {LITERAL}",
        f"inner: {LITERAL}",
        f"inner: {{api_key: {LITERAL}}}",
        f"items: {LITERAL}",
        f"properties: {{sasl.password: {LITERAL}}}",
        f"properties: {{sasl.password: [{LITERAL}]}}",
        f"properties: {LITERAL}",
        f"either: {{password: {LITERAL}}}",
        "properties: {ssl.key.password: 8675309}",
    ],
)
def test_a_secret_is_never_shown(line: str) -> None:
    """Wherever it was put, and whatever is wrong there."""
    text = "\n".join(problems_of(f"title: x\n{line}\n"))
    assert LITERAL not in text
    assert "8675309" not in text


def test_values_under_sensitive_keys_are_not_shown() -> None:
    """A key that speaks of secrets hides its value even where its type takes any text."""

    class Loose(BaseModel):
        api_key: Literal["one", "two"]
        key_count: int
        token_on: bool

    assert problems_of(f"api_key: {LITERAL}\nkey_count: 8.5\ntoken_on: 5", Loose) == [
        "f.yaml:1:10: api_key: found text; allowed: 'one' or 'two'",
        "f.yaml:2:12: key_count: found a value; allowed: a whole number",
        "f.yaml:3:11: token_on: found a value; allowed: true or false",
    ]


def test_credentials_in_addresses_are_masked_and_long_text_is_cut() -> None:
    """What is shown of text is fit to be shown."""

    class Loose(BaseModel):
        url: Literal["a"]
        hook: Literal["a"]
        question: Literal["a"]
        long: Literal["a"]

    text = f"url: http://user:{LITERAL}@host/\nhook: http://host/x?k={LITERAL}#f\nquestion: what?no\nlong: {'x' * 100}"
    url, hook, question, long = problems_of(text, Loose)
    assert "found 'http://***@host/'" in url
    assert "found 'http://host/x?***'" in hook
    assert "found 'what?no'" in question
    assert f"found '{'x' * 60}…'" in long


def test_booleans_are_no_numbers_but_fit_where_anything_does() -> None:
    """True is refused as a count, and taken as a value of any kind."""
    root = validate(Root, parse_document("title: x\nflag: true\nanything: {a: true, b: {c: [false]}}", "f"))
    assert root.anything == {"a": True, "b": {"c": [False]}}


class ByKind:
    """Metadata that chooses the model by the value."""

    def model_for(self, value: object) -> type[BaseModel]:
        """Return `Inner` for a mapping that says so."""
        return Inner if isinstance(value, dict) and value.get("kind") == "inner" else Root


def test_the_model_may_depend_on_the_value() -> None:
    """Keys are looked up in the model that was chosen, in mappings and lists; where nothing stands there are none."""

    class Tree(BaseModel):
        parts: dict[str, Annotated[BaseModel, ByKind()]]
        items: list[Annotated[BaseModel, ByKind()]]

    value = {"parts": {"a": {"kind": "inner"}, "b": {}}, "items": [{"kind": "inner"}]}
    assert models_at(Tree, ("parts", "a"), value) == [Inner]
    assert models_at(Tree, ("parts", "b", "inner"), value) == [Inner]
    assert models_at(Tree, ("items", 0), value) == [Inner]
    assert models_at(Tree, ("items", 7), value) == [Root]
    assert models_at(Tree, ("parts", 0), value) == []
    assert models_at(Tree, ("nowhere", "a"), value) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("a",), "a"),
        (("a", "b-c", 0, "d_e"), "a.b-c[0].d_e"),
        (("kafka", "sasl.password"), 'kafka["sasl.password"]'),
        (("@path",), '["@path"]'),
        (("é x", 'a"b', "c\nd"), '["é x"]["a\\"b"]["c\\nd"]'),
        ((0, 1), "[0][1]"),
    ],
)
def test_paths_as_text(path: tuple[str | int, ...], text: str) -> None:
    """Plain keys with dots, others in brackets, as a person would write them."""
    assert path_text(path) == text


@pytest.mark.parametrize(
    ("word", "expected"),
    [("max_cuont", "max_count"), ("MaxCount", "max_count"), ("max-count", "max_count"), ("q", None), ("", None)],
)
def test_the_nearest_word(word: str, expected: str | None) -> None:
    """Typing errors and other spellings are recognised, anything else is not guessed at."""
    assert nearest(word, ["max_count", "min_wait", "mode"]) == expected
