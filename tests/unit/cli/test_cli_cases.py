"""`test` and `diff` as a person or CI types them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from processor.cli.main import main
from processor.config import load_document

ROOT = Path(__file__).parents[3]
CONFIG = ROOT / "examples" / "mappings" / "segment-bridge.yaml"
CASES = ROOT / "examples" / "mappings" / "orders.cases.yaml"

Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Return a function that gives exit code, output and errors of the program, which finds no keys."""
    monkeypatch.delenv("MOESIF_APPLICATION_ID", raising=False)

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, said.out, said.err

    return run


def test_the_example_is_fine_and_covers_its_mapping(typed: Typed) -> None:
    """Without a key, and with every part of the mapping reached."""
    code, said, _ = typed("test", CASES, "--config", CONFIG, "--require-coverage")
    assert code == 0
    assert said.splitlines()[-1] == (
        "coverage of moesif-prod: 2 of 2 subscriptions, 3 of 3 ways through their mappings"
    )


def test_audiences_traits_and_replays_are_fine(typed: Typed) -> None:
    """The recipes for Engage do what their page says."""
    folder = ROOT / "examples" / "engage"
    cases = folder / "engage.cases.yaml"
    code, said, _ = typed("test", cases, "--config", folder / "segment-bridge.yaml", "--require-coverage")
    assert code == 0, said
    assert "9 cases: 9 ok" in said


def test_a_case_that_fails_fails_the_command(typed: Typed, tmp_path: Path) -> None:
    """Exit code 1, as a report for people or as one for programs."""
    cases = tmp_path / "orders.cases.yaml"
    cases.write_text(CASES.read_text().replace("total: 20, currency: EUR", "total: 21, currency: EUR"))
    code, said, _ = typed("test", CASES, cases, "-c", CONFIG)
    assert code == 1
    assert "\n        payloads[0].body.metadata.total\n          expected 21\n          found    20\n" in said
    code, said, _ = typed("test", cases, "-c", CONFIG, "--json")
    assert code == 1
    assert json.loads(said)["not_ok"] == 1


def test_missing_coverage_fails_only_when_asked(typed: Typed, tmp_path: Path) -> None:
    """It is told in any case."""
    cases = tmp_path / "few.cases.yaml"
    cases.write_text("cases: [{name: other, given: {type: track}, expect: {skipped: no_subscription}}]")
    code, said, _ = typed("test", cases, "-c", CONFIG)
    assert (code, said.count("no case reaches it")) == (0, 2)
    assert typed("test", cases, "-c", CONFIG, "--require-coverage")[0] == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [("cases: {", ":1:9: "), ("case: []", ":1:1: case: unknown key"), (None, ": cannot be read")],
)
def test_a_file_that_cannot_be_used(typed: Typed, tmp_path: Path, text: str | None, said: str) -> None:
    """Exit code 2 and the place."""
    cases = tmp_path / "no.cases.yaml"
    if text is not None:
        cases.write_text(text)
    code, out, err = typed("test", cases, "-c", CONFIG)
    assert (code, out) == (2, "")
    assert f"{cases}{said}" in err


def test_the_schema_of_cases(typed: Typed) -> None:
    """Editors get what is committed, beside that of the configuration."""
    assert typed("schema", "--cases") == (0, (ROOT / "schemas" / "cases.schema.json").read_text(), "")
    assert typed("schema") == (0, (ROOT / "schemas" / "config.schema.json").read_text(), "")


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """The events of the example's cases as a recording."""
    path = tmp_path / "events.jsonl"
    given = [json.dumps(case["given"]) for case in load_document(CASES).value["cases"]]
    path.write_text("\n".join(given))
    return path


def test_diff_of_a_file_with_itself(typed: Typed, events: Path) -> None:
    """Nothing changes: exit code 0."""
    code, said, _ = typed("diff", CONFIG, CONFIG, events, "--destination", "moesif-prod")
    assert (code, said) == (0, "5 records compared, of which 0 change\n")


