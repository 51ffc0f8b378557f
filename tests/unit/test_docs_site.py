"""The site has every page, its links lead to where things are in it, and it loads nothing from elsewhere."""

from __future__ import annotations

import posixpath
import re

import pytest

from docs.site import hooks
from tests.markdown_pages import ROOT, page_text


def test_files_have_a_place_and_are_found_again() -> None:
    """The readme is the first page, pages of `docs/` stay where they are, everything else has a folder of its own."""
    places = {
        "README.md": "index.md",
        "docs/lag.md": "lag.md",
        "docs/decisions/README.md": "decisions/README.md",
        "helm/segment-bridge/README.md": "repository/helm/segment-bridge/README.md",
    }
    assert places == {path: hooks.place_in_site(path) for path in places}
    assert list(places) == [hooks.place_in_tree(place) for place in places.values()]


def test_what_pages_link_to_outside_of_docs_comes_along() -> None:
    """Examples and the pages beside `docs/` are found, also those that only one of these links to."""
    found = hooks.outside_files()
    expected = {"README.md", "CHANGELOG.md", "LICENSE", "examples/kafka-tls.yaml", "helm/segment-bridge/UPGRADING.md"}
    assert expected <= set(found)
    assert [] == [path for path in found if path.startswith("docs/") or not (ROOT / path).is_file()]


@pytest.mark.parametrize(
    ("name", "link", "expected"),
    [
        ("README.md", "[lag](docs/lag.md#how-far-behind)", "[lag](lag.md#how-far-behind)"),
        ("README.md", "[log](CHANGELOG.md)", "[log](repository/CHANGELOG.md)"),
        ("docs/cli.md", "[s](../schemas/README.md)", "[s](repository/schemas/README.md)"),
        ("docs/operations.md", "[r](../README.md#licence)", "[r](index.md#licence)"),
        ("docs/runbooks/README.md", "[k](../destinations/kafka.md)", "[k](../destinations/kafka.md)"),
        ("helm/segment-bridge/README.md", "[c](../../docs/configuration.md)", "[c](../../../configuration.md)"),
        ("helm/segment-bridge/README.md", "every file in [ci](ci) is", "every file in ci is"),
        ("docs/lag.md", "[a](#here) and [b](https://example.com/x)", "[a](#here) and [b](https://example.com/x)"),
        ("docs/lag.md", "```text\n[a](../README.md)\n```", "```text\n[a](../README.md)\n```"),
    ],
)
def test_links_are_those_of_the_site(name: str, link: str, expected: str) -> None:
    """Each link leads from the page's place in the site to that of its target, and code is left alone."""
    assert expected == hooks.with_site_links(link, name)


@pytest.mark.parametrize(
    ("forges", "python_markdown"),
    [
        ("1. a\n\n   ```yaml cases\n   x:\n     y: 1\n   ```\n", "1. a\n\n    ```yaml\n    x:\n      y: 1\n    ```\n"),
        ("- a\n  b\n", "- a\n    b\n"),
        ("```json event\n  {}\n```\n", "```json\n  {}\n```\n"),
        ("```\n │ a\n```\n", "```\n │ a\n```\n"),
        ("1. a\n\n   b\n2. c\n3. d\n", "1. a\n\n    b\n\n2. c\n3. d\n"),
        ("1. a\n\n   | b |\n   |---|\n", "1. a\n\n    | b |\n    |---|\n"),
    ],
)
def test_both_readers_see_the_same(forges: str, python_markdown: str) -> None:
    """What belongs to an item stands four columns in, fences have one word, and code keeps its shape."""
    assert python_markdown == hooks.as_python_markdown(forges)


@pytest.mark.parametrize(
    ("page", "is_refused"),
    [
        ('<script src="https://cdn.example.com/a.js"></script>', True),
        ("<script src=//cdn.example.com/a.js></script>", True),
        ('<link rel="stylesheet" href="https://fonts.example.com/css">', True),
        ('<img src="https://example.com/a.png">', True),
        ('<script src="assets/a.js"></script><link rel="stylesheet" href="assets/a.css">', False),
        ('<a href="https://example.com/">elsewhere</a>', False),
    ],
)
def test_nothing_is_loaded_from_elsewhere(page: str, is_refused: bool) -> None:  # noqa: FBT001 - a column of a table
    """A tag that makes a browser ask somebody else is found, a link that a person may follow is none."""
    assert is_refused == (hooks.loaded_from_elsewhere(page) is not None)


def test_a_folder_in_the_navigation_stands_for_its_pages() -> None:
    """The folder's readme comes first, the other pages in order of their names, and what is a page stays."""
    (decisions,) = hooks.expanded([{"Decisions": "decisions/"}])
    assert ["decisions/README.md", "decisions/0001-one-event-loop-one-consumer-thread.md"] == decisions["Decisions"][:2]
    assert sorted(decisions["Decisions"][1:]) == decisions["Decisions"][1:]
    assert ["lag.md", {"Chart": "x/README.md"}] == hooks.expanded(["lag.md", {"Chart": "x/README.md"}])


def test_every_page_stands_in_the_navigation() -> None:
    """A page that is added to `docs/` is told here, before the site is built."""
    named = set(
        re.findall(r"^\s*- (?:[\w ]+: )?([\w./-]+)$", page_text("mkdocs.yml").partition("\nnav:\n")[2], re.MULTILINE)
    )
    pages = [str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")]
    missing = [page for page in pages if page not in named and f"{posixpath.dirname(page)}/" not in named]
    assert [] == missing
