"""MoEngage's stand-in with a workspace to one's liking: putting elements in, and looking at what it knows of a user."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from processor.sandbox.moengage_settings import MoEngageWorkspace
from processor.sandbox.settings import SandboxSettings
from processor.sandbox.vendor import Accepted, Vendor
from tests.standin_requests import NOW_S, moengage, standin

USER: Final = "cust-4711"


def workspace(**rules: Any) -> Vendor:  # noqa: ANN401 - fields of `MoEngageWorkspace`
    """Return a stand-in whose workspace is as the rules say."""
    return standin("moengage", SandboxSettings(moengage=MoEngageWorkspace(**rules)))


def put(workspace: Vendor, *elements: dict[str, Any], now_s: float = NOW_S) -> Accepted:
    """Return what became of elements, which must be accepted."""
    said = moengage(*elements).put_to(workspace, now_s)
    assert isinstance(said, Accepted), said
    return said


def state_of(workspace: Vendor, user: str = USER, kind: str = "user") -> dict[str, Any]:
    """Return what the workspace knows of a user."""
    return next(row for row in workspace.state(user) if row["kind"] == kind)


def events_of(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the events that the workspace keeps of a user."""
    return [msgspec.json.decode(event) for event in row["events"]]
