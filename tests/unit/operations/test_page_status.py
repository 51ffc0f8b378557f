"""`/status`, the head of every answer, and the loops that the page answers for."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any, get_args, get_type_hints

import httpx
import pytest
from jsonschema import Draft202012Validator

from processor import __version__
from processor.operations import page as page_module
from processor.operations.page import HEADERS, Page, serve
from processor.operations.settings import PageSettings
from processor.operations.status import LoopsReport, PartitionReport, ProcessReport, State, StatusReport
from tests.fake_stages import Bench
from tests.http_peer import eventually
from tests.markdown_pages import ROOT
from tests.status_reports import four, report

SCHEMA: Any = json.loads((ROOT / "schemas" / "status.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
NOW_MS = 1_780_000_000_000
ROUTES = ("/", "/livez", "/readyz", "/metrics", "/status", "/nowhere")


async def asked(page: Mapping[str, StatusReport], *paths: str) -> list[httpx.Response]:
    """Return the answers for these reports."""
    async with serve(PageSettings(port=0), lambda: page, supervised=False) as port, httpx.AsyncClient() as client:
        return [await client.get(f"http://127.0.0.1:{port}{path}") for path in paths]


async def test_status_holds_the_reports_as_they_are() -> None:
    """Each destination's report stands under its name, keys unknown here included, beside what is remembered."""
    reports = {"a": report("a", "moesif", "running", NOW_MS, details={"endpoints": ["x"]})}
    (answer,) = await asked(reports, "/status")
    content = answer.json()
    assert content["destinations"] == reports
    assert content["version"] == __version__
    assert set(content["history"]["a"]["lag"]) == {120}
    assert content["failures"] == {"a": []}
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("age_points", [0, 5, 60])
async def test_status_is_what_its_schema_says(age_points: int) -> None:
    """Destinations at work, held, throttled, standing by and starting again, and one that has said nothing."""
    (answer,) = await asked({**four(NOW_MS, age_points), "silent": {}}, "/status")
    assert [] == [error.message for error in VALIDATOR.iter_errors(answer.json())]


async def test_a_report_of_the_pipeline_is_what_the_schema_says() -> None:
    """The schema is held to what a pipeline says, not to what this test believes that it says."""
    from processor.pipeline.report import Marks, status_report  # noqa: PLC0415 - the test alone looks so far up
    from processor.source.membership import Membership  # noqa: PLC0415 - as above

    async with Bench() as bench:
        bench.read({}, {"rejected": ["no_identity"]})
        said = status_report(bench.pipeline, "one", "fake", "0" * 12, Marks(), Membership(), is_stopping=False)
        (answer,) = await asked({"one": {**said, "loops": {"poll_age_s": None}}}, "/status")
    assert [] == [error.message for error in VALIDATOR.iter_errors(answer.json())]


@pytest.mark.parametrize(
    "change",
    [
        {"state": "asleep"},
        {"ready": "yes"},
        {"at_ms": -1},
        {"partitions": [{"topic": "t"}]},
        {"process": {"pid": 1}},
        {"loops": {"poll_age_s": "0"}},
        {"details": {"gate": "ajar"}},
        {"tally": {}},
        {"reload": {"last_result": "applied"}},
    ],
    ids=str,
)
def test_the_schema_refuses_what_is_something_else(change: dict[str, object]) -> None:
    """A schema that takes anything describes nothing."""
    answer = {"now_ms": 1, "version": "1", "host": "h", "destinations": {"a": change}, "history": {}, "failures": {}}
    assert not VALIDATOR.is_valid(answer)
    assert VALIDATOR.is_valid({**answer, "destinations": {"a": {}}})


@pytest.mark.parametrize(
    ("name", "kind"),
    [("destination", StatusReport), ("partition", PartitionReport), ("process", ProcessReport), ("loops", LoopsReport)],
)
def test_the_schema_names_every_key(name: str, kind: type) -> None:
    """Nothing that a report may hold is left to be guessed."""
    assert set() == set(get_type_hints(kind)) - set(SCHEMA["$defs"][name]["properties"])


def test_the_schema_knows_every_state() -> None:
    """Each state that a report may have is one of the schema's."""
    Draft202012Validator.check_schema(SCHEMA)
    assert set(get_args(State)) <= set(SCHEMA["$defs"]["state"]["enum"])


async def test_every_answer_may_be_kept_framed_and_guessed_by_nobody() -> None:
    """Health, metrics, status and what does not exist have the same careful head; the page has a policy of its own."""
    for path, answer in zip(ROUTES, await asked({}, *ROUTES), strict=True):
        given = {name: answer.headers[name] for name in HEADERS}
        if path == "/":
            assert given.pop("Content-Security-Policy") != HEADERS["Content-Security-Policy"]
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert given.items() <= HEADERS.items(), path
        assert answer.headers["server"] == "segment-bridge"


async def test_only_questions_are_answered() -> None:
    """Nothing can be changed through the page."""
    async with serve(PageSettings(port=0), dict, supervised=False) as port, httpx.AsyncClient() as client:
        for path in ROUTES[:-1]:
            assert (await client.post(f"http://127.0.0.1:{port}{path}")).status_code == 405
            assert (await client.head(f"http://127.0.0.1:{port}{path}")).status_code == 200


async def test_what_stands_is_named() -> None:
    """A consumer thread that stands is the reason, whatever the destination itself is doing."""
    (answer,) = await asked({"a": report("a", "moesif", "held", NOW_MS, reason="http_401", alive=False)}, "/livez")
    assert answer.status_code == 503
    assert answer.json() == {"ok": False, "failing": {"a": {"state": "held", "reason": "poll_loop_stands"}}}


async def test_an_event_loop_that_stood_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first answer after a long standstill is no, and the next look makes it yes again."""
    page = Page(dict, supervised=False)
    try:
        request: Any = None
        assert (await page._livez(request)).status == 200
        page._looked_s -= page_module.EVENT_LOOP_LIMIT_S + 1
        answer = await page._livez(request)
        assert answer.status == 503
        assert b"event_loop_stands" in answer.body  # type: ignore[operator]  # it is bytes
        monkeypatch.setattr(page_module, "LOOK_INTERVAL_S", 0.001)
        looks = asyncio.create_task(page.look_on())
        await asyncio.sleep(0)
        assert (await page._livez(request)).status == 200
        looks.cancel()
    finally:
        page.close()


async def test_a_report_that_cannot_be_read_does_not_end_the_looking(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug in one look is told, and the next look is made all the same: health rests on it."""
    monkeypatch.setattr(page_module, "LOOK_INTERVAL_S", 0.001)
    looked: list[int] = []

    def read_all() -> dict[str, StatusReport]:
        looked.append(1)
        if len(looked) == 1:
            raise ZeroDivisionError("a bug")
        return {"a": report("a", "moesif", "running", NOW_MS)}

    with caplog.at_level(logging.ERROR):
        async with serve(PageSettings(port=0), read_all, supervised=False) as port:
            await eventually(lambda: len(looked) > 3)
            async with httpx.AsyncClient() as client:
                answer = await client.get(f"http://127.0.0.1:{port}/status")
    assert set(answer.json()["history"]["a"]["lag"]) == {120}
    assert "the page cannot remember" in caplog.text


async def test_looking_ends_with_the_page() -> None:
    """Nothing goes on behind a page that is not served any more."""
    async with serve(PageSettings(port=0), dict, supervised=False):
        (task,) = [each for each in asyncio.all_tasks() if each.get_name() == "page"]
    assert task.done()
