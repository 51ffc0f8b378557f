"""The registry of directives: one file each, one line here.

`LATER` are Segment's directives that this version does not know; their names are kept so that the error can say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from processor.mapping.directives.base import Directive
from processor.mapping.directives.conditional import IF
from processor.mapping.directives.liquid import LIQUID
from processor.mapping.directives.path import PATH
from processor.mapping.directives.template import TEMPLATE

DIRECTIVES: Final[Mapping[str, Directive]] = MappingProxyType(
    {directive.name: directive for directive in (PATH, TEMPLATE, IF, LIQUID)}
)

LATER: Final = frozenset(
    {
        "@arrayPath",
        "@case",
        "@excludeWhenNull",
        "@flatten",
        "@json",
        "@literal",
        "@merge",
        "@replace",
        "@transform",
    }
)
