"""The status page as it is served: one file, a policy that fits it, and words for every code."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import get_args

import pytest

from processor.delivery.gate import GateState
from processor.operations.front import FILE, Front, policy
from processor.operations.recollection import POINT_COUNT, What
from processor.operations.status import State
from tests.markdown_pages import page_text

TEXT = FILE.read_text(encoding="utf-8")


def directives(text: str) -> dict[str, str]:
    """Return a policy by directive."""
    return {name: value for name, _, value in (part.strip().partition(" ") for part in text.split(";"))}


def table(name: str) -> set[str]:
    """Return the keys of a table of words in the page's script."""
    found = re.search(rf"^const {name} = \{{(.*?)\}};$", TEXT, re.MULTILINE | re.DOTALL)
    assert found is not None
    without_texts = re.sub(r'"[^"]*"', "", found[1])
    return set(re.findall(r"(\w+):", without_texts))


def explained(section: str) -> list[str]:
    """Return the codes that the page of reasons explains under a heading."""
    text = page_text("docs/reasons.md").split(f"\n## {section}\n")[1].split("\n## ")[0]
    return [
        code for line in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE) for code in re.findall(r"`([^`]+)`", line)
    ]


def test_the_policy_lets_in_what_is_in_the_file_and_nothing_else() -> None:
    """Style and script are known by their hashes; no source, no inline code, no form, no frame beside them."""
    given = directives(Front().policy)
    for element in ("style", "script"):
        (content,) = re.findall(f"<{element}>(.*?)</{element}>", TEXT, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert given.pop(f"{element}-src") == f"'sha256-{digest}'"
    assert given == {
        "default-src": "'none'",
        "connect-src": "'self'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }


def test_another_script_has_another_policy() -> None:
    """A page that was changed is not run under the hash of the old one."""
    assert policy(TEXT) != policy(TEXT.replace("INTERVAL_MS = 2000", "INTERVAL_MS = 1"))


def test_nothing_comes_from_elsewhere() -> None:
    """No address, no file beside it, and no attribute that the policy would not let work."""
    for pattern in (r"\bsrc=", r"@import", r"url\(", r"\bon[a-z]+=", r" style=", r"javascript:"):
        assert not re.search(pattern, TEXT), pattern
    assert set(re.findall(r"https?://[^\s'\"]+", TEXT)) == {"http://www.w3.org/2000/svg"}
    assert set(re.findall(r'<link [^>]*href="(\w+:)', TEXT)) == {"data:"}


def test_no_string_becomes_markup() -> None:
    """The script knows no way to make markup or code of a value."""
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "DOMParser"):
        assert word not in TEXT


def test_every_state_has_words() -> None:
    """Whatever a destination does is said in words; an operator's pause is among them."""
    assert set(get_args(State)) <= table("STATES")
    assert {state.value for state in GateState} == table("GATES")
    assert set(get_args(What)) == table("WHATS")


@pytest.mark.parametrize("section", ["Held", "Other states"])
def test_every_reason_of_a_state_has_words(section: str) -> None:
    """What the page of reasons explains of holds and states is said on the page as well."""
    patterns = {"http_<status>", "kafka_<code>", "exit_<code>"}
    codes = set(explained(section))
    assert codes
    assert set() == codes - patterns - table("REASONS")
    for pattern in codes & patterns:
        assert f"[/^{pattern.partition('<')[0]}(" in TEXT


def test_the_curve_has_room_for_every_point() -> None:
    """The script draws as many points as are kept."""
    assert f"step = WIDTH / {POINT_COUNT - 1}," in TEXT
