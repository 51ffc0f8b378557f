"""Reference pages are what the code says today, and the code says enough."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from processor.destinations import REGISTRY
from processor.destinations.reference import example, prose, table
from processor.settings.pages import PAGES, write_pages
from processor.settings.reference import configuration_page
from tests.markdown_pages import ROOT, page_text, rows

STALE = "stale: run `python -m processor.settings.pages` in the root of the tree"
COLUMNS = ("setting", "type", "default", "meaning")


@pytest.mark.parametrize("name", PAGES)
def test_page_is_not_stale(name: str) -> None:
    """What is in the tree is what the code renders."""
    assert PAGES[name]() == page_text(name), f"{name} is {STALE}"


def test_every_setting_says_what_it_means() -> None:
    """No line of the reference is empty, in any column."""
    lines = rows(configuration_page(), *COLUMNS)
    assert [] == [line for line in lines if not all(line)]
    assert len(lines) > 100


def test_settings_of_every_vendor_are_there() -> None:
    """Each vendor's own settings have their table, the vendor's own spellings included."""
    settings = {line[0] for line in rows(configuration_page(), *COLUMNS)}
    for vendor in REGISTRY.values():
        model: type[BaseModel] = vendor.settings_model
        assert {name for name in model.model_fields if not any(name in setting for setting in settings)} == set()
    assert "`batch_size` (or `batchSize`)" in settings


def test_defaults_are_written_as_in_the_file() -> None:
    """Required, unset, plain values, durations and lists look as one would write them."""
    lines = reversed(rows(configuration_page(), *COLUMNS))  # of two of one name the first
    defaults = {line[0]: line[2] for line in lines}
    expected = {
        "bootstrap_servers": "required",
        "max_window_count": "unset",
        "max_wait": "60",
        "cap_s": "60",
        "deliver": "true",
        "on_expired": "stop",
        "consumer": "see there",
        "consent_categories": "[]",
    }
    assert expected == {name: defaults[name] for name in expected}


def test_every_action_of_every_vendor_is_there() -> None:
    """Each action has its heading and each endpoint its line."""
    text = PAGES["docs/reference/fields.md"]()
    for vendor in REGISTRY.values():
        destination = example(vendor)
        headings = [f"### {destination.type}: {slug}\n" for slug in destination.actions]
        assert [] == [heading for heading in headings if heading not in text]
        assert [] == [name for name in destination.endpoints if f"| `{name}` | `" not in text]


def test_stale_pages_are_written_and_others_left(tmp_path: Path) -> None:
    """The command makes what is missing, mends what is stale, and leaves what is right."""
    names = list(PAGES)
    assert names == write_pages(tmp_path)
    assert [] == write_pages(tmp_path)
    (tmp_path / names[0]).write_text("old", encoding="utf-8")
    assert [names[0]] == write_pages(tmp_path)
    assert PAGES[names[0]]() == (tmp_path / names[0]).read_text(encoding="utf-8")


def test_cells_and_prose_survive_markdown() -> None:
    """A bar does not end a cell, and what looks like a tag is none, except inside code."""
    assert "| a\\|b |\n" in table(("head",), [("a|b",)])
    assert "of &lt;name> in `<code>` and &lt;b>" == prose("of <name> in `<code>`\nand <b>")


def test_pages_are_where_their_command_looks() -> None:
    """The command is run in the root of the tree, as the pages say."""
    assert [] == [name for name in PAGES if not (ROOT / name).is_file()]
