"""The page of every destination tells of every setting that the destination has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from processor.destinations import REGISTRY
from tests.markdown_pages import blocks, page_text, without_blocks

_WORD = re.compile(r"[a-z][a-z0-9_]*")


def _names(model: type[BaseModel]) -> Iterator[str]:
    """Yield the names of a model's settings and of those below them."""
    for name, field in model.model_fields.items():
        yield name
        for inner in _models(field.annotation):
            yield from _names(inner)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - any annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _told(page: str) -> set[str]:
    """Return the words that a page writes as code, and the keys of its examples."""
    words = {word for code in re.findall(r"`([^`\n]+)`", without_blocks(page)) for word in _WORD.findall(code)}
    examples = "\n".join(block.text for block in blocks(page))
    return words | set(re.findall(r"^\s*(?:- )?([a-z][a-z0-9_]*):", examples, re.MULTILINE))


@pytest.mark.parametrize("name", REGISTRY)
def test_every_setting_has_its_place_on_the_page(name: str) -> None:
    """Nobody must read the reference of the whole file to learn what a destination can be told."""
    told = _told(page_text(f"docs/destinations/{name}.md"))
    assert [] == [setting for setting in _names(REGISTRY[name].settings_model) if setting not in told]
