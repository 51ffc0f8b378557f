"""Files that a configuration names to hold a part of it: read in its place, each fault told where it stands.

The lines of such a file are numbered behind those of the file that names it, each file's from a base of its own. So
whatever works with places needs to know of one document only, and the base tells the file when a place is shown.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from processor.config.document import Document, load_document
from processor.config.nodes import Mark, Node
from processor.config.problems import LINES_PER_FILE, Problem
from processor.config.problems import Path as KeyPath
from processor.errors import ConfigError


def included(document: Document, name: Node, place: KeyPath) -> tuple[Document, Node | None]:
    """Return a document that has a named file among its own, and the root of that file's tree.

    `name` is the value that names the file, relative to the folder of the document, and `place` where the tree is to
    go. What is wrong with the file is among the document's problems; the root is None where it cannot be read at all.
    """
    if not isinstance(name.value, str) or not name.value.strip() or "\0" in name.value:
        found = Problem(*name.mark, place, "this is no name of a file", "a path, relative to the folder of this file")
        return with_problems(document, found), None
    file = Path(document.file).parent / name.value
    base = (len(document.others) + 1) * LINES_PER_FILE
    whole = replace(document, others=(*document.others, str(file)))
    try:
        inner = load_document(file)
    except ConfigError as error:
        if not error.problems:
            return with_problems(whole, Problem(*name.mark, place, str(error))), None
        root, problems = None, error.problems
    else:
        root, problems = inner.root, inner.problems
        _shift(root, base)
    return with_problems(
        whole, *(replace(one, line=one.line + base, path=(*place, *one.path)) for one in problems)
    ), root


def with_problems(document: Document, *problems: Problem) -> Document:
    """Return a document with more that is wrong with it."""
    return replace(document, problems=(*document.problems, *problems))


def put(parent: Node, key: str | int, child: Node) -> None:
    """Put another node in the place of one; whoever holds the parent's value sees it there as well."""
    parent.children[key] = child
    parent.value[key] = child.value


def _shift(root: Node, base: int) -> None:
    """Let the places of a tree count from `base`. A node that stands at several places is shifted once."""
    waiting, seen = [root], {id(root)}
    while waiting:
        node = waiting.pop()
        node.mark = _shifted(node.mark, base)
        node.keys = {key: _shifted(mark, base) for key, mark in node.keys.items()}
        for child in node.children.values():
            if id(child) not in seen:
                seen.add(id(child))
                waiting.append(child)


def _shifted(mark: Mark, base: int) -> Mark:
    line, column = mark
    return line + base, column
