"""Links lead somewhere, named tests exist, the file map is the tree."""

from __future__ import annotations

import ast
import re
import subprocess
from importlib import import_module
from pathlib import Path

import pytest

from tests.markdown_pages import ROOT, anchors, page_names, page_text, rows, without_blocks

_LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
_TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
_PATH = re.compile(r"`((?:processor|tests|docs|schemas|examples|benchmarks|helm)/[\w./-]*)`")
_CONSTANT = re.compile(r"`([A-Z_]+) = ([0-9.]+)`[^`\n]*\(`processor/([\w/]+)\.py`\)")
ARCHITECTURE = "docs/architecture.md"


def broken_links(name: str) -> list[str]:
    """Return the relative links of a page that lead nowhere."""
    broken = []
    for target in _LINK.findall(without_blocks(page_text(name))):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        page = (ROOT / name).parent / path if path else ROOT / name
        if not page.exists() or (anchor and anchor not in anchors(page.read_text(encoding="utf-8"))):
            broken.append(target)
    return broken


@pytest.mark.parametrize("name", page_names())
def test_links_lead_somewhere(name: str) -> None:
    """Every relative link names a file that exists, and a heading in it where it names one."""
    assert [] == broken_links(name)


@pytest.mark.parametrize("name", page_names())
def test_paths_exist(name: str) -> None:
    """Every path in code marks exists."""
    named = _PATH.findall(without_blocks(page_text(name)))
    assert [] == [path for path in named if not (ROOT / path).exists()]


def names_in(path: Path) -> set[str]:
    """Return the functions and names that a test file defines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    return defined | {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


@pytest.mark.parametrize("name", page_names())
def test_named_tests_exist(name: str) -> None:
    """A page that says which test guards something names one that is there."""
    named = _TEST.findall(page_text(name))
    missing = [
        f"{path}::{test}"
        for path, test in named
        if not (ROOT / path).is_file() or (test and test not in names_in(ROOT / path))
    ]
    assert [] == missing


def test_every_invariant_has_a_test() -> None:
    """No line of the invariants is without its guard."""
    guards = [guard for _, guard in rows(page_text(ARCHITECTURE), "invariant", "guarded by")]
    assert len(guards) > 20
    assert [] == [guard for guard in guards if "tests/" not in guard]


def test_the_file_map_is_the_tree() -> None:
    """Every part of the package and every folder beside it has its line, and no line is of something that went."""
    mapped = {path.rstrip("/") for path, _ in rows(page_text(ARCHITECTURE), "where", "what")}
    parts = {f"processor/{path.name}" for path in (ROOT / "processor").iterdir() if path.name != "__pycache__"}
    folders = {line.split("/")[0] for line in known_files() if "/" in line and not line.startswith(".")}
    assert mapped == (parts - {"processor/__init__.py"}) | (folders - {"processor"})


def known_files() -> list[str]:
    """Return the files of the tree that are not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip("not a clone")
    return found.stdout.splitlines()


def test_every_decision_is_listed() -> None:
    """The index of decisions names each, under its own number and title."""
    index = page_text("docs/decisions/README.md")
    decisions = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert [f"{number:04}" for number in range(1, len(decisions) + 1)] == [path.name[:4] for path in decisions]
    for path in decisions:
        title = path.read_text(encoding="utf-8").splitlines()[0]
        number, _, text = title.removeprefix("# ").partition(": ")
        assert f"| [{number}]({path.name}) | {text} |" in index


def test_every_page_is_reached_from_the_readme() -> None:
    """Nobody has to guess that a page exists."""
    reached: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        targets = _LINK.findall(without_blocks(page.read_text(encoding="utf-8")))
        waiting += [(page.parent / target.partition("#")[0]).resolve() for target in targets if "://" not in target]
    assert [] == [name for name in page_names() if (ROOT / name).resolve() not in reached]


@pytest.mark.parametrize("name", page_names())
def test_numbers_of_constants_are_those_of_the_code(name: str) -> None:
    """A number that a page gives beside the name of a constant is the constant's."""
    for constant, number, module in _CONSTANT.findall(page_text(name)):
        found = getattr(import_module("processor." + module.replace("/", ".")), constant)
        assert float(number) == found, constant
