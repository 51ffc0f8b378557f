"""Configurations load, commands exist, recorded outputs are those of the program, tables say what the code does."""

from __future__ import annotations

import io
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from click import Command

from processor import workbench
from processor.checking import Findings, check
from processor.cli.main import application
from processor.config import load_document
from processor.destinations import REGISTRY
from processor.destinations.answers import default_verdict
from processor.destinations.base import Backoff
from processor.model import Answer
from processor.sandbox.faults import parse_fault
from processor.settings import Settings, load_settings
from processor.settings.version import CURRENT
from tests.markdown_pages import ROOT, Block, blocks, page_names, page_text, rows

VARIABLES = {
    "MOVEO_API_KEY": "moveo-example-key",
    "MOESIF_APPLICATION_ID": "moesif-example-application-id",
    "MOENGAGE_API_KEY": "moengage-example-key",
    "WEBHOOK_AUTHORIZATION": "webhook-example-authorization",
    "WEBHOOK_SECRET": "webhook-example-secret",
}
COMMANDS: dict[str, Command] = dict(typer.main.get_command(application).commands)  # type: ignore[attr-defined]  # a group
README = page_text("README.md")


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put made-up keys where the examples look for them."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)


def configurations() -> Iterator[tuple[str, str]]:
    """Yield page and text of every block that is a whole configuration."""
    for name in page_names():
        for block in blocks(page_text(name)):
            if block.info == "yaml" and block.text.startswith(("kafka:", "version:")):
                yield name, block.text


def loaded(text: str, folder: Path) -> Settings:
    """Return a configuration as the program loads it."""
    path = folder / "segment-bridge.yaml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path)


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(("name", "text"), list(configurations()))
def test_configuration_is_fine(name: str, text: str, tmp_path: Path) -> None:
    """Every whole configuration on a page passes the check that its reader will run, and says its version."""
    assert text.startswith(f"version: {CURRENT}\n"), name
    assert check(loaded(text, tmp_path), online=False) == Findings.none(), name


@pytest.mark.parametrize("file", sorted((ROOT / "examples").rglob("*.yaml")), ids=str)
def test_an_example_says_its_version(file: Path) -> None:
    """What is copied from there is nothing that `migrate --check` finds something to do in."""
    found = load_document(file).value
    if "kafka" in found and "destinations" in found:
        assert found.get("version") == CURRENT


def test_the_pages_have_a_configuration_for_each_vendor() -> None:
    """The readme and the page of each vendor show one, and no vendor is without a page."""
    vendors = {f"docs/destinations/{vendor}.md" for vendor in REGISTRY}
    assert {"README.md"} | vendors == {name for name, _ in configurations()}


def consoles() -> Iterator[tuple[str, str]]:
    """Yield page and line of every command in a console block, without the prompt, continued lines joined."""
    for name in page_names():
        for block in blocks(page_text(name)):
            if block.info == "console":
                lines = block.text.replace("\\\n", " ").splitlines()
                prompted = [line[2:] for line in lines if line.startswith("$ ")]
                yield from ((name, line) for line in prompted or lines)


def program_calls() -> list[tuple[str, list[str]]]:
    """Return page and arguments of every call of the program on a page."""
    found = []
    for name, line in consoles():
        words = shlex.split(line)
        if "segment-bridge" in words:
            end = words.index("<") if "<" in words else len(words)
            found.append((name, words[words.index("segment-bridge") + 1 : end]))
    return found


@pytest.mark.parametrize(("name", "arguments"), program_calls())
def test_call_of_the_program_is_possible(name: str, arguments: list[str]) -> None:
    """Every call on a page names a command that exists, with options that it has."""
    command = COMMANDS[arguments[0]]
    context = command.make_context(arguments[0], list(arguments[1:]), resilient_parsing=False)
    assert context.args == [], name
    for fault in context.params.get("fault") or ():
        parse_fault(fault)


@pytest.mark.usefixtures("keys")
def test_the_preview_in_the_readme_is_the_programs(tmp_path: Path) -> None:
    """The recorded preview is what the program writes for the recorded event and the readme's configuration."""
    (text,) = (text for name, text in configurations() if name == "README.md")
    (block,) = (block for block in blocks(README) if "segment-bridge preview" in block.text)
    call, answer = block.text.splitlines()
    event = shlex.split(call)[2]
    (line,) = workbench.preview(loaded(text, tmp_path), "moesif-prod", io.BytesIO(event.encode()))
    assert json.loads(answer) == json.loads(line)


def recorded_demo() -> Block:
    """Return the demo's output in the readme."""
    place = README.index("<!-- recorded: python -m processor demo -->")
    return blocks(README[place:])[0]


def test_the_recorded_demo_adds_up() -> None:
    """The recording ends as the demo does, and each of its lines adds up."""
    lines = recorded_demo().text.splitlines()
    assert "lost: 0" == lines[-1]
    table = [re.findall(r"[\d,]+", line) for line in lines if re.match(r"mo(veo|esif|engage) ", line)]
    assert 3 == len(table)
    for line in table:
        produced, delivered, skipped, dead, payloads, at_vendor = (int(cell.replace(",", "")) for cell in line)
        assert produced == delivered + skipped + dead
        assert payloads == at_vendor


@pytest.mark.parametrize("command", ["make demo", "make check test"])
def test_the_two_commands_are_targets(command: str) -> None:
    """The readme's two commands are the Makefile's."""
    assert command in [block.text.strip() for block in blocks(README) if block.info == "console"]
    for target in command.removeprefix("make ").split():
        assert re.search(rf"^{target}: ", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_every_command_and_option_is_on_the_page() -> None:
    """The page of the command line names all commands, and under each its options."""
    page = page_text("docs/cli.md")
    assert set(COMMANDS) == {name for name, _ in rows(page, "command", "what it does")}
    missing = [
        f"{name} {option}"
        for name, command in COMMANDS.items()
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--") and option != "--help" and f"`{option}" not in page
    ]
    assert [] == missing


def statuses(cell: str) -> list[int]:
    """Return the statuses that a cell of the table of answers names."""
    if cell == "any 2xx":
        return list(range(200, 300))
    classes = [range(int(digit) * 100, int(digit) * 100 + 100) for digit in re.findall(r"(\d)xx", cell)]
    return [status for one in classes for status in one] + [int(status) for status in re.findall(r"\b\d{3}\b", cell)]


ANSWERS = rows(page_text("docs/delivery.md"), "answer", "several payloads", "one payload")
OTHER = "any other 4xx"


def expected(status: int) -> list[str]:
    """Return the page's verdicts on a status: for several payloads and for one."""
    for cell, *verdicts in ANSWERS:
        if cell != OTHER and status in statuses(cell):
            return verdicts
    return next(verdicts for cell, *verdicts in ANSWERS if cell == OTHER)


@pytest.mark.parametrize("status", range(100, 600))
def test_answers_mean_what_the_page_says(status: int) -> None:
    """The table of answers is the code's, for every status."""
    answer = Answer(status)
    actual = [default_verdict(answer, count, 0, Backoff()).decision.value for count in (2, 1)]
    assert expected(status) == actual


def test_no_answer_means_what_the_page_says() -> None:
    """The last line of the table is the code's as well."""
    (verdicts,) = (verdicts for cell, *verdicts in ANSWERS if cell.startswith("none: "))
    actual = [default_verdict(Answer(None, error="reset"), count, 0, Backoff()).decision.value for count in (2, 1)]
    assert verdicts == actual
