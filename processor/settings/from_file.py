"""`from_file`: subscriptions of a destination in a file of their own, the whole list or some of its items.

Such a file holds a list, or what Segment's Public API answers for the subscriptions of a destination.

Source: contract of Segment, section 4.5, form (d).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from processor.config.document import Document, load_document
from processor.config.inclusion import included, put, with_problems
from processor.config.nodes import Node
from processor.config.problems import Path as KeyPath
from processor.config.problems import Problem

FROM_FILE: Final = "from_file"
_SUBSCRIPTIONS: Final = "subscriptions"
_WRAPPERS: Final = ({_SUBSCRIPTIONS}, {"data"}, {_SUBSCRIPTIONS, "pagination"})
"""Keys of the objects that may stand around a list; a page of an answer tells which page it is."""


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
    if FROM_FILE in node.children:
        document, items = _read(document, node, place)
        put(destination, _SUBSCRIPTIONS, items)
    elif node.kind == "list" and any(FROM_FILE in item.children for item in node.children.values()):
        whole = Node("list", node.mark, [])
        for index, item in node.children.items():
            if FROM_FILE in item.children:
                document, items = _read(document, item, (*place, index))
                _append(whole, items)
            else:
                whole.add(len(whole.value), node.keys[index], item)
        put(destination, _SUBSCRIPTIONS, whole)
    return document


def _append(whole: Node, items: Node) -> None:
    """Put the items of a list behind those of another."""
    for index, item in items.children.items():
        whole.add(len(whole.value), items.keys[index], item)


def _read(document: Document, node: Node, place: KeyPath) -> tuple[Document, Node]:
    """Return the document, and the list in the file that an object names; an empty one where there is none."""
    nothing = Node("list", node.mark, [])
    for key in node.children.keys() - {FROM_FILE}:
        document = with_problems(document, Problem(*node.keys[key], (*place, key), "unknown key", FROM_FILE))
    document, root = included(document, node.children[FROM_FILE], (*place, FROM_FILE))
    if root is None:
        return document, nothing
    items = _unwrapped(root)
    if _has_further_page(root):
        text = "this is one page of several (`pagination.next` is set)"
        document = with_problems(document, Problem(*root.mark, (*place, FROM_FILE), text, "a file with all of them"))
    if items.kind == "list":
        return document, items
    found = "there is no list of subscriptions in it"
    allowed = "a list, or what Segment's Public API answers for the subscriptions of a destination"
    return with_problems(document, Problem(*items.mark, (*place, FROM_FILE), found, allowed)), nothing


def _has_further_page(root: Node) -> bool:
    """Return whether an answer of the Public API says that there is more than it holds."""
    node: Node | None = root
    while node is not None:
        page = node.children.get("pagination")
        if page is not None and "next" in page.children and page.children["next"].value:
            return True
        node = node.children.get("data")
    return False


def _unwrapped(root: Node) -> Node:
    """Return the list in a file's tree, or what stands where it should be."""
    node = root
    while node.kind == "mapping" and node.children.keys() in _WRAPPERS:
        node = node.children["data" if "data" in node.children else _SUBSCRIPTIONS]
    return node
