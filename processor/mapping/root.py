"""The directive that may stand beside the fields at the root of a mapping, and is given all of them.

Segment's editor stores "transform first" mappings so: the fields read what the directive has made of the event.
"""

from __future__ import annotations

from typing import Any, Final

from processor.mapping.directives.base import Problem
from processor.mapping.values import Json, kind

ROOT_DIRECTIVE: Final = "__segment_internal_directive"
"""The key of that directive; anywhere but at the root it is a key like any other."""


def unfolded(mapping: Json) -> Json | Problem:
    """Return the mapping with its root directive around its fields, or what is wrong with that directive.

    Every other mapping is returned as it is. A `mapping` that the directive holds itself is overwritten.
    """
    if not isinstance(mapping, dict) or ROOT_DIRECTIVE not in mapping:
        return mapping
    directive = mapping[ROOT_DIRECTIVE]
    if not isinstance(directive, dict):
        return _problem(f"should be an object but it is {kind(directive)}")
    if len(directive) != 1:
        return _problem("should hold one directive and nothing else")
    fields = {key: value for key, value in mapping.items() if key != ROOT_DIRECTIVE}
    return {name: _given(options, fields) for name, options in directive.items()}


def _given(options: Json, fields: dict[str, Any]) -> dict[str, Any]:
    """Return a directive's options with the fields as its mapping; options that are no object have no members."""
    return {**(options if isinstance(options, dict) else {}), "mapping": fields}


def _problem(message: str) -> Problem:
    """Return a problem of the root directive."""
    return Problem(f"/{ROOT_DIRECTIVE}", message)
