"""The page about testing mappings shows what the program says of its own examples."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from processor import workbench
from processor.pipeline.cases import report
from processor.pipeline.cases.settings import Case, CaseFile, Expectation
from processor.pipeline.changes import report as changes_report
from processor.settings import Settings, load_without_secrets
from tests.markdown_pages import blocks, page_text, rows

PAGE = page_text("docs/testing-mappings.md")
HEAD = """\
kafka: {bootstrap_servers: "localhost:9092", topics: [segment-events]}
destinations:
  moesif-prod:
    type: moesif
    start: latest
    settings: {application_id: {env: MOESIF_APPLICATION_ID}}
    subscriptions:
"""


def block(info: str) -> str:
    """Return the text of the one block of a kind."""
    (text,) = (block.text for block in blocks(PAGE) if block.info == info)
    return text


def configuration(subscriptions: str) -> Settings:
    """Return the configuration of the page with these subscriptions, in the folder of the test."""
    Path("segment-bridge.yaml").write_text(HEAD + textwrap.indent(subscriptions, " " * 6))
    return load_without_secrets("segment-bridge.yaml")


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name files as the page does."""
    monkeypatch.chdir(tmp_path)


def test_the_recorded_run_is_the_programs() -> None:
    """The cases of the page go as the page says."""
    Path("orders.cases.yaml").write_text(block("yaml cases"))
    outcome = workbench.run_cases(configuration(block("yaml subscriptions")), [Path("orders.cases.yaml")])
    assert block("text test").splitlines() == list(report.text_lines(outcome))


def test_the_recorded_comparison_is_the_programs() -> None:
    """The proposal of the page changes what the page says."""
    old, new = (configuration(block(info)) for info in ("yaml subscriptions", "yaml subscriptions proposed"))
    changes = workbench.diff(old, new, "moesif-prod", block("json events").encode().splitlines())
    assert block("text diff").splitlines() == list(changes_report.text_lines(changes))


def members(kind: str) -> list[str]:
    """Return the members of a report that the page tells."""
    return [name for cell, _ in rows(PAGE, f"member of a {kind}", "meaning") for name in re.findall(r"\w+", cell)]


def test_every_member_of_the_reports_is_told() -> None:
    """The two tables hold the members of the reports and no other."""
    settings = configuration(block("yaml subscriptions"))
    Path("orders.cases.yaml").write_text(block("yaml cases"))
    assert members("run") == list(report.as_json(workbench.run_cases(settings, [Path("orders.cases.yaml")])))
    assert members("comparison") == list(changes_report.as_json(workbench.diff(settings, settings, "moesif-prod", [])))


def test_every_key_of_a_case_is_told() -> None:
    """The two tables hold the keys of the models and no other."""
    told = [key for key, _ in rows(PAGE, "key", "meaning")]
    assert sorted(told) == sorted([*Case.model_fields, *Expectation.model_fields])
    assert set(CaseFile.model_fields) - {"cases"} <= set(Case.model_fields)
