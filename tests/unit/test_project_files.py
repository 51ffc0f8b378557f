"""The project's own promises about itself: versions, locks, dependencies, words that may not stand in the tree."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from processor import __version__
from tests.coverage_gate import report_arguments, thresholds

ROOT = Path(__file__).parent.parent.parent
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-build.txt")
SKIPPED_FOLDERS = {".git", ".venv", ".work", "build", "dist", "vectors", "__pycache__"}
INDEX_HOSTS = re.compile(
    r"(py[p]i|pythonhoste[d]|npmj[s]|mave[n]\.apache|sonatyp[e]|mvnrepositor[y]|(proxy|sum)\.golan[g]|crate[s])"
    r"\.(org|com|io)|de[b]\.debian"
)
LEFT_TO_DO = re.compile(r"\b(T[O]DO|F[I]XME|X[X]X|NotImplemented[E]rror)\b")
DOWNLOAD_FOLDERS = re.compile(r"--find-[l]inks|--index-[u]rl|--extra-index-[u]rl|file:/[/]/")


def pyproject() -> dict[str, Any]:
    """Return pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def texts() -> Iterator[tuple[str, str]]:
    """Yield name and text of every text file of the tree."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in SKIPPED_FOLDERS and not name.endswith("_cache")]
        for name in names:
            path = Path(folder) / name
            try:
                yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def offences(pattern: re.Pattern[str]) -> list[str]:
    """Return where a pattern stands in the tree."""
    return [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in texts()
        if pattern.search(text)
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


@pytest.mark.parametrize("pattern", [INDEX_HOSTS, LEFT_TO_DO, DOWNLOAD_FOLDERS], ids=["index host", "to do", "source"])
def test_the_tree_holds_no(pattern: re.Pattern[str]) -> None:
    """No package index is named, nothing is left to do, and no lock names where packages come from."""
    expected = [] if pattern is not DOWNLOAD_FOLDERS else [line for line in offences(pattern) if "Makefile" in line]
    assert expected == offences(pattern)


def test_the_changelog_leads_with_the_version_of_the_package() -> None:
    """The newest version that operators read about is the one that they get."""
    newest = re.search(r"^## \[([0-9][^\]]*)\] - \d{4}-\d{2}-\d{2}$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert __version__ == newest[1]


def test_the_chart_has_the_version_of_the_package() -> None:
    """The chart installs the image that belongs to it."""
    chart = (ROOT / "helm" / "segment-bridge" / "Chart.yaml").read_text()
    assert f'appVersion: "{__version__}"' in chart


def direct_dependencies() -> set[str]:
    """Return every dependency that pyproject.toml names, for running, developing and building."""
    project = pyproject()
    named = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["dev"],
        *project["build-system"]["requires"],
    ]
    return {canonicalize_name(Requirement(line).name) for line in named}


def test_every_direct_dependency_is_explained() -> None:
    """Each has one line in docs/dependencies.md, and no line is left of one that went."""
    rows = re.findall(r"^\| ([a-zA-Z0-9._-]+) \|", (ROOT / "docs" / "dependencies.md").read_text(), re.MULTILINE)
    explained = [canonicalize_name(row) for row in rows if row != "package"]
    assert sorted(direct_dependencies()) == sorted(explained)


def locked(name: str) -> dict[str, tuple[str, int]]:
    """Return version and number of hashes of each package of a lock."""
    entries = re.split(r"\n(?=[a-zA-Z0-9])", "\n" + (ROOT / name).read_text())
    found = (re.match(r"\s*([a-zA-Z0-9._-]+)==([^ ]+) \\", entry) for entry in entries)
    return {
        canonicalize_name(match[1]): (match[2], entry.count("--hash=sha256:"))
        for entry, match in zip(entries, found, strict=True)
        if match is not None
    }


def test_locks_hold_every_direct_dependency_with_hashes() -> None:
    """Whatever is named directly is locked, and each locked package can be checked."""
    locks = {name: locked(name) for name in LOCKS}
    everything = locks["requirements-dev.txt"] | locks["requirements-build.txt"]
    assert direct_dependencies() <= everything.keys()
    assert all(hash_count > 0 for lock in locks.values() for _, hash_count in lock.values())


def test_locks_agree_with_each_other() -> None:
    """Developers and builds run on the very versions that operators do."""
    running, developing, building = (locked(name) for name in LOCKS)
    for narrower, wider in ((running, developing), (building, developing)):
        assert {name: wider[name] for name in narrower.keys() & wider.keys()} == {
            name: narrower[name] for name in narrower.keys() & wider.keys()
        }
    assert running.keys() <= developing.keys()


def test_locked_versions_satisfy_the_project() -> None:
    """The locks were made from this pyproject.toml and no older one."""
    versions = locked("requirements-dev.txt") | locked("requirements-build.txt")
    project = pyproject()["project"]
    for line in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        requirement = Requirement(line)
        version = versions[canonicalize_name(requirement.name)][0]
        assert requirement.specifier.contains(version, prereleases=True), line


def makefile_targets() -> dict[str, str]:
    """Return the documented targets of the Makefile with their descriptions."""
    lines = re.findall(r"^([a-z][a-z-]*):.*?## (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return dict(lines)


@pytest.mark.parametrize("name", ["README.md", "docs/development.md"])
def test_make_commands_in_the_docs_exist(name: str) -> None:
    """Every `make` command that a reader is told to type is a target."""
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / name).read_text(), re.MULTILINE))
    assert named
    assert named <= makefile_targets().keys()


def test_every_target_describes_itself() -> None:
    """`make` lists every target that a person may type."""
    phony = set(re.findall(r"^\.PHONY: ([a-z-]+)$", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert phony - {"active-environment", "active-development"} == makefile_targets().keys()


def outside_make() -> dict[str, str]:
    """Return the environment without what an outer `make` has put there."""
    return {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_help_lists_the_targets() -> None:
    """`make` alone explains what there is."""
    listed = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, env=outside_make(), capture_output=True, check=True
    )
    for target, description in makefile_targets().items():
        assert f"make {target}" in listed.stdout.decode()
        assert description in listed.stdout.decode()


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_ci_runs_the_test_command_of_the_readme() -> None:
    """CI runs the README's test command, coverage and its thresholds included, and requires the services."""
    script = (ROOT / ".ci" / "run").read_text()
    command = "make check test"
    assert "export CI=true" in script
    assert script.splitlines()[-1] == command
    assert f"```console\n{command}\n```" in (ROOT / "README.md").read_text()
    planned = subprocess.run(
        ["make", "--dry-run", "check", "test"], cwd=ROOT, capture_output=True, check=True, text=True, env=outside_make()
    ).stdout
    assert planned.count("coverage_gate.py") == 1
    assert planned.count("-m pytest") == 2
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_the_coverage_gate_fails_under_the_thresholds() -> None:
    """Deciders are held to every branch and everything to nine tenths."""
    assert report_arguments(
        {"deciders": ["a.py", "b.py"], "decider_coverage_percent": 100} | {"overall_coverage_percent": 90}
    ) == [
        ["--include=a.py,b.py", "--fail-under=100"],
        ["--fail-under=90"],
    ]


def test_what_decides_is_also_forbidden_to_act() -> None:
    """The deciders of the coverage threshold are the modules of the import contract, and all of them exist."""
    contracts = pyproject()["tool"]["importlinter"]["contracts"]
    (contract,) = [each for each in contracts if each["name"].startswith("Deciders")]
    from_contract = {name.replace(".", "/") for name in contract["source_modules"]}
    from_coverage = {glob.removesuffix("/**/*.py").removesuffix(".py") for glob in thresholds()["deciders"]}
    assert from_coverage == from_contract
    assert all(list(ROOT.glob(glob)) for glob in thresholds()["deciders"])


@pytest.mark.parametrize("name", ["Dockerfile", "docker-compose.yml"])
def test_containers_use_what_exists(name: str) -> None:
    """Files that the container files name are in the tree."""
    text = (ROOT / name).read_text()
    sources = re.findall(r"^COPY (?!--)(.+) \S+$", text, re.MULTILINE)
    paths = [path for line in sources for path in line.split()] + re.findall(r'"\./([^:"]+):', text)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