def test_diff_tells_what_changes(typed: Typed, events: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1, from a file or from standard input, as a report for people or for programs."""
    new = tmp_path / "new.yaml"
    new.write_text(CONFIG.read_text().replace("operator: upper", "operator: lower"))
    code, said, _ = typed("diff", CONFIG, new, events, "-d", "moesif-prod", "--examples", "1")
    assert code == 1
    assert said.splitlines()[-2:] == ["changed: sendAction: metadata.currency: 1", '  line 1: "EUR" -> "eur"']
    with events.open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        code, said, _ = typed("diff", CONFIG, new, "-", "-d", "moesif-prod", "--json")
    assert code == 1
    assert json.loads(said)["changed_records"] == 1


def test_diff_without_what_it_needs(typed: Typed, events: Path, tmp_path: Path) -> None:
    """A recording that is not there and a destination that one file lacks: exit code 2, so that 1 means a change."""
    code, _, said = typed("diff", CONFIG, CONFIG, tmp_path / "no.jsonl", "-d", "moesif-prod")
    assert (code, said) == (2, f"{tmp_path}/no.jsonl: cannot be read: No such file or directory\n")
    new = tmp_path / "new.yaml"
    new.write_text(CONFIG.read_text().replace("moesif-prod:", "moesif-next:"))
    code, _, said = typed("diff", CONFIG, new, events, "-d", "moesif-prod")
    assert code == 2
    assert "no destination is called 'moesif-prod'" in said


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["EVENTS", "--from", "earliest"],
        ["--topic", "t"],
        ["--to", "latest"],
    ],
)
def test_diff_takes_a_file_or_a_time_range(typed: Typed, events: Path, arguments: list[str]) -> None:
    """Neither and both are misuse, told before anything is asked."""
    given = [str(events) if one == "EVENTS" else one for one in arguments]
    code, _, said = typed("diff", CONFIG, CONFIG, *given, "-d", "moesif-prod")
    assert code == 2
    assert "EVENTS, a file of recorded events, or --from" in " ".join(said.split())


@pytest.mark.parametrize(("option", "value"), [("--topic", "t"), ("--limit", "3"), ("--to", "latest")])
def test_diff_of_a_file_takes_nothing_of_a_time_range(typed: Typed, events: Path, option: str, value: str) -> None:
    """What would be passed over is named, for it does not do what whoever wrote it wants."""
    code, _, said = typed("diff", CONFIG, CONFIG, events, option, value, "-d", "moesif-prod")
    assert (code, f"{option}: goes with --from" in " ".join(said.split())) == (2, True)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("latest", "latest"),
        ("earliest", "earliest"),
        ("2026-01-31T09:00:00Z", "2026-01-31T08:00:00Z"),
        ("2026-01-31T09:00:00Z", "2026-01-31T10:00:00+01:00"),
    ],
)
def test_diff_refuses_a_range_with_nothing_in_it(typed: Typed, start: str, end: str) -> None:
    """Exit code 0 would say that nothing changes."""
    code, _, said = typed("diff", CONFIG, CONFIG, "--from", start, "--to", end, "-d", "moesif-prod")
    assert (code, "ends before it begins" in " ".join(said.split())) == (2, True)


@pytest.mark.parametrize("name", ["", "b c"])
def test_diff_refuses_topics_that_cannot_be(typed: Typed, name: str) -> None:
    """Kafka would say it in words that name no option."""
    code, _, said = typed("diff", CONFIG, CONFIG, "--from", "earliest", "--topic", "a", "--topic", name, "-d", "x")
    assert (code, "--topic" in said) == (2, True)


@pytest.mark.parametrize(("option", "value"), [("--from", "yesterday"), ("--to", "2026-01-31T08:00:00")])
def test_diff_refuses_times_that_are_none(typed: Typed, option: str, value: str) -> None:
    """The option is named."""
    times = {"--from": "earliest", option: value}
    code, _, said = typed("diff", CONFIG, CONFIG, *(one for pair in times.items() for one in pair), "-d", "moesif-prod")
    assert code == 2
    assert option in said


def test_diff_needs_the_keys_of_kafka_for_a_time_range(typed: Typed, tmp_path: Path) -> None:
    """Those of the vendor need not be there; a missing one of Kafka's is named, and nothing is connected."""
    new = tmp_path / "new.yaml"
    properties = "  properties: {sasl.password: {env: NOT_SET_ANYWHERE}}\n"
    new.write_text(CONFIG.read_text().replace("kafka:\n", f"kafka:\n{properties}"))
    code, _, said = typed("diff", CONFIG, new, "--from", "earliest", "-d", "moesif-prod")
    assert (code, "NOT_SET_ANYWHERE" in said) == (2, True)
