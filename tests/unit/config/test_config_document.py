"""Configuration files as documents: YAML 1.2 to the letter, places of everything, bounds on what a file may cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from processor.config.document import MAX_FILE_BYTES, Document, load_document, parse_document
from processor.config.yaml_tree import MAX_DEPTH, MAX_VALUE_COUNT
from processor.errors import ConfigError


def problems_of(text: str) -> list[str]:
    """Return what a text that can be read is blamed for."""
    return [problem.render("f") for problem in parse_document(text, "f").problems]


def refusal_of(text: str) -> str:
    """Return why a text cannot be read."""
    with pytest.raises(ConfigError) as caught:
        parse_document(text, "f")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None),
        ("~", None),
        ("", None),
        ("true", True),
        ("FALSE", False),
        ("yes", "yes"),
        ("off", "off"),
        ("12", 12),
        ("-3", -3),
        ("012", 12),
        ("0o14", 12),
        ("0x1F", 31),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        ('"12"', "12"),
        ("'true'", "true"),
        ("!!str 12", "12"),
        ("!!int 12", 12),
        (r'"\ud83d\ude00"', "\N{GRINNING FACE}"),
        (r'"a\ud83d\ude00\N{SNOWMAN}b"'.replace(r"\N{SNOWMAN}", "\N{SNOWMAN}"), "a\N{GRINNING FACE}\N{SNOWMAN}b"),
        ('type = "track"', 'type = "track"'),
    ],
)
def test_scalars_follow_the_core_schema(text: str, value: Any) -> None:  # noqa: ANN401 - any scalar
    """Times and YAML 1.1's words stay text, JSON's numbers and surrogate pairs are read as JSON reads them."""
    document = parse_document(f"key: {text}", "f")
    assert (document.value, document.problems) == ({"key": value}, ())
    assert type(document.value["key"]) is type(value)


def test_keys_are_text_whatever_they_look_like() -> None:
    """`on`, numbers and null are names as a person wrote them."""
    assert parse_document("on: 1\n1: 2\nnull: 3\n1.0: 4", "f").value == {"on": 1, "1": 2, "null": 3, "1.0": 4}


def test_json_with_tabs_is_read() -> None:
    """Pretty JSON can be pasted as it is, also when it is indented with tabs."""
    assert parse_document('{\n\t"a": {\n\t\t"@path": "$.b"\n\t}\n}', "f").value == {"a": {"@path": "$.b"}}


@pytest.mark.parametrize(("text", "value"), [("", None), ("# nothing\n", None), ("---\n", None)])
def test_an_empty_file_is_null(text: str, value: object) -> None:
    """The model then says which keys are missing."""
    assert parse_document(text, "f").value == value


def test_every_key_and_value_has_its_place() -> None:
    """Lines and columns count from one, for keys and values alike."""
    root = parse_document("a:\n  - b: 1\n    'c d': two\n", "f").root
    item = root.children["a"].children[0]
    assert (root.keys["a"], item.mark) == ((1, 1), (2, 5))
    assert (item.keys["c d"], item.children["c d"].mark) == ((3, 5), (3, 12))


def test_anchors_share_and_merges_add() -> None:
    """An alias is the anchor's value; `<<` adds what the mapping does not say itself, the first source winning."""
    text = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc: *a\nd: {<<: [*a, *b], x: 0}\ne: {<<: *b}"
    value = parse_document(text, "f").value
    assert value["c"] == {"x": 1, "y": 2}
    assert value["d"] == {"x": 0, "y": 2, "z": 4}
    assert value["e"] == {"y": 3, "z": 4}


def test_a_quoted_merge_key_is_a_key() -> None:
    """Only the plain `<<` merges."""
    assert parse_document('{"<<": 1}', "f").value == {"<<": 1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", ["f:3:1: a: the key stands here a second time; the first is in line 1"]),
        ("a: *none", ["f:1:4: a: an alias without an anchor before it; put text that begins with '*' in quotes"]),
        ("a: &x [*x]", ["f:1:8: a[0]: an alias without an anchor before it; put text that begins with '*' in quotes"]),
        ("a: !secret x", ["f:1:4: a: a tag ('!…') is not allowed; put text that begins with '!' in quotes"]),
        ("a: {<<: 1}", ["f:1:9: a: '<<' takes a mapping or a list of mappings"]),
        ("a: .inf", ["f:1:4: a: a number that JSON cannot hold; put it in quotes if it is text"]),
        ("a: 1e999", ["f:1:4: a: a number that JSON cannot hold; put it in quotes if it is text"]),
        ("a: .nan", ["f:1:4: a: a number that JSON cannot hold; put it in quotes if it is text"]),
        (f"a: {'9' * 5000}", ["f:1:4: a: a number of more than 1000 digits; put it in quotes if it is text"]),
        (
            r'a: "\ud83d"',
            ["f:1:4: a: half of a surrogate pair stands alone; write the character itself, or both halves"],
        ),
        (
            r'"\ud83d": 1',
            ["f:1:1: half of a surrogate pair stands alone; write the character itself, or both halves"],
        ),
        (
            "a: {{userId}}",
            [
                "f:1:5: a: braces or brackets where a key is expected; put templates such as '{{userId}}' in quotes",
            ],
        ),
        (
            "a: &x 1\n*x : 2",
            ["f:2:1: an alias where a key is expected; put templates such as '{{userId}}' in quotes"],
        ),
        ("a: 1\n---\nb: 2", ["f:2:1: a second document begins here; a configuration is one document"]),
        (
            "%YAML 1.1\n---\na: 1",
            ["f:2:1: another version of YAML is asked for; allowed: %YAML 1.2, or no such line"],
        ),
    ],
)
def test_faults_beside_which_the_rest_is_read(text: str, expected: list[str]) -> None:
    """Such a fault is collected, so that the rest of the file can be checked in the same run."""
    assert problems_of(text) == expected


