"""The registry of directives: one file each, one line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from processor.mapping.directives.array_path import ARRAY_PATH
from processor.mapping.directives.base import Directive
from processor.mapping.directives.case import CASE
from processor.mapping.directives.conditional import IF
from processor.mapping.directives.exclude_when_null import EXCLUDE_WHEN_NULL
from processor.mapping.directives.flatten import FLATTEN
from processor.mapping.directives.json_text import JSON_TEXT
from processor.mapping.directives.liquid import LIQUID
from processor.mapping.directives.literal import LITERAL
from processor.mapping.directives.merge import MERGE
from processor.mapping.directives.path import PATH
from processor.mapping.directives.replace import REPLACE
from processor.mapping.directives.template import TEMPLATE
from processor.mapping.directives.two_stages import TRANSFORM

_ALL: Final = (
    PATH,
    TEMPLATE,
    IF,
    CASE,
    REPLACE,
    ARRAY_PATH,
    LITERAL,
    FLATTEN,
    JSON_TEXT,
    MERGE,
    TRANSFORM,
    EXCLUDE_WHEN_NULL,
    LIQUID,
)
DIRECTIVES: Final[Mapping[str, Directive]] = MappingProxyType({directive.name: directive for directive in _ALL})
