"""`@template`: text with `{{path}}` placeholders; the result is always text.

The template may itself come from a directive; it is then rendered after it is known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from processor.errors import MappingError
from processor.mapping.directives import checking
from processor.mapping.directives.base import Compiles, Directive, Place, failure
from processor.mapping.paths import Resolve
from processor.mapping.templates import compile_template, render
from processor.mapping.values import Json, kind


def _compile(value: Json, path: str, compiler: Compiles, _place: Place) -> Resolve:
    """Return a resolver that renders the template."""
    if isinstance(value, str):
        return _located(compile_template(value), path)
    if not isinstance(value, dict):
        return compiler.fail(path, f"needs a text or a directive, not {kind(value)}")
    spell = compiler.compile(value, path, Place.OPERAND)

    def render_spelled(root: Json) -> str:
        template = spell(root)
        if not isinstance(template, str):
            raise failure(path, f"needs a text, but its directive gave {kind(template)}")
        try:
            return render(template, root)
        except MappingError as error:
            raise failure(path, str(error)) from error

    return render_spelled


def _located(fill: Callable[[Any], str], path: str) -> Resolve:
    """Return the renderer with the place of the template in its errors."""

    def render_static(root: Json) -> str:
        try:
            return fill(root)
        except MappingError as error:
            raise failure(path, str(error)) from error

    return render_static


TEMPLATE = Directive("@template", checking.text, _compile)
