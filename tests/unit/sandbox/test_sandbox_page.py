"""The page about the sandbox is true: keys, limits, bounds and findings are those of the code."""

from __future__ import annotations

from importlib.resources import files

import pytest

from processor.sandbox.settings import SandboxKeys, SandboxLimits, SandboxSettings
from tests.markdown_pages import page_text

_PAGE = page_text("docs/sandbox.md")
_SETTINGS = SandboxSettings()


def test_every_made_up_key_is_told() -> None:
    """Whoever reads the page can try each of them."""
    values = [value if isinstance(value, tuple) else (value,) for value in SandboxKeys().model_dump().values()]
    assert [] == [key for keys in values for key in keys if f"`{key}`" not in _PAGE]


@pytest.mark.parametrize("name", [name for name in SandboxLimits.model_fields if not name.startswith("moengage")])
def test_every_limit_is_told(name: str) -> None:
    """A limit with a default by its number, one without by the name of its setting."""
    limit = getattr(_SETTINGS.limits, name)
    assert (f"`{name}`" if limit is None else f"{limit:,}") in _PAGE


def test_the_bounds_of_the_state_are_told() -> None:
    """The page says how much is remembered."""
    assert f"{_SETTINGS.state_user_count:,} users" in _PAGE
    assert _SETTINGS.dedupe_count == 1_000_000
    assert "the newest million ids" in _PAGE


@pytest.mark.parametrize(
    "finding",
    [
        *("repeated_user_in_batch", "repeated_company_in_batch", "metadata_type_conflict", "too_many_query_keys"),
        *("action_of_nobody", "visitor_beside_user"),
    ],
)
def test_every_finding_is_told(finding: str) -> None:
    """Findings are counted under names that the page explains."""
    assert f"`{finding}`" in _PAGE


def test_the_schemas_are_where_the_page_says() -> None:
    """They come with the package."""
    folder = files("processor.sandbox").joinpath("schemas")
    assert "`processor/sandbox/schemas/`" in _PAGE
    assert {"moveo.schema.json", "moesif.schema.json"} <= {file.name for file in folder.iterdir()}
