"""`@liquid`: a template in the Liquid language; the result is always text.

The template cannot come from a directive: it is parsed once, at load.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from processor.errors import MappingError
from processor.mapping.directives import checking
from processor.mapping.directives.base import Compiles, Constant, Directive, Place, failure
from processor.mapping.liquid import parse_template
from processor.mapping.own_event import is_own
from processor.mapping.paths import Resolve
from processor.mapping.values import Json, kind


def _compile(value: Json, path: str, compiler: Compiles, _place: Place) -> Resolve:
    """Return a resolver that renders the template."""
    if not isinstance(value, str):
        return compiler.fail(path, f"needs a text, not {kind(value)}")
    if not value:
        return Constant("")
    try:
        template = parse_template(value)
    except MappingError as error:
        return compiler.fail(path, str(error))
    for problem in template.problems:
        compiler.fail(path, problem)
    if template.writes:
        compiler.needs_own_event()
        return _located(lambda root: template.render(root, root if is_own(root) else {}), path)
    return _located(template.render, path)


def _located(render: Callable[[Any], str], path: str) -> Resolve:
    """Return the renderer with the place of the template in its errors."""

    def render_located(root: Json) -> str:
        try:
            return render(root)
        except MappingError as error:
            raise failure(path, str(error)) from error

    return render_located


LIQUID = Directive("@liquid", checking.plain_text, _compile)
