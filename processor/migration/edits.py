"""Keys added to the text of a YAML or JSON file at their places; every other byte stays as it is.

Not by writing the file anew: a writer joins lines, changes indentation and moves comments, and nobody can then see in
a diff what was changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from processor.errors import ConfigError
from processor.migration.steps import VERSION, Change, Path

_QUOTE: Final = '"'


class _Cut(NamedTuple):
    """Text that is put in the place of what stands between two positions."""

    begin: int
    end: int
    text: str


def edited(text: str, changes: Iterable[Change], version: int) -> str:
    """Return a file's text with these keys added, and with this version at its top.

    Raises:
        ConfigError: An object that needs a key does not stand in the file as such, as one that a merge (`<<`) brings.
    """
    root = YAML(typ="safe", pure=True).compose(text)
    if not isinstance(root, MappingNode):
        raise ConfigError("there is no object of settings in it")
    end = "\r\n" if "\r\n" in text else "\n"
    cuts: dict[tuple[int, str], _Cut] = {}
    for change in changes:
        node = _at(root, change.path)
        words = json.dumps(change.value)
        cuts[node.start_mark.index, change.key] = _added(text, node, change.key, words, change.after, end)
    ordered = sorted([*cuts.values(), _versioned(text, root, version, end)], key=lambda cut: cut.begin, reverse=True)
    for cut in ordered:
        text = text[: cut.begin] + cut.text + text[cut.end :]
    return text


def _at(root: Node, path: Path) -> MappingNode:
    """Return the object at a path."""
    node = root
    for step in path:
        found = _child(node, step)
        if found is None:
            raise ConfigError(
                f"line {node.start_mark.line + 1}: {step!r} stands elsewhere in the file: change it by hand"
            )
        node = found
    assert isinstance(node, MappingNode)  # the steps found an object there
    return node


def _child(node: Node, step: str | int) -> Node | None:
    """Return what stands at a key or position of a node itself."""
    if isinstance(node, SequenceNode):
        items: Sequence[Node] = node.value
        return items[step] if isinstance(step, int) and step < len(items) else None
    pairs: Sequence[tuple[Node, Node]] = node.value if isinstance(node, MappingNode) else ()
    return next((value for key, value in pairs if isinstance(key, ScalarNode) and key.value == step), None)


def _added(text: str, node: MappingNode, key: str, words: str, after: str, end: str) -> _Cut:
    """Return the cut that adds a key: in a line behind that of the key `after`, else before the first key."""
    pairs: Sequence[tuple[Any, Any]] = node.value
    if not pairs:
        return _Cut(node.start_mark.index + 1, node.start_mark.index + 1, f"{key}: {words}")
    first = pairs[0][0]
    if node.flow_style:
        quote = _QUOTE if first.style == _QUOTE else ""
        return _Cut(first.start_mark.index, first.start_mark.index, f"{quote}{key}{quote}: {words}, ")
    indent = " " * first.start_mark.column
    line = next(
        (_line_end(text, value) for name, value in pairs if name.value == after and _is_line(name, value)), None
    )
    if line is None:
        return _Cut(first.start_mark.index, first.start_mark.index, f"{key}: {words}{end}{indent}")
    return _Cut(line, line, f"{end}{indent}{key}: {words}")


def _is_line(key: Any, value: Any) -> bool:  # noqa: ANN401 - nodes of the parser, which has no types
    """Return whether a key and its value stand in one line, so that what follows the line follows them."""
    is_plain = isinstance(value, ScalarNode) and value.style not in {"|", ">"}
    return is_plain and key.start_mark.line == value.end_mark.line


def _line_end(text: str, value: Any) -> int:  # noqa: ANN401 - a node of the parser
    """Return where the line of a value ends, a comment behind it included."""
    found = text.find("\n", value.end_mark.index)
    if found < 0:
        return len(text)
    return found - 1 if text[found - 1] == "\r" else found


def _versioned(text: str, root: MappingNode, version: int, end: str) -> _Cut:
    """Return the cut that writes the version: in the place of the one that is there, else as the first key."""
    there = _child(root, VERSION)
    if there is not None:
        return _Cut(there.start_mark.index, there.end_mark.index, str(version))
    pairs: Sequence[tuple[Any, Any]] = root.value
    if root.flow_style or not pairs:
        cut = _added(text, root, VERSION, str(version), "", end)
        return cut._replace(text=_on_a_line(cut.text, text, cut.begin, end)) if pairs else cut
    first = pairs[0][0].start_mark
    begin = _above_comments(text, first.index - first.column)
    return _Cut(begin, begin, f"{' ' * first.column}{VERSION}: {version}{end}")


def _on_a_line(words: str, text: str, begin: int, end: str) -> str:
    """Return a key of a flow object on a line of its own where the first key is."""
    indent = text[text.rfind("\n", 0, begin) + 1 : begin]
    return f"{words.rstrip()}{end}{indent}" if "\n" in text[:begin] and not indent.strip() else words


def _above_comments(text: str, begin: int) -> int:
    """Return where the comments begin that stand right above a line: they belong to what follows them."""
    while begin:
        above = text.rfind("\n", 0, begin - 1) + 1
        if not text[above:begin].lstrip().startswith("#"):
            break
        begin = above
    return begin
