"""Tables that pages repeat from the code are complete: faults, admin routes, headers, routes of the page, preview."""

from __future__ import annotations

import json
import re
from typing import Any

from aiohttp import web

from processor.destinations import REGISTRY
from processor.operations.page import Page
from processor.sandbox.admin import AdminRoutes
from processor.sandbox.faults import Drop, Latency, Refuse, Scope, SlowBody, Status, Throttle
from processor.sandbox.server import ADMIN, StandInServer
from processor.sandbox.settings import SandboxSettings
from processor.settings.destination import DestinationSettings
from tests.markdown_pages import ROOT, page_text, rows

SANDBOX = page_text("docs/sandbox.md")
FAULTS: tuple[type[Scope], ...] = (Latency, Status, Throttle, Drop, SlowBody, Refuse)


def schema(name: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return one of the published schemas."""
    return json.loads((ROOT / "schemas" / name).read_text(encoding="utf-8"))


def codes(cell: str) -> list[str]:
    """Return what stands in code marks in a cell, or the cell where it was all code."""
    return re.findall(r"`([^`]+)`", cell) or [cell]


def test_every_fault_and_its_keys_are_told() -> None:
    """Each kind of fault has its line with the keys of its own, and the shared keys are named below."""
    told = {kind: set(codes(cell)) for kind, _, cell in rows(SANDBOX, "kind", "what goes wrong", "its own keys")}
    assert set(told) == {fault.model_fields["kind"].default for fault in FAULTS}
    for fault in FAULTS:
        own = set(fault.model_fields) - set(Scope.model_fields) - {"kind"}
        assert own <= told[fault.model_fields["kind"].default]
    assert [] == [name for name in Scope.model_fields if f"`{name}`" not in SANDBOX]


def test_every_admin_route_is_told() -> None:
    """The stand-ins have the admin routes of the page and no other."""
    told = {route for route, _ in rows(SANDBOX, "route", "what it does")}
    assert told == {f"{method} {ADMIN}{name}" for method, name in AdminRoutes(StandInServer(SandboxSettings()))._routes}


def test_every_header_of_a_dead_letter_is_told() -> None:
    """The page explains the headers of the schema and no other."""
    table = rows(page_text("docs/dead-letters.md"), "header", "what it holds")
    assert {name for cell, _ in table for name in codes(cell)} == set(
        schema("dead-letter-headers.schema.json")["properties"]
    )


def test_every_member_of_a_preview_line_is_told() -> None:
    """The page explains the members of the schema and no other."""
    told = {name for name, _ in rows(page_text("docs/cli.md"), "member", "meaning")}
    assert told == set(schema("preview-line.schema.json")["properties"])


def test_every_route_of_the_page_is_told() -> None:
    """The page of operations lists the routes that are served."""
    page = Page(dict, supervised=False)
    routes: list[web.AbstractRoute] = list(page.application().router.routes())
    page.close()
    served = {route.resource.canonical for route in routes if route.resource is not None}
    assert served == {route for route, _ in rows(page_text("docs/operations.md"), "route", "what it says")}


def test_the_exit_codes_are_told_alike() -> None:
    """Both pages with exit codes list the same ones."""
    pages = ("docs/cli.md", "docs/operations.md")
    assert [["0", "1", "2", "130"]] * 2 == [
        [row[0] for row in rows(page_text(page), head, "meaning")]
        for page, head in zip(pages, ("code", "exit code"), strict=True)
    ]


def test_settings_that_pages_name_exist() -> None:
    """A setting that the page of delivery names in code marks is one of `delivery` or of a vendor."""
    named = set(re.findall(r"`(max_\w+|drain_ms|probe_\w+|dedupe_\w+|attempt_\w+)`", page_text("docs/delivery.md")))
    delivery = DestinationSettings.model_fields["delivery"].default_factory
    assert delivery is not None
    known = {"max_wait_ms"} | set(type(delivery()).model_fields)  # type: ignore[call-arg]  # takes no argument
    known |= {name for vendor in REGISTRY.values() for name in vendor.settings_model.model_fields}
    assert named <= known
