"""What in right settings should be read all the same: they can be run, and do other than they seem to say."""

from __future__ import annotations

from collections.abc import Iterator

from processor.config import Document
from processor.config.problems import Path, path_text
from processor.destinations.base import Destination
from processor.destinations.futile import futile
from processor.mapping.pasted import spelt
from processor.settings.destination import DestinationSettings
from processor.settings.fit import Finding


def doubts(own: DestinationSettings, destination: Destination) -> Iterator[Finding]:
    """Yield what is odd about a destination's settings, each place relative to them.

    That is: pasted triggers that run otherwise than they seem to say, mappings that can never satisfy the vendor, and
    filters that let no event past. The vendor's own presets are not looked at.
    """
    for index, one in enumerate(() if isinstance(own.subscriptions, str) else own.subscriptions):
        place: Path = ("subscriptions", index)
        for difference in one.differences:
            yield (*place, "trigger"), f"subscription {one.name!r}: {difference}"
        for path, text in futile(destination.actions, one):
            yield (*place, *path), f"subscription {one.name!r}: {text}"
    for index, rule in enumerate(own.filters):
        if rule.fault:
            title = rule.title or rule.condition
            yield ("filters", index), f"filter {title!r}: {rule.fault}: no event passes it"


def told(name: str, finding: Finding, document: Document | None = None) -> str:
    """Return a finding about one destination as errors are told, without file and line where there is no document."""
    path, text = finding
    whole: Path = ("destinations", name, *path)
    if document is not None and path[0] == "subscriptions":
        listed = document.value["destinations"][name]["subscriptions"]
        whole = (*whole[:4], *spelt(path[2:], listed[path[1]]))
    return placed(document, whole, text)


def placed(document: Document | None, path: Path, text: str) -> str:
    """Return a text about a key as errors are told, without file and line where there is no document."""
    return f"{path_text(path)}: {text}" if document is None else document.located(path, text)
