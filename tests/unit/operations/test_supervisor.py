"""The supervisor keeps processes running: here with made-up processes in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from processor.operations.child import Heard
from processor.operations.status import State, StatusReport
from processor.operations.supervisor import Supervisor, combined_code
from tests.fake_children import NEVER_SILENT, SETTINGS, FakeChild, Script, nothing, stop_after, supervise
from tests.virtual_time import run_virtual


def test_a_crashing_process_is_started_again_with_growing_waits() -> None:
    """Waits double from the first to the largest while the process dies at once."""
    script = Script(lambda: FakeChild(lives_s=0.0))
    supervise(script.launch, stop_after(200.0))
    waits = [later - earlier for earlier, later in zip(script.started_s, script.started_s[1:], strict=False)]
    assert [1, 2, 4, 8, 16, 32, 60, 60] == waits[:8]


def test_a_stable_run_resets_the_wait() -> None:
    """After a run longer than the stable time the next wait is the first one again."""
    script = Script(*[lambda: FakeChild(lives_s=0.0)] * 3, lambda: FakeChild(lives_s=120.0), FakeChild)
    supervise(script.launch, stop_after(150.0), settings=NEVER_SILENT)
    assert [0, 1, 3, 7, 128] == [started_s - script.started_s[0] for started_s in script.started_s]


def test_a_configuration_error_is_not_started_again() -> None:
    """A process that exits with 2 stays down, is shown as refused, and gives its code."""
    script = Script(lambda: FakeChild(code=2, lives_s=0.0))
    code, supervisor = supervise(script.launch, nothing)
    assert code == 2
    assert len(script.children) == 1
    assert supervisor.statuses()["a"] == {
        "destination": "a",
        "state": "refused",
        "reason": "exit_2",
        "ready": False,
        "restart_count": 0,
    }


@pytest.mark.parametrize("state", ["running", "paused", "drained"])
def test_a_configuration_that_was_broken_while_a_process_ran_is_tried_until_it_is_mended(state: State) -> None:
    """A crash while somebody edits the file does not end the destination for good, also not one that was paused."""
    script = Script(
        lambda: FakeChild(lives_s=10.0), *[lambda: FakeChild(code=2, lives_s=0.0)] * 3, lambda: FakeChild(stops_in_s=0)
    )

    async def during(supervisor: Supervisor) -> None:
        await asyncio.sleep(5.0)
        script.heard[0](StatusReport(destination="a", state=state))
        await asyncio.sleep(6.5)
        assert (supervisor.statuses()["a"]["state"], supervisor.statuses()["a"]["reason"]) == ("restarting", "exit_2")
        await asyncio.sleep(40.0)
        supervisor.request_stop()

    code, _ = supervise(script.launch, during)
    assert (code, len(script.children)) == (0, 5)


def test_one_refused_destination_leaves_the_others_running() -> None:
    """The others run until they are stopped; the exit code then tells that not all was well."""
    children = {"bad": lambda: FakeChild(code=2, lives_s=0.0), "good": FakeChild}

    async def launch(name: str, _: Heard) -> FakeChild:
        return children[name]()

    async def during(supervisor: Supervisor) -> None:
        await asyncio.sleep(10.0)
        states = {name: report["state"] for name, report in supervisor.statuses().items()}
        assert states == {"bad": "refused", "good": "starting"}
        supervisor.request_stop()

    code, _ = supervise(launch, during, ("bad", "good"))
    assert code == 1


def test_stopping_asks_every_process_and_waits_for_it() -> None:
    """Each process gets one SIGTERM, no SIGKILL, is reaped, and the exit code is 0."""
    script = Script(lambda: FakeChild(stops_in_s=20.0))
    code, supervisor = supervise(script.launch, stop_after(5.0), ("a", "b", "c"))
    assert code == 0
    assert [["terminate"]] * 3 == [child.orders for child in script.children]
    assert all(child.reaped for child in script.children)
    assert {"stopped"} == {report["state"] for report in supervisor.statuses().values()}


def test_a_process_that_does_not_stop_is_killed_at_the_deadline() -> None:
    """After the time for stopping SIGKILL follows, and the exit code says that this was no clean end."""
    script = Script(lambda: FakeChild(stops_in_s=None))
    code, _ = supervise(script.launch, stop_after(5.0))
    assert code == 1
    assert [["terminate", "kill"]] == [child.orders for child in script.children]


def test_a_second_order_to_stop_kills_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """Somebody who asks twice does not want to wait for the deadline; the log says who was killed for it."""

    async def twice(supervisor: Supervisor) -> None:
        await asyncio.sleep(5.0)
        supervisor.request_stop()
        await asyncio.sleep(1.0)
        ended_s.append(asyncio.get_running_loop().time())
        supervisor.request_stop()

    ended_s: list[float] = []
    script = Script(lambda: FakeChild(stops_in_s=None))
    supervise(script.launch, twice)
    assert script.children[0].orders == ["terminate", "kill"]
    assert ended_s[0] - script.started_s[0] == 6.0
    assert "told to stop a second time, killing processes" in caplog.messages


def test_stopping_during_the_wait_for_a_restart_starts_nothing_more() -> None:
    """A destination that waits for its restart ends without another process, and that is a clean end."""
    script = Script(lambda: FakeChild(lives_s=0.0))
    code, _ = supervise(script.launch, stop_after(0.5))
    assert code == 0
    assert len(script.children) == 1


def test_stopping_before_anything_is_started_starts_nothing() -> None:
    """An order to stop that comes first is obeyed."""

    async def main() -> int:
        supervisor = Supervisor(["a"], script.launch, SETTINGS)
        supervisor.request_stop()
        return await supervisor.run()

    script = Script(FakeChild)
    assert run_virtual(main()) == 0
    assert script.children == []


def test_stopping_while_a_process_is_being_started_stops_it() -> None:
    """A process that comes up after the order to stop is asked to end as well."""

    async def launch(name: str, heard: Heard) -> FakeChild:
        await asyncio.sleep(5.0)
        return await script.launch(name, heard)

    script = Script(FakeChild)
    code, _ = supervise(launch, stop_after(1.0))
    assert code == 0
    assert script.children[0].orders == ["terminate"]


def test_a_silent_process_is_killed_and_started_again() -> None:
    """A process that reports nothing hangs: it is killed after the limit, and a restart follows."""
    script = Script(FakeChild)
    _, supervisor = supervise(script.launch, stop_after(62.0))
    assert [0, 61] == [started_s - script.started_s[0] for started_s in script.started_s]
    assert script.children[0].orders == ["kill"]
    assert supervisor.statuses()["a"]["restart_count"] == 1


def test_a_process_that_says_that_only_a_restart_can_help_is_restarted() -> None:
    """Its reports are no sign of life: the limit runs from the last one that was, whatever comes after it."""

    async def during(supervisor: Supervisor) -> None:
        for number in range(13):
            await asyncio.sleep(10.0)
            script.heard[0](StatusReport(destination="a", state="running", ready=True, alive=number < 5))
        supervisor.request_stop()

    script = Script(FakeChild)
    supervise(script.launch, during)
    assert script.children[0].orders == ["kill"]
    assert [0, 111] == [started_s - script.started_s[0] for started_s in script.started_s]


def test_a_process_that_stood_by_has_run() -> None:
    """Its configuration was good once: a broken one later is tried again until it is mended."""

    async def during(supervisor: Supervisor) -> None:
        await asyncio.sleep(1.0)
        script.heard[0](StatusReport(destination="a", state="standby", reason="no_partitions"))
        await asyncio.sleep(1.5)
        assert supervisor.statuses()["a"]["state"] == "restarting"
        supervisor.request_stop()

    script = Script(lambda: FakeChild(code=2, lives_s=2.0))
    supervise(script.launch, during)


def test_a_process_that_reports_is_left_alone_and_shown() -> None:
    """Reports push the limit back, and the latest one is what the status shows."""

    async def during(supervisor: Supervisor) -> None:
        for number in range(5):
            await asyncio.sleep(50.0)
            script.heard[0](StatusReport(destination="a", state="running", ready=True, gauges={"n": number}))
        assert supervisor.statuses()["a"]["gauges"] == {"n": 4}
        assert supervisor.statuses()["a"]["ready"]
        supervisor.request_stop()

    script = Script(FakeChild)
    supervise(script.launch, during)
    assert [["terminate"]] == [child.orders for child in script.children]


def test_counts_survive_the_end_of_their_process() -> None:
    """What a process had counted stays visible while it is restarted, with the state of now."""

    async def during(supervisor: Supervisor) -> None:
        await asyncio.sleep(1.0)
        script.heard[0](StatusReport(destination="a", state="running", ready=True, gauges={"n": 7}))
        await asyncio.sleep(1.5)
        report = supervisor.statuses()["a"]
        assert (report["state"], report["reason"], report["ready"]) == ("restarting", "exit_1", False)
        assert report["gauges"] == {"n": 7}
        supervisor.request_stop()

    script = Script(lambda: FakeChild(lives_s=2.0))
    supervise(script.launch, during)


def test_a_process_that_cannot_be_started_is_tried_again() -> None:
    """An error of the system at the start counts as a failure, with its wait."""

    async def launch(name: str, heard: Heard) -> FakeChild:
        attempts_s.append(asyncio.get_running_loop().time())
        if len(attempts_s) == 1:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return await script.launch(name, heard)

    attempts_s: list[float] = []
    script = Script(FakeChild)
    code, _ = supervise(launch, stop_after(5.0))
    assert code == 0
    assert [0, 1] == [attempt_s - attempts_s[0] for attempt_s in attempts_s]


def test_cancelling_leaves_no_process_behind() -> None:
    """A supervisor that is cancelled kills and reaps what it started."""

    async def main() -> None:
        running = asyncio.create_task(Supervisor(["a", "b"], script.launch, SETTINGS).run())
        await asyncio.sleep(1.0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    script = Script(FakeChild)
    run_virtual(main())
    assert all("kill" in child.orders and child.reaped for child in script.children)


def test_a_bug_in_one_keeper_leaves_no_process_behind() -> None:
    """An exception that nobody expects ends the supervisor, and with it every process."""

    async def launch(name: str, heard: Heard) -> FakeChild:
        if name == "bug":
            await asyncio.sleep(1.0)
            raise LookupError(name)
        return await script.launch(name, heard)

    script = Script(FakeChild)
    with pytest.raises(LookupError):
        supervise(launch, nothing, ("good", "bug"))
    assert all("kill" in child.orders and child.reaped for child in script.children)


@pytest.mark.parametrize(
    ("codes", "expected"), [([], 0), ([0, 0], 0), ([2, 2], 2), ([0, 2], 1), ([0, -9], 1), ([None], 1)]
)
def test_exit_code_for_all(codes: list[int | None], expected: int) -> None:
    """All fine is 0, all refused is 2, anything else is 1."""
    assert expected == combined_code(codes)


def test_an_order_to_reload_reaches_processes_that_can_take_it() -> None:
    """One that has reported gets it; one that was just started would be ended by it; after the stop nobody does."""

    async def during(supervisor: Supervisor) -> None:
        await asyncio.sleep(1.0)
        supervisor.request_reload()
        script.heard[0](StatusReport(destination="a", state="running"))
        supervisor.request_reload()
        supervisor.request_stop()
        supervisor.request_reload()

    script = Script(FakeChild)
    supervise(script.launch, during)
    assert script.children[0].orders == ["reload", "terminate"]


def test_a_restarted_process_has_to_report_anew() -> None:
    """What the process before it said tells nothing of its signals."""

    async def during(supervisor: Supervisor) -> None:
        await asyncio.sleep(1.0)
        script.heard[0](StatusReport(destination="a", state="running"))
        await asyncio.sleep(59.0)
        supervisor.request_reload()
        supervisor.request_stop()

    script = Script(lambda: FakeChild(lives_s=10.0), FakeChild)
    supervise(script.launch, during)
    assert script.children[-1].orders == ["terminate"]