def test_several_faults_are_all_collected() -> None:
    """One does not hide the next."""
    assert len(problems_of("a: 1\na: 2\nb: !x 1\nc: .inf\n? [x, {y: z}]\n: 1\nd: *none")) == 5


@pytest.mark.parametrize(
    ("text", "place", "advice"),
    [
        ("@path: $.x", "f:1:1: ", "put keys and text that begin with '@' in quotes: \"@path\""),
        ("a: {@path: 1}", "f:1:5: ", "in quotes"),
        ("a:\n\t- b", "f:2:1: ", "indent with spaces, not with tabs"),
        ("a: `x`", "f:1:4: ", "put text that begins with this character in quotes"),
        ("trigger: type: track", "f:1:14: ", "put text that holds ': ' in quotes"),
        ('trigger: "a" = "b"', "f:1:14: ", "must be in quotes as a whole"),
        (r'a: "type = \d"', "f:1:13: ", "put text with backslashes in single quotes"),
        ("a: 1\nb\nc: 2", "f:3:1: ", "a key and its ':' stand in one line"),
        ("{a: 1", "f:1:6: ", "expected ',' or '}'"),
        ('a: "x', "f:1:6: ", "unexpected end of stream"),
        ("a: \x07", "f:1:4: ", "the character U+0007 cannot stand in YAML"),
        (r'a: "\\U0010FFFF"' + "\n" + r'b: "x\U00110000"', "f:2:6: ", r"allowed: \u0000 to \uffff, \U00000000 to"),
        (r'a: "\UFFFFFFFF"', "f:1:5: ", "this escape stands for no character"),
    ],
)
def test_broken_syntax_is_placed_and_explained(text: str, place: str, advice: str) -> None:
    """What people trip over comes with what to write instead."""
    refusal = refusal_of(text)
    assert refusal.startswith(place)
    assert advice in refusal


def test_broken_syntax_shows_nothing_of_the_line() -> None:
    """The line at fault may be the one with a secret in it, such as one that begins with a sign of YAML's own."""
    for line in ('"made-up" key', "%made-up", "@made-up", "|made-up"):
        assert "made-up" not in refusal_of(f"application_id: {line}\n")
    for line in ("*made-up", "[*made-up]", "!made-up x"):
        (problem,) = parse_document(f"application_id: {line}\n", "f").problems
        assert "made-up" not in problem.render("f")


def test_earlier_faults_are_shown_with_broken_syntax() -> None:
    """What was found until then is not lost."""
    assert refusal_of("a: 1\na: 2\n@b: 3").count("\n") == 1


def test_a_small_file_cannot_become_a_large_value() -> None:
    """Aliases of aliases are counted at every use: the classic bomb ends before it is built."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    assert f"more than {MAX_VALUE_COUNT} values, aliases counted at every use" in refusal_of("\n".join(lines))


@pytest.mark.parametrize("depth", [MAX_DEPTH, 5000])
def test_a_file_cannot_be_too_deep(depth: int) -> None:
    """Depth is bounded before recursion is."""
    assert f"nested more than {MAX_DEPTH} levels deep" in refusal_of("[" * depth + "1" + "]" * depth)


def test_the_largest_depth_is_allowed() -> None:
    """The bound itself is inside."""
    depth = MAX_DEPTH - 1
    assert parse_document("[" * depth + "1" + "]" * depth, "f").problems == ()


def test_aliases_cannot_add_up_to_too_much_depth() -> None:
    """Depth counts through aliases too."""
    half = MAX_DEPTH // 2 + 1
    text = f"a: &a {'[' * half}1{']' * half}\nb: {'[' * half}*a{']' * half}"
    assert f"nested more than {MAX_DEPTH} levels deep" in refusal_of(text)


def test_a_file_is_loaded(tmp_path: Path) -> None:
    """A byte order mark does no harm; errors call the file by its path."""
    path = tmp_path / "bridge.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: \xc3\xa9\n")
    document = load_document(path)
    assert isinstance(document, Document)
    assert (document.value, document.file) == ({"a": "é"}, str(path))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """The error names the file and the reason."""
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: cannot be read: No such file"):
        load_document(tmp_path / "nowhere.yaml")


def test_a_file_that_is_no_utf_8(tmp_path: Path) -> None:
    """The error points at the first wrong byte."""
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"a: 1\nb: caf\xe9\n")
    with pytest.raises(ConfigError, match=r"latin\.yaml:2:7: this is not UTF-8"):
        load_document(path)


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    """A wrong path, such as one to a data file, does not fill the memory."""
    path = tmp_path / "large.yaml"
    path.write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    with pytest.raises(ConfigError, match="too large"):
        load_document(path)
