"""What only the page of a running bridge knows of destinations, and no other page says."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from processor.lag.page import UNTOLD, PageReport, page_reports
from processor.operations.settings import PageSettings
from tests.kafka_listeners import free_ports


class Page:
    """A page that answers as a test says."""

    def __init__(self) -> None:
        """Listen on a free port."""
        page = self

        class Answers(BaseHTTPRequestHandler):
            """Answers every GET alike."""

            def do_GET(self) -> None:
                """Answer."""
                page.paths.append(self.path)
                self.send_response(page.status)
                self.end_headers()
                self.wfile.write(page.body)
                with contextlib.suppress(OSError):
                    while page.drips:
                        self.wfile.write(b" ")
                        page.goes_on.wait(0.05)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.status, self.body, self.paths = 200, b"{}", list[str]()
        self.drips, self.goes_on = False, threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def page() -> Iterator[Page]:
    """Return a page that is served."""
    made = Page()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


TOPICS = {"events": None}
ODD_PARTITION = b'{"topic": "events", "partition": true}'
GROUPS = {name: f"crm.{name}" for name in "abcde"}


def report(last_ms: Any, topic: str = "events", group_id: str = "crm.a") -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Return a destination's report."""
    partitions = [{"topic": topic, "partition": 0}]
    return {"group": group_id, "details": {"last_delivery_ms": last_ms}, "partitions": partitions}


def test_the_last_delivery_is_that_of_the_page(page: Page) -> None:
    """Of each destination that says so, is of the file's group, and reads the topics of the file."""
    reports = {
        "a": report(7),
        "b": report(None, group_id="crm.b"),
        "c": report(9, "other", "crm.c"),
        "d": {"state": "starting"},
        "e": report(9, group_id="shop.e"),
        "f": report(9, group_id="crm.f"),
    }
    page.body = json.dumps({"destinations": reports}).encode()
    assert page_reports(page.url, TOPICS, GROUPS) == {"a": PageReport(7), "b": UNTOLD}
    assert page.paths == ["/status"]
    assert page_reports(f"{page.url}/bridge/", TOPICS, GROUPS) == {"a": PageReport(7), "b": UNTOLD}
    assert page.paths[-1] == "/bridge/status"


@pytest.mark.parametrize(
    ("state", "reason", "expected"),
    [
        ("held", "http_401", {("events", 0): "http_401"}),
        ("running", "circuit_open", {("events", 0): "circuit_open"}),
        ("running", "throttled", {}),
        ("running", "", {}),
        ("paused", "operator", {}),
        ("held", None, {}),
        ("held", "\x1b[2J", {}),
    ],
)
def test_what_keeps_a_process_from_delivering_is_that_of_the_page(
    page: Page, state: str, reason: str | None, expected: dict[tuple[str, int], str]
) -> None:
    """For the partitions that the process owns; a pause of an operator is known without it."""
    told = report(7) | {"state": state, "reason": reason}
    page.body = json.dumps({"destinations": {"a": told}}).encode()
    assert page_reports(page.url, TOPICS, GROUPS) == {"a": PageReport(7, expected)}


@pytest.mark.parametrize(("age_ms", "expected"), [(10_000, {("events", 0): "http_401"}), (10_001, {})])
def test_an_old_report_holds_nothing(page: Page, age_ms: int, expected: dict[tuple[str, int], str]) -> None:
    """Its process hangs, and the partitions may be those of another by now; when it last delivered stays true."""
    told = report(7) | {"state": "held", "reason": "http_401", "at_ms": 1_000}
    page.body = json.dumps({"now_ms": 1_000 + age_ms, "destinations": {"a": told}}).encode()
    assert page_reports(page.url, TOPICS, GROUPS) == {"a": PageReport(7, expected)}


@pytest.mark.parametrize("last_ms", [True, -1, 2**53, 10**400, 7.5, "7"])
def test_a_time_that_is_none_is_not_known(page: Page, last_ms: object) -> None:
    """Whoever shows it would fail."""
    page.body = json.dumps({"destinations": {"a": report(last_ms)}}).encode()
    assert page_reports(page.url, TOPICS, GROUPS) == {"a": UNTOLD}


def test_a_page_that_never_ends_is_not_waited_for(page: Page) -> None:
    """Each byte comes in time, the answer never does."""
    page.body = b"{"
    page.drips = True
    assert page_reports(page.url, TOPICS, GROUPS, timeout_s=0.3) == {}
    page.drips = False


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b'{"destinations": {}}'),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"destinations": []}'),
        (200, b"[" * 20_000),
        (200, b'{"destinations": {"a": {"group": "crm.a", "details": {"last_delivery_ms": 7}}}}'),
        (200, b'{"destinations": {"a": {"group": "crm.a", "details": {"last_delivery_ms": 7}, "partitions": [1]}}}'),
        (200, b'{"destinations": {"a": {"group": "crm.a", "details": {}, "partitions": [{"topic": ["events"]}]}}}'),
        (200, b'{"destinations": {"a": {"group": "crm.a", "details": {}, "partitions": [%s]}}}' % ODD_PARTITION),
    ],
)
def test_another_page_says_nothing(page: Page, status: int, body: bytes) -> None:
    """Whatever listens there."""
    page.status, page.body = status, body
    assert page_reports(page.url, TOPICS, GROUPS) == {}


def test_no_page_says_nothing() -> None:
    """That nobody listens, or that the address is none, is no error."""
    (port,) = free_ports(1)
    assert page_reports(f"http://127.0.0.1:{port}", {}, {}, timeout_s=0.5) == {}
    assert page_reports("http://127.0.0.1:port", {}, {}) == {}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "http://127.0.0.1:9464"),
        ({"host": "0.0.0.0", "port": 80}, "http://127.0.0.1:80"),
        ({"host": "::"}, "http://[::1]:9464"),
        ({"host": "10.0.0.7"}, "http://10.0.0.7:9464"),
        ({"port": 0}, None),
        ({"enabled": False}, None),
    ],
)
def test_where_a_bridge_of_the_file_has_its_page(settings: dict[str, Any], expected: str | None) -> None:
    """On this machine, unless the file names an address; a port that is chosen at the start is not known."""
    assert expected == PageSettings(**settings).local_url
