"""Segment's exports as subscriptions and filters of ours.

Takes what the Public API answers, a list of it, or a Terraform state or plan as JSON: subscriptions and filters are
found wherever they are in it. Of a plan only what it leads to is looked at, for it holds each resource several times.

Source: contract of Segment, sections 4.1 to 4.4.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from processor.config.located import REFUSED
from processor.config.problems import Path, path_text
from processor.config.wording import allowed_text, is_own, message_text
from processor.destinations.filters import FilterSettings
from processor.mapping import SubscriptionSettings
from processor.mapping.pasted import MAPPING_NAMES, TRIGGER_NAMES

_MARKS: Final = (TRIGGER_NAMES, MAPPING_NAMES)
_OWNERS: Final = ("destinationId", "destination_id")
_PLANNED: Final = "planned_values"
_SAID: Final = {"missing": "a required key is missing", "extra_forbidden": "unknown key"}
"""What pydantic says in words of its own."""

Plain = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Imported:
    """What an export comes to.

    Attributes:
        subscriptions: In our own form, in the order of the export.
        filters: As the Public API has them, without ids and dates.
        notes: What cannot work here, or runs otherwise than it seems to say.
        left_out: What cannot work here, as the export has it.
    """

    subscriptions: list[Plain] = field(default_factory=list)
    filters: list[Plain] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    left_out: list[Plain] = field(default_factory=list)
    _names: set[str] = field(default_factory=set)
    _numbers: Counter[str] = field(default_factory=Counter)

    def unused(self, name: str) -> str:
        """Return a name that was not returned before, with a number behind it where this one was."""
        found = name
        while found in self._names:
            self._numbers[name] += 1
            found = f"{name} {self._numbers[name] + 1}"
        self._names.add(found)
        return found


def imported(export: Any, destination_id: str | None = None) -> Imported:  # noqa: ANN401 - any JSON value
    """Return the subscriptions and filters of an export, or of one of its destinations."""
    found = Imported()
    if _has_further_page(export):
        found.notes.append("this is one page of several (`pagination.next` is set): what the others hold is missing")
    if _is_plan(export) and any(_owner(one) is None for one in _parts(export)):
        found.notes.append(
            "this plan makes a destination, whose id it does not know yet: what belongs to it, or to another new one, "
            "is taken without one; after `terraform apply` the state tells them apart"
        )
    for one in _parts(export):
        if destination_id is not None and _owner(one) not in (None, destination_id):
            continue
        if _is_subscription(one):
            _add_subscription(found, one)
        else:
            _add_filter(found, one)
    return found


def destination_ids(export: Any) -> list[str]:  # noqa: ANN401 - any JSON value
    """Return Segment's ids of the destinations that an export speaks of, each once, in order."""
    return list(dict.fromkeys(owner for one in _parts(export) if (owner := _owner(one)) is not None))


def _owner(part: Plain) -> str | None:
    """Return Segment's id of the destination that a part belongs to, None where it says none."""
    return next((str(part[name]) for name in _OWNERS if part.get(name)), None)


def _has_further_page(export: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Return whether an answer of the Public API says that there is more than it holds."""
    pages = (node.get("pagination") for node in _objects(export))
    return any(isinstance(page, dict) and page.get("next") for page in pages)


def _parts(export: Any) -> Iterator[Plain]:  # noqa: ANN401 - any JSON value
    """Yield every subscription and filter in an export, in order."""
    for node in _objects(export[_PLANNED] if _is_plan(export) else export):
        if _is_part(node):
            yield node


def _is_plan(export: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Return whether an export is a plan of Terraform's and not a state."""
    return isinstance(export, dict) and _PLANNED in export


def _objects(value: Any) -> Iterator[Plain]:  # noqa: ANN401 - any JSON value
    """Yield every object in a value, in order, but for what is inside of a part; the stack makes depth harmless."""
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            if not _is_part(node):
                waiting.extend(reversed(list(node.values())))
        elif isinstance(node, list):
            waiting.extend(reversed(node))


def _is_part(node: Plain) -> bool:
    """Return whether an object is a subscription or a filter."""
    return _is_subscription(node) or _is_filter(node)


def _is_subscription(node: Plain) -> bool:
    """Return whether an object has a trigger and a mapping, under any of their names; the action may be missing."""
    return all(any(name in node for name in names) for names in _MARKS)


def _is_filter(node: Plain) -> bool:
    """Return whether an object is a destination filter."""
    return "if" in node and "actions" in node


def _add_subscription(found: Imported, export: Plain) -> None:
    """Add one subscription, or say why it cannot be one."""
    name = str(export.get("name", "without a name"))
    try:
        settings = SubscriptionSettings.model_validate(export)
    except ValidationError as error:
        found.notes.extend(f"subscription {name!r} is left out: {text}" for text in _problems(error))
        found.left_out.append(export)
        return
    differences = settings.differences
    found.notes.extend(f"subscription {settings.name!r}: trigger: {difference}" for difference in differences)
    own: Plain = {"name": found.unused(settings.name)}
    if own["name"] != settings.name:
        found.notes.append(f"subscription {settings.name!r} is called {own['name']!r} here: names are unique")
    if not settings.enabled:
        own["enabled"] = False
    if differences or export.get("as_segment") is True:
        own["as_segment"] = True
    found.subscriptions.append(
        own
        | {"trigger": settings.trigger, "action": settings.action, "use_defaults": False, "mapping": settings.mapping}
    )


def _add_filter(found: Imported, export: Plain) -> None:
    """Add one filter, or say why it cannot be one."""
    title = str(export.get("title", export["if"]))
    try:
        settings = FilterSettings.model_validate(_unfolded(export))
    except ValidationError as error:
        found.notes.extend(f"filter {title!r} is left out: {text}" for text in _problems(error))
        found.left_out.append(export)
        return
    if settings.fault is not None:
        found.notes.append(f"filter {title!r}: {settings.fault}: no event passes it")
    found.filters.append(settings.model_dump(mode="json", by_alias=True, exclude_defaults=True))


def _unfolded(export: Plain) -> Plain:
    """Return a filter whose actions hold their fields as objects, where Terraform keeps them as JSON text."""
    actions = export["actions"]
    if not isinstance(actions, list):
        return export
    return export | {"actions": [_action(one) for one in actions]}


def _action(action: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return one action without members that are null."""
    if not isinstance(action, Mapping):
        return action
    plain = {key: value for key, value in action.items() if value is not None}
    if isinstance(plain.get("fields"), str):
        try:
            plain["fields"] = json.loads(plain["fields"])
        except (ValueError, RecursionError):
            return plain
    return plain


def _problems(error: ValidationError) -> list[str]:
    """Return what is wrong, each with its place, in the words of errors of a configuration."""
    found = error.errors(include_url=False, include_input=False)
    places = [one["loc"] for one in found]
    return [_problem(one) for one in found if one["type"] != "too_short" or not _has_fault_inside(one["loc"], places)]


def _has_fault_inside(place: Path, places: Sequence[Path]) -> bool:
    """Return whether a list has a faulty entry, of which pydantic makes a list that is too short as well."""
    return any(len(one) > len(place) and one[: len(place)] == place for one in places)


def _problem(error: ErrorDetails) -> str:
    is_complete = is_own(error) or error["type"] == REFUSED
    text = message_text(error) if is_complete else _SAID.get(error["type"]) or f"allowed: {allowed_text(error)}"
    return f"{path_text(error['loc'])}: {text}" if error["loc"] else text
