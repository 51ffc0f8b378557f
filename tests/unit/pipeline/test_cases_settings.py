"""Files of cases: what they may say, and what is said of those that cannot be used."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from processor.config import load_document
from processor.errors import ConfigError
from processor.pipeline.cases.settings import PlacedCase, json_schema, load_cases

ROOT = Path(__file__).parents[3]
COMMITTED = ROOT / "schemas" / "cases.schema.json"
EXAMPLE = ROOT / "examples" / "mappings" / "orders.cases.yaml"
CASE = "  - {name: one, given: {}, expect: {skipped: filtered}}\n"


def loaded(folder: Path, text: str, *destinations: str) -> list[PlacedCase]:
    """Return the cases of a text."""
    path = folder / "c.yaml"
    path.write_text(text)
    return load_cases(path, destinations or ("crm",))


def problems(folder: Path, text: str, *destinations: str) -> list[str]:
    """Return the lines of the error that a text earns, without the file's name."""
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text, *destinations)
    return str(caught.value).replace(f"{folder}/c.yaml:", "").splitlines()


def test_defaults_do_not_depend_on_the_clock(tmp_path: Path) -> None:
    """Record and time are fixed, and the only destination need not be named."""
    (placed,) = loaded(tmp_path, f"cases:\n{CASE}")
    assert (placed.line, placed.destination, placed.now_ms) == (2, "crm", 1_769_846_400_000)
    assert placed.record.model_dump() == {
        "topic": "segment-events",
        "partition": 0,
        "offset": 0,
        "time": "2026-01-31T08:00:00Z",
    }


def test_a_case_says_it_before_its_file_does(tmp_path: Path) -> None:
    """Destination, record and time of a case come first, then the file's, then the time of the record."""
    head = "destination: crm\nrecord: {offset: 7, time: 2026-02-01T00:00:00Z}\n"
    own = "destination: web, now: 2026-02-02T00:00:00.001Z, record: {offset: 8}"
    case = f"  - {{name: two, {own}, given: 1, expect: {{rejected: x}}}}\n"
    one, two = loaded(tmp_path, f"{head}cases:\n{CASE}{case}", "crm", "web")
    assert (one.destination, one.record.offset, one.now_ms) == ("crm", 7, 1_769_904_000_000)
    assert (two.destination, two.record.offset, two.now_ms) == ("web", 8, 1_769_990_400_001)
    (three,) = loaded(tmp_path, f"now: 2026-02-02T00:00:00Z\ncases:\n{CASE}")
    assert three.now_ms == 1_769_990_400_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cases: []", "1:8: cases: there is no case; allowed: one or more"),
        (
            f"case: 1\ncases:\n{CASE}",
            "1:1: case: unknown key; allowed: destination, record, now, cases; did you mean 'cases'?",
        ),
        (
            f"cases:\n{CASE}{CASE}",
            """\
2:12: cases[0].name: another case of this file has the same name
3:12: cases[1].name: another case of this file has the same name""",
        ),
        (
            f"destination: cmr\ncases:\n{CASE}",
            "1:14: destination: the configuration has no destination 'cmr'; allowed: crm; did you mean 'crm'?",
        ),
        (
            "cases:\n  - {name: a, destination: zzz, given: 1, expect: {rejected: x}}",
            "2:28: cases[0].destination: the configuration has no destination 'zzz'; allowed: crm",
        ),
        (f"now: noon\ncases:\n{CASE}", "1:6: now: found 'noon'; a time in ISO 8601, such as 2026-01-31T08:00:00Z"),
        (
            "cases:\n  - {name: a, given: 1, expect: {}}",
            "2:33: cases[0].expect: nothing is expected; name at least one of payloads, skipped, rejected",
        ),
        (
            "cases:\n  - {name: a, given: 1, expect: {payloads: []}}",
            "2:44: cases[0].expect.payloads: no payload is named; where none may be made, leave payloads out",
        ),
        (
            "cases:\n  - {name: a, expect: {rejected: x}}",
            "2:5: cases[0].given: a required key is missing: The event, or a batch body of several: any JSON value",
        ),
    ],
)
def test_what_cannot_be_used_is_told_with_its_place(tmp_path: Path, text: str, expected: str) -> None:
    """File, line, column and key, as for the configuration."""
    assert problems(tmp_path, text) == expected.splitlines()


def test_one_of_several_destinations_must_be_named(tmp_path: Path) -> None:
    """Nothing is guessed."""
    assert problems(tmp_path, f"cases:\n{CASE}", "crm", "web") == [
        "2:5: cases[0].destination: a required key is missing, here or for the whole file; allowed: crm, web"
    ]


def test_the_committed_schema_is_current() -> None:
    """After a change of the models: `python -m processor.pipeline.cases > schemas/cases.schema.json`."""
    command = [sys.executable, "-m", "processor.pipeline.cases"]
    printed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert printed == COMMITTED.read_text()
    assert json.loads(printed) == json_schema()


def test_the_schema_accepts_the_example() -> None:
    """What an editor takes is what the program takes."""
    jsonschema.Draft202012Validator.check_schema(json_schema())
    validator = jsonschema.Draft202012Validator(json_schema())
    example = load_document(EXAMPLE).value
    validator.validate(example)
    assert not validator.is_valid(example | {"case": 1})
