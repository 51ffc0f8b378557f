"""Changed settings on their way into a running destination: taken over, refused, or left for a restart."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from processor.building import build_plan, suppressed_users
from processor.destinations.plan import Plan
from processor.operations.logs import BY_TEXT
from processor.operations.reloads import ReloadReport
from processor.operations.status import StatusReport
from processor.reloading import Origin, Ready, Reloader, say_added
from processor.settings import load_settings
from tests.bridge_process import merged
from tests.http_peer import eventually

NOW_MS = 1_773_576_000_000
ONE: dict[str, Any] = {"type": "moesif", "start": "earliest", "settings": {"application_id": {"env": "TEST_KEY"}}}
BASE: dict[str, Any] = {
    "kafka": {"bootstrap_servers": "127.0.0.1:1", "topics": ["events"]},
    "destinations": {"one": ONE},
    "reload": True,
}
LIST = [{"name": "all", "trigger": 'type = "track"', "action": "sendAction", "mapping": {"action_name": "A"}}]


class Running:
    """A destination with a file, as far as it can be exchanged."""

    def __init__(self, folder: Path, change: Mapping[str, Any], *, has_all: bool = True) -> None:
        """Load the file for its destination `one`; unless it `has_all`, somebody chose that one."""
        self.file = folder / "bridge.json"
        self.write(change)
        settings = load_settings(self.file, choose=lambda _: ["one"])
        names = frozenset(load_settings(self.file).destinations) if has_all else None
        self.origin = Origin.at(self.file)._replace(names=names)
        own = settings.destinations["one"]
        suppressed = suppressed_users(own)
        self.ready = Ready(own, build_plan("one", own, suppressed)[1], suppressed)
        self.reloader = Reloader(self.origin, settings, "one", build_plan, lambda: NOW_MS)
        self.taken: list[Ready] = []

    def write(self, change: Mapping[str, Any]) -> None:
        """Replace the file by the base with a change, at once."""
        self.write_text(json.dumps(merged(BASE, change)))

    def write_text(self, text: str) -> None:
        """Replace the file at once."""
        new = self.file.with_suffix(".new")
        new.write_text(text, encoding="utf-8")
        new.rename(self.file)

    def take_over(self, ready: Ready) -> None:
        """Put it in its place."""
        self.ready = ready
        self.taken.append(ready)

    @property
    def plan(self) -> Plan:
        """Return the plan that is in force."""
        return self.ready.plan

    @property
    def book(self) -> ReloadReport:
        """Return what the status says of reloads."""
        return self.reloader.added_to(StatusReport(destination="one"))["reload"]

    async def result(self) -> str:
        """Ask for a reload; return how it ended."""
        count = sum(self.book["results"].values())
        self.reloader.ask()
        await eventually(lambda: sum(self.book["results"].values()) == count + 1)
        assert self.book["last_ms"] == NOW_MS
        return self.book["last_result"] or ""


Start = Callable[..., Any]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Start:
    """Return a function that runs a destination as a context."""
    monkeypatch.setenv("TEST_KEY", "k")
    caplog.set_level(logging.INFO)

    @asynccontextmanager
    async def started(change: Mapping[str, Any] | None = None, **more: bool) -> AsyncIterator[Running]:
        running = Running(tmp_path, {} if change is None else change, **more)
        task = asyncio.create_task(running.reloader.run(lambda: running.ready, running.take_over))
        try:
            yield running
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    return started


async def test_a_changed_mapping_is_taken_over(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """One line names what was taken and both hashes; asking again finds nothing."""
    async with start() as running:
        old = running.plan.hash
        running.write({"destinations": {"one": {"subscriptions": LIST}}})
        assert await running.result() == "applied"
        assert old != running.plan.hash
        assert [one.name for one in running.plan.own_subscriptions] == ["all"]
        line = f"destination one: reloaded destinations.one.subscriptions; mapping {running.plan.hash}, before it {old}"
        assert [each.getMessage() for each in caplog.records] == [line]
        assert await running.result() == "unchanged"
        assert running.book["results"] == {"applied": 1, "refused": 0, "unchanged": 1}
        assert len(running.taken) == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"subscriptions": [LIST[0] | {"trigger": "type = "}]}, "destinations.one.subscriptions[0].trigger"),
        ({"subscriptions": [LIST[0] | {"action": "sendAktion"}]}, "did you mean 'sendAction'?"),
        ({"filters": [{"if": "true", "actions": []}], "surprise": 1}, "surprise"),
        ({"suppressed_users": {"file": "missing"}}, "missing"),
    ],
)
async def test_what_cannot_be_compiled_changes_nothing(
    start: Start, caplog: pytest.LogCaptureFixture, change: dict[str, Any], says: str
) -> None:
    """The old plan stays, one line at level error says why, and a file that is mended is taken over."""
    async with start() as running:
        old = running.ready
        running.write({"destinations": {"one": change}})
        assert await running.result() == "refused"
        assert (running.ready, running.taken) == (old, [])
        (line,) = caplog.records
        assert vars(line).items() >= BY_TEXT.items(), "another fault is another message"
        assert (line.levelno, says in line.getMessage()) == (logging.ERROR, True)
        assert "the old ones stay in force" in line.getMessage()
        running.write({"destinations": {"one": {"subscriptions": LIST}}})
        assert await running.result() == "applied"


async def test_a_broken_file_is_refused_and_a_missing_one_is_too_when_asked(start: Start) -> None:
    """Neither syntax that is broken nor a file that is away ends anything."""
    async with start() as running:
        running.write_text("{")
        assert await running.result() == "refused"
        running.file.unlink()
        assert await running.result() == "refused"


async def test_what_needs_a_restart_is_named_in_one_line(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """The rest is taken over all the same; the status goes on naming what a restart would bring."""
    async with start() as running:
        own = {"deliver": False, "settings": {"gzip": False, "consent_categories": ["ads"]}}
        running.write({"kafka": {"topics": ["other"]}, "destinations": {"one": own, "two": ONE}})
        assert await running.result() == "applied"
        keys = [f"destinations.one.{key}" for key in ("settings.gzip", "deliver")] + [
            "kafka.topics",
            "destinations.two",
        ]
        assert sorted(running.book["needs_restart"]) == sorted(keys)
        (line,) = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
        assert line.startswith("destination one: restart to take over what changed in destinations.one.settings.gzip")
        assert running.ready.own.deliver
        running.write({"destinations": {"one": {"settings": {"consent_categories": ["ads"]}}}})
        assert await running.result() == "unchanged"
        assert running.book["needs_restart"] == []


async def test_a_destination_that_is_gone_runs_on(start: Start) -> None:
    """Its secrets and those of the others are of no interest then."""
    async with start() as running:
        two = ONE | {"settings": {"application_id": {"env": "NOT_SET"}}}
        running.write_text(json.dumps(BASE | {"destinations": {"two": two}}))
        assert await running.result() == "unchanged"
        assert running.book["needs_restart"] == ["destinations.one", "destinations.two"]


async def test_others_do_not_matter_where_one_was_chosen(start: Start) -> None:
    """As in Kubernetes, where each destination has a process of its own with the same file."""
    async with start(has_all=False) as running:
        running.write({"destinations": {"two": ONE}})
        assert await running.result() == "unchanged"
        assert running.book["needs_restart"] == []


async def test_a_changed_file_is_noticed(start: Start) -> None:
    """Nobody needs to ask."""
    async with start() as running:
        running.write({"destinations": {"one": {"subscriptions": LIST}}})
        await eventually(lambda: running.book["results"]["applied"] == 1)


async def test_a_file_that_the_file_names_is_followed_too(start: Start, tmp_path: Path) -> None:
    """Subscriptions in a file of their own are taken over when that file changes, and mended there."""
    mappings = tmp_path / "mappings.json"
    mappings.write_text(json.dumps(LIST))
    async with start({"destinations": {"one": {"subscriptions": {"from_file": "mappings.json"}}}}) as running:
        mappings.write_text("[")
        await eventually(lambda: running.book["results"]["refused"] == 1)
        mappings.write_text(json.dumps([LIST[0] | {"name": "other"}]))
        await eventually(lambda: running.book["results"]["applied"] == 1)
        assert [one.name for one in running.plan.own_subscriptions] == ["other"]


async def test_a_file_that_was_away_for_a_while_is_followed_on(start: Start, tmp_path: Path) -> None:
    """Being away is refused once, and what stands there afterwards is taken over without being asked."""
    mappings = tmp_path / "mappings.json"
    mappings.write_text(json.dumps(LIST))
    async with start({"destinations": {"one": {"subscriptions": {"from_file": "mappings.json"}}}}) as running:
        mappings.unlink()
        await eventually(lambda: running.book["results"]["refused"] == 1)
        mappings.write_text(json.dumps([LIST[0] | {"name": "other"}]))
        await eventually(lambda: running.book["results"]["applied"] == 1)
        assert running.book["results"] == {"applied": 1, "refused": 1, "unchanged": 0}
        assert [one.name for one in running.plan.own_subscriptions] == ["other"]


async def test_the_list_of_suppressed_users_is_kept_or_exchanged(start: Start, tmp_path: Path) -> None:
    """The same file goes on being followed by the same list; another one, or none, takes its place."""
    ids, others = tmp_path / "ids", tmp_path / "others"
    ids.write_text("u-1\n")
    others.write_text("u-2\n")
    async with start({"destinations": {"one": {"suppressed_users": {"file": str(ids)}}}}) as running:
        first = running.ready.suppressed
        running.write({"destinations": {"one": {"suppressed_users": {"file": str(ids)}, "subscriptions": LIST}}})
        assert await running.result() == "applied"
        assert running.ready.suppressed is first
        running.write({"destinations": {"one": {"suppressed_users": {"file": str(others)}}}})
        assert await running.result() == "applied"
        assert running.plan.admit({"type": "track", "userId": "u-1"}) == {"type": "track", "userId": "u-1"}
        assert not isinstance(running.plan.admit({"type": "track", "userId": "u-2"}), dict)
        running.write({})
        assert await running.result() == "applied"
        assert running.ready.suppressed is None


async def test_a_bug_changes_nothing(
    start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong in between, the destination goes on as it is, and the log has the trace."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    async with start() as running:
        monkeypatch.setattr("processor.reloading.taken_over", broken)
        running.write({"destinations": {"one": {"subscriptions": LIST}}})
        assert await running.result() == "refused"
        assert caplog.records[-1].exc_info is not None


async def test_without_the_setting_nothing_is_loaded(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """One line says why the signal changed nothing, and the status says nothing of reloads."""
    async with start({"reload": False}) as running:
        running.write({"destinations": {"one": {"subscriptions": LIST}}})
        running.reloader.ask()
        assert [each.getMessage() for each in caplog.records] == [
            "destination one: SIGHUP changes nothing, as `reload` is off"
        ]
        assert running.reloader.added_to(StatusReport(destination="one")) == {"destination": "one"}


async def test_a_supervisor_names_what_was_added(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """Only that: what is wrong with a file is said by the processes of its destinations."""
    async with start() as running:
        running.write({"destinations": {"two": ONE}})
        say_added(running.origin)
        running.write({})
        say_added(running.origin)
        running.write_text("{")
        say_added(running.origin)
    assert [each.getMessage() for each in caplog.records] == ["restart to run what was added: destinations.two"]
