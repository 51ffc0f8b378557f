"""What the site does beside MkDocs itself; `mkdocs.yml` names this file.

Pages are written to be read in the repository: they link to files beside `docs/`, such as the chart's README or an
example, and are Markdown as forges read it. So that no link of the site is dead and none leads elsewhere:

- what a page links to outside of `docs/` becomes part of the site, below `repository/`, as a page where it is Markdown;
  the README of the repository is the first page. A link to a folder becomes plain text: a site shows no folders.
- links are rewritten to where their targets are in the site.
- some things that forges and Python-Markdown read differently are brought into the form that both mean.
- a page that would load something from elsewhere is an error.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent.parent
FIRST_PAGE = "README.md"
OUTSIDE = "repository"

_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)$")
_INDENT = re.compile(r"^ +(?=\S)")
_ITEM = re.compile(r"(?:\d+\.|[-*]) ")
_LINK = re.compile(r"(?P<text>\[[^\]]+\])\((?P<target>[^)\s]+)\)")
_LOADED = re.compile(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"?(?:https?:)?//[^\s>]+|<link\b[^>]*>")
_STYLE_FROM_ELSEWHERE = re.compile(r"rel=\"?(?:stylesheet|icon|preconnect|preload)\b.*href=\"?(?:https?:)?//")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages of a folder where the navigation names a folder."""
    config.nav = expanded(config.nav)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what pages link to outside of `docs/`."""
    for path in outside_files():
        files.append(File.generated(config, place_in_site(path), abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Return a page as Python-Markdown reads it, with links as they are in the site."""
    return as_python_markdown(with_site_links(markdown, place_in_tree(page.file.src_uri)))


def on_post_page(output: str, page: Page, **_: object) -> str:
    """Return a page that is built.

    Raises:
        PluginError: it would load something from elsewhere.
    """
    if found := loaded_from_elsewhere(output):
        raise PluginError(f"{page.file.src_uri} loads something from elsewhere: {found}")
    return output


def outside_files() -> list[str]:
    """Return the files outside of `docs/` that the pages, and the pages among those files, lead to."""
    found = {FIRST_PAGE}
    waiting = [FIRST_PAGE, *(str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md"))]
    while waiting:
        name = waiting.pop()
        text = (ROOT / name).read_text(encoding="utf-8")
        for target in _targets(text, name):
            if not target.startswith("docs/") and target not in found and (ROOT / target).is_file():
                found.add(target)
                waiting += [target] if target.endswith(".md") else []
    return sorted(found)


def place_in_site(path: str) -> str:
    """Return where a file of the tree is in the site."""
    if path == FIRST_PAGE:
        return "index.md"
    return path.removeprefix("docs/") if path.startswith("docs/") else f"{OUTSIDE}/{path}"


def place_in_tree(place: str) -> str:
    """Return where a file of the site is in the tree."""
    if place == "index.md":
        return FIRST_PAGE
    outside = place.removeprefix(f"{OUTSIDE}/")
    return outside if outside != place else f"docs/{place}"


def with_site_links(markdown: str, name: str) -> str:
    """Return the text of a page of the tree with its links as they are in the site."""
    start = posixpath.dirname(place_in_site(name))

    def rewritten(link: re.Match[str]) -> str:
        path, mark, anchor = link["target"].partition("#")
        if not path or "://" in path:
            return link[0]
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
        if (ROOT / target).is_dir():
            return link["text"][1:-1]
        return f"{link['text']}({posixpath.relpath(place_in_site(target), start or '.')}{mark}{anchor})"

    return "".join(line if in_block else _LINK.sub(rewritten, line) for line, in_block in _lines(markdown))


def as_python_markdown(markdown: str) -> str:
    """Return what forges read, in the form in which Python-Markdown reads the same.

    What belongs to an item of a list stands four columns in, an item is parted from such lines by an empty one, and a
    fence has one word behind it.
    """
    lines: list[str] = []
    shift, fence = 0, ""
    for line in markdown.splitlines(keepends=True):
        if fence:
            lines.append(" " * shift + line if line.strip() else line)
            fence = "" if line.rstrip("\n") == fence else fence
            continue
        if _ITEM.match(line) and lines and lines[-1].startswith("    "):
            lines.append("\n")
        indent = len(found[0]) if (found := _INDENT.match(line)) else 0
        shift = -indent % 4 if indent > 1 else 0
        if opening := _FENCE.match(line.rstrip("\n")):
            fence = f"{opening['indent']}```"
            word = opening["info"].split(" ")[0]
            line = f"{fence}{word}\n"  # noqa: PLW2901 - the same line, as the other reader wants it
        lines.append(" " * shift + line)
    return "".join(lines)


def loaded_from_elsewhere(page: str) -> str | None:
    """Return the first tag of a built page that makes a browser ask somebody else."""
    for tag in _LOADED.findall(page):
        if not tag.startswith("<link") or _STYLE_FROM_ELSEWHERE.search(tag):
            return str(tag)
    return None


def expanded(items: Any) -> Any:  # noqa: ANN401 - what YAML holds
    """Return the navigation with each folder's pages in place of the folder."""
    match items:
        case list():
            return [expanded(item) for item in items]
        case dict():
            return {title: expanded(item) for title, item in items.items()}
        case str() if items.endswith("/"):
            pages = sorted((ROOT / "docs" / items).glob("*.md"), key=lambda page: (page.name != "README.md", page.name))
            return [f"{items}{page.name}" for page in pages]
        case _:
            return items


def _lines(markdown: str) -> Iterator[tuple[str, bool]]:
    """Yield each line, and whether it belongs to a fenced block."""
    fence = ""
    for line in markdown.splitlines(keepends=True):
        bare = line.rstrip("\n")
        opening = None if fence else _FENCE.match(bare)
        yield line, bool(fence or opening)
        if opening:
            fence = f"{opening['indent']}```"
        elif bare == fence:
            fence = ""


def _targets(text: str, name: str) -> Iterator[str]:
    """Yield the files of the tree that a page links to."""
    for line, in_block in _lines(text):
        for link in () if in_block else _LINK.finditer(line):
            path = link["target"].partition("#")[0]
            if path and "://" not in path:
                yield posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
