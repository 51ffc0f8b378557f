"""Every code that operators can meet is explained, and no explanation is left of one that went."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args

import pytest

from processor.delivery.conclusion import GUARD_REASON
from processor.delivery.fair_use import FAIR_USE_EXCEEDED
from processor.delivery.gate import GateState
from processor.delivery.http_errors import Code
from processor.destinations.ids import SYNTHETIC
from processor.destinations.kafka.actions import UNKEYED
from processor.destinations.moengage.attributes import COUNTERS
from processor.destinations.moengage.events import PROPERTIES_NOT_OBJECT
from processor.destinations.moengage.profile_actions import NUMBER_BECAME_NULL
from processor.destinations.moengage.users import TRAITS_ID_DIFFERS, TRAITS_NOT_OBJECT
from processor.destinations.moesif.reading import BAD_IP
from processor.destinations.moesif.sends import COUNTERS as MOESIF_COUNTERS
from processor.destinations.target import WRITTEN
from processor.operations.health import EVENT_LOOP_STANDS, JOINING, NO_PARTITIONS, POLL_LOOP_STANDS, START_WAITING
from processor.operations.status import State
from processor.pipeline.control import DRAINING, FINISHING, ORDERS_UNREAD
from processor.pipeline.pipeline import DEAD_LETTERS_HOLD
from processor.pipeline.schemas import SCHEMA_HOLD
from processor.pipeline.suppression import USERS_UNREAD
from processor.source.notices import NoticeCode
from tests.markdown_pages import ROOT, page_text, rows

PAGE = page_text("docs/reasons.md")
SOURCES = sorted((ROOT / "processor").rglob("*.py"))
_CODE = re.compile(r"`([a-z0-9_]+)(<\w+>)?`|^([a-z0-9_]+)(<\w+>)?$")


def sections() -> dict[str, str]:
    """Return the page by its headings."""
    head, *parts = re.split(r"^## (.+)$", PAGE, flags=re.MULTILINE)
    assert head
    return dict(zip(parts[::2], parts[1::2], strict=True))


def explained(section: str) -> set[str]:
    """Return the codes that a section's table explains; `<…>` stands for what differs."""
    found: set[str] = set()
    for line in sections()[section].splitlines():
        if line.startswith("| `"):
            cell = line.split("|")[1]
            found |= {first + second for first, second, *_ in _CODE.findall(cell.strip())}
    return found


def constants(tree: ast.Module) -> Mapping[str, str]:
    """Return the texts that a module gives names to."""
    found: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if isinstance(node.value.value, str):
                found |= {target.id: node.value.value for target in targets if isinstance(target, ast.Name)}
    return found


def trees() -> Iterator[ast.Module]:
    """Yield the syntax tree of every module of the package."""
    for path in SOURCES:
        yield ast.parse(path.read_text(encoding="utf-8"))


NAMED = {name: value for tree in trees() for name, value in constants(tree).items()}


def given(*functions: str, position: int = 0) -> set[str]:
    """Return the codes that are given to calls of these functions, as text or by the name of a constant."""
    found = set()
    for tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _name(node.func) in functions and len(node.args) > position:
                argument = node.args[position]
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    found.add(argument.value)
                elif isinstance(argument, ast.Name) and argument.id in NAMED:
                    found.add(NAMED[argument.id])
    return found


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def test_the_search_finds_codes() -> None:
    """The search sees texts and named constants alike: otherwise the tests below could not fail."""
    assert {"no_subscription", "empty_batch", "missing_user_id"} <= given("Skipped")
    assert {"null_value", "record_too_large", "no_identity"} <= given("Rejected")
    assert "invalid_avro" in given("DecodeError")


def test_skips_are_explained() -> None:
    """Each code under which a record is skipped has its line, and no line is left over."""
    assert explained("Skipped on purpose") == given("Skipped") | {"delivery_off", "duplicate"}


