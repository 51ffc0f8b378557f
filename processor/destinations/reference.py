"""The reference page of the vendors: endpoints, presets and fields, from the tables that delivery itself uses."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic.fields import FieldInfo

from processor.config import Secret
from processor.config.shape import spellings
from processor.destinations import REGISTRY
from processor.destinations.base import Action, Destination, Endpoint

_INTRODUCTION = """\
# Endpoints, presets and fields of the vendors

This page is generated from the vendors' own tables; do not edit it.
`python -m processor.settings.pages` writes it.

For each vendor it lists the endpoints with the limits of their requests, the presets, and the fields of each action.
The presets are the subscriptions that `subscriptions: default` puts in force.
A subscription of your own maps fields of the same tables.
Limits are the defaults; `settings` and `delivery.endpoints` override them.
"""

_EXAMPLE = "example"


def fields_page(registry: Mapping[str, type[Destination]] = REGISTRY) -> str:
    """Return the page, one chapter for each vendor."""
    return "\n".join([_INTRODUCTION, *(line for vendor in registry.values() for line in _chapter(example(vendor)))])


def example(vendor: type[Destination]) -> Destination:
    """Return a destination of a vendor with its defaults, and made-up values for what has none."""
    settings = {
        spellings(name, field)[0]: _made_up(field)
        for name, field in vendor.settings_model.model_fields.items()
        if field.is_required()
    }
    return vendor.create(vendor.type, vendor.settings_model.model_validate(settings))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; a bar inside a cell is escaped."""
    lines = [columns, ("---",) * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def prose(text: str) -> str:
    """Return a description as Markdown in one line: outside code, what looks like a tag of HTML is none."""
    parts = text.replace("\n", " ").split("`")
    return "`".join(part if index % 2 else part.replace("<", "&lt;") for index, part in enumerate(parts))


def _made_up(field: FieldInfo) -> object:
    """Return a value that a required setting takes: a secret, its first example or choice, or a text."""
    if field.annotation is Secret:
        return Secret(_EXAMPLE)
    if field.examples:
        return field.examples[0]
    choices = get_args(field.annotation)
    return choices[0] if choices else _EXAMPLE


def _chapter(destination: Destination) -> Iterator[str]:
    yield f"## {destination.type}\n\n{prose(destination.summary)}.\n"
    yield "### Endpoints of " + destination.type + "\n"
    yield table(
        ("endpoint", "path", "most payloads", "most bytes", "longest wait, ms", "gzip", "order kept with"),
        [_endpoint_row(endpoint, destination) for endpoint in destination.endpoints.values()],
    )
    yield "### Presets of " + destination.type + "\n"
    yield table(
        ("preset", "trigger", "action", "on by default"),
        [_preset_row(preset) for preset in destination.presets()],
    )
    for action in destination.actions.values():
        yield f"### {destination.type}: {action.slug}\n"
        yield _action_text(action)


def _endpoint_row(endpoint: Endpoint, destination: Destination) -> tuple[str, ...]:
    path = "/" + endpoint.url.split("://", 1)[-1].partition("/")[2]
    shared = [other.name for other in destination.endpoints.values() if other.scope == endpoint.scope]
    return (
        f"`{endpoint.name}`",
        f"`{endpoint.method} {path.partition('?')[0]}`",
        str(endpoint.max_batch_count),
        str(endpoint.max_body_bytes),
        str(endpoint.max_wait_ms),
        "yes" if endpoint.gzip else "no",
        ", ".join(f"`{name}`" for name in shared if name != endpoint.name) or "itself",
    )


def _preset_row(preset: Mapping[str, Any]) -> tuple[str, ...]:
    on = "yes" if preset.get("enabled", True) else "no"
    return (preset["name"], f"`{preset['trigger']}`", f"`{preset['action']}`", on)


def _action_text(action: Action) -> str:
    rows = [
        (
            f"`{field.name}`",
            field.type if field.max_length is None else f"{field.type}, up to {field.max_length} characters",
            "yes" if field.required else "no",
            "" if field.default is None else f"`{json.dumps(field.default)}`",
            prose(field.description),
        )
        for field in action.fields
    ]
    to = ", ".join(f"`{name}`" for name in action.endpoints)
    return f"{prose(action.description)}\nSent to {to}.\n\n" + table(
        ("field", "type", "required", "default mapping", "meaning"), rows
    )
