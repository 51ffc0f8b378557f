"""`from_file`: subscriptions of a destination in a file of their own, the whole list or some of its items.

Such a file holds a list, or what Segment's Public API answers for the subscriptions of a destination.

Source: contract of Segment, section 4.5, form (d).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from processor.config.document import Document, load_document
from processor.config.inclusion import included, put, with_problems
from processor.config.nodes import Node
from processor.config.problems import Path as KeyPath
from processor.config.problems import Problem, nearest

FROM_FILE: Final = "from_file"
_SUBSCRIPTIONS: Final = "subscriptions"
_FILTERS: Final = "filters"
_WRAPPERS: Final = ({_SUBSCRIPTIONS}, {"data"}, {_SUBSCRIPTIONS, "pagination"}, {_SUBSCRIPTIONS, _FILTERS})
"""Keys of the objects that may stand around a list; a page of an answer tells which page it is, and `import` writes
filters beside the list, which are refused by name.
"""


def load_configuration(path: Path | str) -> Document:
    """Return a configuration file as a document, with the subscriptions of other files in their places.

    Raises:
        ConfigError: it cannot be read, or its syntax is broken. What is wrong with the others is among the problems.
    """
    document = load_document(path)
    destinations = document.root.children.get("destinations")
    for name, destination in {} if destinations is None else destinations.children.items():
        node = destination.children.get(_SUBSCRIPTIONS)
        if node is not None:
            document = _with_files(document, destination, node, ("destinations", name, _SUBSCRIPTIONS))
    return document


def add_from_file(schema: dict[str, Any]) -> None:
    """Let the JSON Schema of `subscriptions` take names of files: an editor sees the file before they are read."""
    named = {
        "type": "object",
        "properties": {
            FROM_FILE: {"type": "string", "minLength": 1, "description": "A file, relative to the folder of this one."}
        },
        "required": [FROM_FILE],
        "additionalProperties": False,
    }
    for choice in schema["anyOf"]:
        if choice.get("type") == "array":
            choice["items"] = {"anyOf": [choice["items"], named]}
    schema["anyOf"].append(named)


def _with_files(document: Document, destination: Node, node: Node, place: KeyPath) -> Document:
    """Return the document after the files that a destination's subscriptions name were put into its tree."""
    if _names_file(node):
        document, items = _read(document, node, place)
        put(destination, _SUBSCRIPTIONS, items)
    elif node.kind == "list" and any(map(_names_file, node.children.values())):
        whole = Node("list", node.mark, [])
        for index, item in node.children.items():
            if _names_file(item):
                document, items = _read(document, item, (*place, index))
                _append(whole, items)
            else:
                whole.add(len(whole.value), node.keys[index], item)
        put(destination, _SUBSCRIPTIONS, whole)
    return document


def _names_file(node: Node) -> bool:
    """Return whether an object names a file, or is meant to: a misspelt key that stands alone is no subscription's."""
    return FROM_FILE in node.children or (
        node.kind == "mapping" and [nearest(str(key), [FROM_FILE]) for key in node.children] == [FROM_FILE]
    )


def _append(whole: Node, items: Node) -> None:
    """Put the items of a list behind those of another."""
    for index, item in items.children.items():
        whole.add(len(whole.value), items.keys[index], item)


def _read(document: Document, node: Node, place: KeyPath) -> tuple[Document, Node]:
    """Return the document, and the list in the file that an object names; an empty one where there is none."""
    items = Node("list", node.mark, [])
    for key in node.children.keys() - {FROM_FILE}:
        near = None if FROM_FILE in node.children else FROM_FILE
        document = with_problems(document, Problem(*node.keys[key], (*place, key), "unknown key", FROM_FILE, near))
    root = None
    if FROM_FILE in node.children:
        document, root = included(document, node.children[FROM_FILE], (*place, FROM_FILE))
    if root is None:
        return document, items
    found = _unwrapped(root)
    if found.kind == "list":
        for index, item in found.children.items():
            if FROM_FILE not in item.children:
                items.add(len(items.value), found.keys[index], item)
    return with_problems(document, *_misfits(root, found, (*place, FROM_FILE))), items


def _misfits(root: Node, found: Node, place: KeyPath) -> Iterator[Problem]:
    """Yield what is in a file beside the subscriptions that it may hold, or instead of them."""
    pages = [page for node in _around(root) if (page := node.children.get("pagination")) is not None]
    if any("next" in page.children and page.children["next"].value for page in pages):
        text = "this is one page of several (`pagination.next` is set)"
        yield Problem(*root.mark, place, text, "a file with all of them")
    filters = [node.keys[_FILTERS] for node in _around(root) if _FILTERS in node.children]
    for mark in filters:
        yield Problem(*mark, place, "filters are not read from here", "filters under `filters` of the destination")
    others = [node.keys[FROM_FILE] for node in (found, *found.children.values()) if FROM_FILE in node.children]
    for mark in others:
        yield Problem(*mark, place, "a file that is named does not name another", "the subscriptions themselves")
    if found.kind != "list" and not (filters or others):
        allowed = "a list, or what Segment's Public API answers for the subscriptions of a destination"
        yield Problem(*found.mark, place, "there is no list of subscriptions in it", allowed)


def _around(root: Node) -> Iterator[Node]:
    """Yield the objects of an answer of the Public API that may stand around a list, the outer first."""
    node: Node | None = root
    while node is not None:
        yield node
        node = node.children.get("data")


def _unwrapped(root: Node) -> Node:
    """Return the list in a file's tree, or what stands where it should be."""
    node = root
    while node.kind == "mapping" and node.children.keys() in _WRAPPERS:
        node = node.children["data" if "data" in node.children else _SUBSCRIPTIONS]
    return node
