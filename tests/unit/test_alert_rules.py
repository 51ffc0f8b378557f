"""The alerts fire when they should and are quiet when they should be, and name only what exists."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from processor.config import load_document
from processor.delivery.conclusion import GUARD_REASON
from processor.delivery.gate import CREDENTIAL_REASONS
from processor.operations.metrics import CATALOGUE
from tests.alert_rules import FILE, ROOT, RUNBOOKS, Rule, alerts, divided, known_series, records, rules, scaled
from tests.markdown_pages import blocks, page_text, rows
from tests.prometheus_tools import promtool
from tests.promql_names import names, problems

CASES = sorted((ROOT / "tests" / "alerts").glob("*.yaml"))
SEVERITIES = {"critical", "warning"}
HEADINGS = ["Impact", "How to see it", "What to do", "How to keep it from coming back"]
LABELS = re.compile(r"\$labels\.(\w+)")


@cache
def looks(path: Path) -> list[tuple[str, list[Mapping[str, str]]]]:
    """Return name of an alert and labels of what should fire, for each moment that a file of cases looks at."""
    return [
        (look["alertname"], [alert["exp_labels"] for alert in look["exp_alerts"]])
        for test in load_document(path).value["tests"]
        for look in test["alert_rule_test"]
    ]


def test_promtool_accepts_the_rules() -> None:
    """Every rule parses, as Prometheus reads it."""
    done = promtool("check", "rules", FILE)
    assert 0 == done.returncode, done.stdout + done.stderr
    assert f"{len(list(rules()))} rules found" in done.stdout


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_alert_fires_and_stays_quiet(path: Path) -> None:
    """Each case of the file holds: what fires, with which words, and when nothing does."""
    done = promtool("test", "rules", path)
    assert 0 == done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity']}")
def test_every_alert_has_cases_for_firing_and_for_staying_quiet(rule: Rule) -> None:
    """No alert is without a case in which it fires, nor without one in which it does not."""
    found = [fired for path in CASES for name, fired in looks(path) if name == rule["alert"]]
    own = rule["labels"].items()
    assert any(own <= labels.items() for fired in found for labels in fired)
    assert any(not fired for fired in found)


def test_cases_are_about_alerts_that_exist() -> None:
    """A case of a name that is gone would be quiet for ever."""
    assert {rule["alert"] for rule in alerts()} == {name for path in CASES for name, _ in looks(path)}


@pytest.mark.parametrize("rule", list(rules()), ids=lambda rule: rule.get("alert", rule.get("record")))
def test_rule_names_what_exists(rule: Rule) -> None:
    """Every metric of a rule is in the catalogue or recorded here, with the labels that are matched on or kept."""
    assert [] == problems(rule["expr"], known_series())


@pytest.mark.parametrize(
    ("promql", "problem"),
    [
        ("sum by (destination) (rate(segment_bridge_records_totl[5m]))", ["no metric segment_bridge_records_totl"]),
        ('segment_bridge_circuit_open{endpoint="x"}', ["segment_bridge_circuit_open has no endpoint"]),
        ("sum by (endpoint) (segment_bridge_circuit_open)", ["no endpoint to keep or match"]),
        ("up unless on (reason) segment_bridge_circuit_open", ["no reason to keep or match"]),
    ],
)
def test_a_wrong_name_is_found(promql: str, problem: list[str]) -> None:
    """The search for names finds what is not there: otherwise the tests that use it could not fail."""
    assert problem == problems(promql, known_series())


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity']}")
def test_alert_says_what_to_do(rule: Rule) -> None:
    """Each has a severity, a summary, a description with labels that it has, and a page that exists."""
    notes = rule["annotations"]
    assert rule["labels"]["severity"] in SEVERITIES
    assert {"summary", "description", "runbook_url"} == set(notes)
    assert f"/docs/runbooks/{rule['alert']}.md" in notes["runbook_url"]
    assert (RUNBOOKS / f"{rule['alert']}.md").is_file()
    assert "$labels.destination" in notes["summary"]
    there = names(rule["expr"]).grouped.union(*(kept(name) for name in names(rule["expr"]).selected))
    assert set(LABELS.findall(notes["summary"] + notes["description"])) <= there


def kept(name: str) -> frozenset[str]:
    """Return the labels that a recorded series has; of any other an alert keeps only what it groups by."""
    return known_series()[name] if name in records() else frozenset()


# -- runbooks


def test_every_alert_has_its_page_and_no_page_is_left_over() -> None:
    """There is one page for each alert, and the index lists each with its severities."""
    severities: defaultdict[str, set[str]] = defaultdict(set)
    for rule in alerts():
        severities[rule["alert"]].add(rule["labels"]["severity"])
    assert set(severities) == {page.stem for page in RUNBOOKS.glob("SegmentBridge*.md")}
    listed = rows(page_text("docs/runbooks/README.md"), "alert", "severity", "fires when")
    assert {f"[{name}]({name}.md)": found for name, found in severities.items()} == {
        name: set(found.split(", ")) for name, found, _ in listed
    }


@pytest.mark.parametrize("name", sorted({rule["alert"] for rule in alerts()}))
def test_page_has_all_parts(name: str) -> None:
    """A page says what the alert means and costs, how to see it, what to do and how to keep it from coming back."""
    text = page_text(f"docs/runbooks/{name}.md")
    assert text.startswith(f"# {name}\n")
    assert HEADINGS == re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert {"promql", "console"} <= {block.info for block in blocks(text)}


def page_queries() -> list[tuple[str, str]]:
    """Return page and text of every block of PromQL below the runbooks."""
    pages = [f"docs/runbooks/{page.name}" for page in sorted(RUNBOOKS.glob("*.md"))]
    return [(page, block.text) for page in pages for block in blocks(page_text(page)) if block.info == "promql"]


@pytest.mark.parametrize(("page", "promql"), page_queries())
def test_query_of_a_page_names_what_exists(page: str, promql: str) -> None:
    """What a reader is told to ask Prometheus can be asked."""
    assert [] == problems(promql, known_series()), page


def test_burn_rates_on_the_page_are_those_of_the_rules() -> None:
    """Windows, factors and severities of the page stand in the rules in the same order."""
    table = rows(
        page_text("docs/runbooks/README.md"),
        "burns", "long window", "short window", "severity", "the budget of a month is gone in",
    )  # fmt: skip
    burning = [rule for rule in alerts() if rule["labels"].get("slo") == "freshness"]
    assert len(table) == len(burning)
    for (burns, long, short, severity, days), rule in zip(table, burning, strict=True):
        factor = 1.0 if burns == "once" else float(burns.removesuffix(" times"))
        windows = set(re.findall(r"increase(\d+[mhd])\b", rule["expr"]))
        assert {window(long), window(short)} == windows
        assert {factor} == {float(found) for found in re.findall(r"> ([\d.]+) \* 0\.005", rule["expr"])}
        assert (severity, window(long)) == (rule["labels"]["severity"], rule["labels"]["window"])
        assert round(30 / factor) == int(days.split()[0])


def window(words: str) -> str:
    """Return `1h` for `1 hour`."""
    number, unit = words.split()
    return number + unit[0]


# -- what the rules know of the code


def held_for_authorisation(reason: str) -> bool:
    """Return whether the rules count a hold as one about credentials."""
    promql = records()["reason:segment_bridge_held_for_authorisation:max"]["expr"]
    return any(re.fullmatch(found, reason) for found in re.findall(r'reason=~"([^"]+)"', promql))


def test_windows_differ_in_nothing_but_their_length() -> None:
    """Of what the burn rates compare each is recorded for all windows, by the same expression over its own window."""
    forms: defaultdict[str, set[str]] = defaultdict(set)
    lengths: defaultdict[str, set[str]] = defaultdict(set)
    for name, rule in records().items():
        base, found, length = name.partition(":increase")
        if base.startswith("destination:") and found:
            lengths[base].add(length)
            forms[base].add(rule["expr"].replace(f"[{length}]", "[WINDOW]"))
    assert dict.fromkeys(forms, 1) == {base: len(texts) for base, texts in forms.items()}
    compared = {
        found
        for rule in alerts()
        if rule["labels"].get("slo") == "freshness"
        for found in re.findall(r":increase(\d+[mhd])\b", rule["expr"])
    }
    assert {
        "destination:segment_bridge_late_events": compared,
        "destination:segment_bridge_events": compared,
    } == lengths


def test_holds_for_credentials_are_told_from_others() -> None:
    """Whatever the gate takes for credentials is one, and the guard is none."""
    kafka = {"topic_authorization_failed", "cluster_authorization_failed", "sasl_authentication_failed"}
    wanted = (
        CREDENTIAL_REASONS | {"http_407", "kafka_authentication", "kafka_ssl"} | {f"kafka_{code}" for code in kafka}
    )
    others = {"", GUARD_REASON, "http_404", "http_4010", "dead_letters_unwritable", "kafka_unknown_topic"}
    assert [] == [reason for reason in sorted(wanted) if not held_for_authorisation(reason)]
    assert [] == [reason for reason in sorted(others) if held_for_authorisation(reason)]
    (tripped,) = [rule for rule in alerts() if rule["alert"] == "SegmentBridgeGuardTripped"]
    assert f'reason="{GUARD_REASON}"' in tripped["expr"]


def test_the_objective_is_a_bucket() -> None:
    """What counts as late is the upper bound of a bucket, in either form that a bound is written in."""
    (age,) = [metric for metric in CATALOGUE if metric.name == "segment_bridge_event_age_seconds"]
    matchers = {found for rule in rules() for found in re.findall(r'le=~"([^"]+)"', rule["expr"])}
    assert 1 == len(matchers)
    pattern = matchers.pop()
    assert [300.0] == [bound for bound in age.bounds if re.fullmatch(pattern, str(float(bound)))]
    assert re.fullmatch(pattern, "300")


# -- the rules of the live test


WINDOW = re.compile(r"(?<=\[)\w+(?=\])|(?<=offset )\w+")


def test_windows_can_be_made_shorter() -> None:
    """Every window, wait and interval is divided, and nothing else changes."""
    assert ["1440000ms", "5000ms", "500ms"] == [divided(duration, 60) for duration in ("1d", "5m", "30s")]
    with pytest.raises(ValueError, match="1h30m"):
        divided("1h30m", 60)
    for group in scaled(60)["groups"]:
        for rule in group["rules"]:
            durations = [*WINDOW.findall(rule["expr"]), group["interval"], rule.get("for", "0ms")]
            assert all(duration.endswith("ms") for duration in durations), durations
    short = [WINDOW.sub("", rule["expr"]) for group in scaled(60)["groups"] for rule in group["rules"]]
    assert [WINDOW.sub("", rule["expr"]) for rule in rules()] == short
