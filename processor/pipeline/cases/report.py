"""How cases went, for people and for programs. Renders only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from processor.config.problems import path_text
from processor.destinations.text import encode
from processor.mapping.values import ABSENT, Json
from processor.pipeline.cases.comparison import Difference
from processor.pipeline.cases.running import CaseResult, DestinationCoverage, Outcome

_INDENT: Final = "        "
_SHOWN_CHARS: Final = 300


class Gap(NamedTuple):
    """Something of a mapping that no case reaches: which subscription, where in its mapping, and what about it."""

    destination: str
    subscription: str
    place: str
    text: str


def gaps(coverage: DestinationCoverage) -> list[Gap]:
    """Return what no case reaches. Of a subscription that is not reached at all only that is told."""
    found = []
    for one in coverage.subscriptions:
        if not one.is_reached:
            found.append(Gap(coverage.destination, one.name, "", "no case reaches it"))
            continue
        found += [Gap(coverage.destination, one.name, fork.path, text) for fork in one.forks for text in fork.gaps]
    return found


def exit_code(outcome: Outcome, *, require_coverage: bool) -> int:
    """Return 0 when every case is as expected and, if that is wanted, everything is reached; else 1."""
    is_ok = all(result.verdict.is_ok for result in outcome.results)
    has_gaps = require_coverage and any(gaps(one) for one in outcome.coverage)
    return 0 if is_ok and not has_gaps else 1


def text_lines(outcome: Outcome) -> Iterator[str]:
    """Yield the report for a person."""
    file = ""
    for result in outcome.results:
        if result.placed.file != file:
            file = result.placed.file
            yield file
        yield from _case_lines(result)
    yield _summary(outcome)
    for coverage in outcome.coverage:
        yield from _coverage_lines(coverage)


def _case_lines(result: CaseResult) -> Iterator[str]:
    """Yield the line of a case, and below it what is not as expected."""
    placed, verdict = result.placed, result.verdict
    if verdict.is_ok:
        yield f"ok      {placed.case.name}"
        return
    yield f"not ok  {placed.case.name} ({placed.file}:{placed.line}, {placed.destination})"
    for difference in verdict.differences:
        yield f"{_INDENT}{path_text(difference.path)}"
        yield f"{_INDENT}  expected {_shown(difference.expected)}"
        yield f"{_INDENT}  found    {_shown(difference.found)}"
    for text in verdict.instead:
        yield f"{_INDENT}came instead: {text}"


def _shown(value: Json) -> str:
    """Return a value as JSON, cut where it is long."""
    if value is ABSENT:
        return "nothing"
    text = encode(value).decode()
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"


def _summary(outcome: Outcome) -> str:
    """Return the line that adds the cases up."""
    count, ok = len(outcome.results), _ok_count(outcome)
    return f"{count} {'case' if count == 1 else 'cases'}: {ok} ok, {count - ok} not ok"


def _ok_count(outcome: Outcome) -> int:
    return sum(result.verdict.is_ok for result in outcome.results)


def _coverage_lines(coverage: DestinationCoverage) -> Iterator[str]:
    """Yield what is reached of a destination, and what is not."""
    if not coverage.subscriptions:
        yield f"coverage of {coverage.destination}: not counted, for the file lists no subscriptions of its own"
        return
    counts = _counts(coverage)
    yield (
        f"coverage of {coverage.destination}: {counts['reached']} of {counts['subscriptions']} subscriptions, "
        f"{counts['taken']} of {counts['ways']} ways through their mappings"
    )
    for gap in gaps(coverage):
        yield f"  {gap.subscription}: {gap.place}{gap.place and ' '}{gap.text}"


def _counts(coverage: DestinationCoverage) -> dict[str, int]:
    """Return how much there is to reach and how much is reached."""
    forks = [fork for one in coverage.subscriptions for fork in one.forks]
    return {
        "subscriptions": len(coverage.subscriptions),
        "reached": sum(one.is_reached for one in coverage.subscriptions),
        "ways": sum(len(fork.ways) for fork in forks),
        "taken": sum(len(fork.taken) for fork in forks),
    }


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return the report for a program: `cases`, `ok`, `not_ok`, `coverage`."""
    ok = _ok_count(outcome)
    return {
        "cases": [_case(result) for result in outcome.results],
        "ok": ok,
        "not_ok": len(outcome.results) - ok,
        "coverage": {
            one.destination: {
                **_counts(one),
                "gaps": [{"subscription": gap.subscription, "place": gap.place, "text": gap.text} for gap in gaps(one)],
            }
            for one in outcome.coverage
        },
    }


def _case(result: CaseResult) -> dict[str, Any]:
    """Return one case for a program."""
    placed, verdict = result.placed, result.verdict
    return {
        "file": placed.file,
        "line": placed.line,
        "name": placed.case.name,
        "destination": placed.destination,
        "ok": verdict.is_ok,
        "differences": [_difference(difference) for difference in verdict.differences],
        "came_instead": list(verdict.instead),
    }


def _difference(difference: Difference) -> dict[str, Any]:
    """Return one difference; a side at which nothing is has no key."""
    sides = {"expected": difference.expected, "found": difference.found}
    present = {name: value for name, value in sides.items() if value is not ABSENT}
    return {"path": path_text(difference.path), **present}
