"""The page about MoEngage's stand-in is true: every reason of the code is on it, and its figures and paths too."""

from __future__ import annotations

import inspect
import re
from types import ModuleType

import pytest

from processor.sandbox import moengage_attributes, moengage_users, moengage_workspace
from processor.sandbox.moengage_settings import MoEngageFairUse, MoEngageWorkspace
from tests.markdown_pages import page_text
from tests.standin_requests import WORKSPACE, standin

_PAGE = page_text("docs/sandbox-moengage.md")
_SAYS_WHY = re.compile(r"_Drop\(|altered\.append\(|yield |return |reason(?:: str)? = |_device_attribute")
_WORD = re.compile(r'"([a-z]+(?:_[a-z]+)+)"(?![\]:])')


def _reasons(module: ModuleType) -> set[str]:
    """Return the words by which a module says why something is dropped or altered."""
    lines = [line for line in inspect.getsource(module).splitlines() if _SAYS_WHY.search(line)]
    return {word for line in lines for word in _WORD.findall(line)}


@pytest.mark.parametrize(
    "module", [moengage_attributes, moengage_users, moengage_workspace], ids=lambda one: one.__name__
)
def test_every_reason_is_told(module: ModuleType) -> None:
    """Who reads a reason in the record finds it on the page."""
    reasons = _reasons(module)
    assert reasons
    assert {reason for reason in reasons if f"`{reason}`" not in _PAGE} == set()


def test_every_path_is_a_route() -> None:
    """The table of paths is the vendor's."""
    rows = [line.split("|")[1] for line in _PAGE.splitlines() if line.startswith("| `/v1/")]
    paths = [
        path.partition("?")[0].replace("WORKSPACE", WORKSPACE) for row in rows for path in re.findall("`(.+?)`", row)
    ]
    workspace = standin("moengage")
    assert [path for path in paths if workspace.route(path) is None] == []
    assert len(paths) == 10


def test_every_figure_is_the_codes() -> None:
    """Fair use and the quotas that the page names are the defaults."""
    figures = [*MoEngageFairUse().model_dump().values(), MoEngageWorkspace().device_count + 1]
    assert [figure for figure in figures if f"{figure:,}" not in _PAGE] == []
    assert MoEngageWorkspace().event_name_count == 512
    assert [
        name for name in ("account", "allowed_addresses", "pinned_types", "fair_use", "rates") if name not in _PAGE
    ] == []