def test_dead_letters_are_explained() -> None:
    """Each code of a dead letter has its line, and no line is left over."""
    by_pipeline = {
        "vendor_error",
        "http_<status>",
        "kafka_<code>",
        "mapping_failed",
        "trigger_failed",
        "filter_invalid",
        FAIR_USE_EXCEEDED,
    }
    assert explained("Dead letters") == given("Rejected", "DecodeError", "_error") - {"", *_not_codes()} | by_pipeline


def _not_codes() -> set[str]:
    """Return what other functions named `_error` are given: sentences."""
    return {text for text in given("_error") if not re.fullmatch(r"[a-z0-9_]+", text)}


def test_holds_are_explained() -> None:
    """Each reason of a hold has its line; those of answers share one."""
    assert explained("Held") == {"http_<status>", "kafka_<code>", GUARD_REASON, DEAD_LETTERS_HOLD, SCHEMA_HOLD}


def test_other_states_are_explained() -> None:
    """What `/status` says beside states that are no hold, and the states themselves, have their lines."""
    assert explained("Other states") == {
        JOINING,
        START_WAITING,
        NO_PARTITIONS,
        USERS_UNREAD,
        ORDERS_UNREAD,
        FINISHING,
        DRAINING,
        GateState.CIRCUIT_OPEN.value,
        GateState.THROTTLED.value,
        "exit_<code>",
    }
    operations = {state for state, _ in rows(page_text("docs/operations.md"), "state", "meaning")}
    assert set(get_args(State)) == operations


def test_what_is_not_alive_is_explained() -> None:
    """Each reason that `/livez` gives has its line."""
    assert explained("Not alive") == {POLL_LOOP_STANDS, EVENT_LOOP_STANDS}


def test_attempts_without_an_answer_are_explained() -> None:
    """Each code of an attempt that got no status has its line."""
    assert explained("Attempts without an answer") == {*get_args(Code), WRITTEN, "kafka_<code>"}


def test_occurrences_are_explained() -> None:
    """Each notice of the source and each note of the pipeline has its line."""
    assert explained("Occurrences") == {code.value for code in NoticeCode} | given("note")


WARNINGS = (
    COUNTERS
    | MOESIF_COUNTERS
    | {
        SYNTHETIC,
        BAD_IP,
        UNKEYED,
        PROPERTIES_NOT_OBJECT,
        TRAITS_NOT_OBJECT,
        TRAITS_ID_DIFFERS,
        NUMBER_BECAME_NULL,
        "context_not_object",
        "integrations_not_object",
        "timestamp_from_<source>",
    }
)


def test_warnings_are_explained() -> None:
    """Each warning has its line, and no line is left over."""
    assert explained("Warnings") == WARNINGS


def test_warnings_that_only_count_stand_last() -> None:
    """The page says how many of the last lines are left out of previews, and these are the ones."""
    section = sections()["Warnings"]
    lines = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    counters = COUNTERS | MOESIF_COUNTERS
    assert {cell.strip(" `") for cell in lines[-len(counters) :]} == counters
    word = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")[len(counters) - 1]
    assert f"except the last {word}, which only count" in section


def test_warnings_of_golden_cases_are_known() -> None:
    """The vendors' golden cases expect no warning beyond those."""
    patterns = [re.sub(r"<\w+>", r"\\w+", code) for code in WARNINGS]
    found = set(golden_warnings())
    assert len(found) > 3
    assert [] == [code for code in sorted(found) if not any(re.fullmatch(pattern, code) for pattern in patterns)]


def golden_warnings() -> Iterator[str]:
    """Yield the warnings of all golden cases of events."""
    for path in sorted((ROOT / "tests" / "vectors").glob("mo*/*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield from json.loads(line).get("warnings", ())


@pytest.mark.parametrize("code", ["offsets_vanished", "records_expired", "position_beyond_end"])
def test_stops_are_explained(code: str) -> None:
    """The codes with which the source stops a destination exist and have their lines."""
    assert code in explained("What stops a destination")
    text = "".join(path.read_text(encoding="utf-8") for path in Path(ROOT / "processor" / "source").glob("*.py"))
    assert f'code="{code}"' in text
