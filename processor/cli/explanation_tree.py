"""An explanation as a tree on a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

Plain = Mapping[str, Any]

_LONGEST_VALUE: Final = 80
_MARKS: Final = {True: ("yes ", "green"), False: ("no  ", "red"), None: ("?   ", "yellow")}


def print_tree(event: Plain, console: Console | None = None) -> None:
    """Print what `pipeline.explain` tells of one event."""
    console = Console(highlight=False) if console is None else console
    root = Tree("event")
    gates = root.add("gates")
    for gate in event["gates"]:
        gates.add(_marked(gate["passed"], gate["gate"] + (f": {gate['reason']}" if "reason" in gate else "")))
    if event["privacy"]:
        _add_privacy(root.add("privacy"), event["privacy"])
    for one in event["subscriptions"]:
        _add_subscription(root, one)
    if event["filters"]:
        _add_filters(root.add("filters"), event["filters"])
    _add_end(root, event)
    console.print(root)


def _add_privacy(branch: Tree, paths: Sequence[Plain]) -> None:
    """Add each path that is to be hidden, and whether anything is there."""
    for one in paths:
        there = "" if one["changed"] else "   nothing there to hide"
        branch.add(_marked(one["changed"], f"{one['change']} {one['path']}{there}"))


def _add_subscription(root: Tree, one: Plain) -> None:
    """Add a subscription: its trigger where it did not take the event, its fields where it did."""
    branch = root.add(_marked(one["takes"], f"subscription {one['name']} -> {one['action']}"))
    _add_term(branch, one["terms"])
    for field in one.get("fields", ()):
        _add_field(branch, field)


def _add_filters(branch: Tree, filters: Sequence[Plain]) -> None:
    """Add each filter that an event has met, and what it did."""
    for one in filters:
        did = f": {one['reason']}" if "reason" in one else "   leaves out properties" if one["changed"] else ""
        branch.add(_marked(one["passed"], one["filter"] + did))


def _add_term(branch: Tree, term: Plain) -> None:
    """Add a term of a trigger, with what the event has there."""
    found = f"   found {_short(term['found'])}" if "found" in term else ""
    note = f"   {term['note']}" if "note" in term else ""
    inner = branch.add(_marked(term["holds"], f"{term['term']}{found}{note}"))
    for part in term.get("parts", ()):
        _add_term(inner, part)


def _add_field(branch: Tree, field: Plain) -> None:
    """Add a field or part of one: what came out, by which directive, from which paths."""
    line = Text(f"{field['name']} = ")
    line.append(_short(field["value"]) if "value" in field else "nothing", "bold" if "value" in field else "dim")
    source = " ".join([field.get("directive", ""), *field.get("reads", ())]).strip()
    if source:
        line.append(f"   {source}", "cyan")
    if "note" in field and not field["note"].startswith("nothing at "):
        line.append(f"   {field['note']}", "dim")
    inner = branch.add(line)
    for part in field.get("parts", ()):
        _add_field(inner, part)


def _add_end(root: Tree, event: Plain) -> None:
    """Add what the event came to."""
    for payload in event["payloads"]:
        branch = root.add(Text(f"payload {payload['action']} to {payload['endpoint']}", "green"))
        branch.add(Text(_written(payload["body"], indent=2)))
    for one in event["skipped"]:
        root.add(Text(f"skipped: {one['reason']}{_of(one)}", "yellow"))
    for one in event["rejected"]:
        root.add(Text(f"dead letter: {one['reason']}{_of(one)}: {one['message']}", "red"))
    for code in event["warnings"]:
        root.add(Text(f"warning: {code}", "yellow"))


def _of(one: Plain) -> str:
    """Return which subscription an end is of, nothing where it is the event's."""
    return f" ({one['subscription']})" if one["subscription"] else ""


def _marked(holds: bool | None, text: str) -> Text:  # noqa: FBT001 - what is marked
    """Return a line with its verdict before it."""
    mark, style = _MARKS[holds]
    return Text(mark, style).append(text, "default")


def _short(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return a value as JSON, cut where it is long."""
    text = _written(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def _written(value: Any, indent: int | None = None) -> str:  # noqa: ANN401 - any JSON value
    """Return a value as JSON that every terminal takes: halves of letters become question marks."""
    return json.dumps(value, ensure_ascii=False, indent=indent).encode("utf-8", "replace").decode()
