"""The status page in a real Chromium: what it shows, to whom it is readable, and what it never does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Route

from tests.chromium import browser as running_browser
from tests.chromium import required_executable
from tests.status_page_images import FOLDER, MAX_BYTES, VIEWS
from tests.status_page_tab import DESKTOP, INTERVAL_MS, PHONE, Bridge, now_ms, tab
from tests.status_reports import report, tally

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One browser for the tests of this file."""
    async with running_browser(required_executable()) as opened:
        yield opened


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_it_can_be_read(browser: Browser, viewport: dict[str, int], scheme: str) -> None:
    """On a phone and a desk, light and dark: texts have contrast, nothing sticks out, no colour says anything alone.

    Headings step down one at a time, tables and curves have names, cells say what they head.
    """
    async with tab(browser, viewport=viewport, color_scheme=scheme) as opened:
        await opened.page.locator("details").evaluate_all("all => all.forEach(each => { each.open = true; })")
        for is_stale in (False, True):
            opened.bridge.is_down = is_stale
            if is_stale:
                await opened.next_answer()
                await opened.page.locator("#stale").wait_for(state="visible")
            found = await opened.checks()
            assert found["textCount"] > 100
            assert (found["backdropLuminance"] < 0.2) is (scheme == "dark")
            assert found["faint"] == []
            assert found["faintCurves"] == []
            assert (found["overflow"], found["wide"]) == (0, [])
            assert found["headings"][0] == 1
            assert all(
                after - before <= 1 for before, after in zip(found["headings"], found["headings"][1:], strict=False)
            )
            for nothing in (
                "unnamedTables",
                "cellsWithoutScope",
                "rowsWithoutHead",
                "unnamedImages",
                "articlesWithoutName",
            ):
                assert found[nothing] == 0, nothing
            assert (found["repeatedIds"], found["smallTargets"], found["landmarks"]) == ([], [], [])
            assert found["language"] == "en"
            assert found["states"] == [
                ["bad", "▲ Held"],
                ["ok", "● Running"],
                ["wait", "◐ Running"],
                ["bad", "▲ Restarting"],
            ]


async def test_it_shows_what_operators_ask_for(browser: Browser) -> None:
    """State and reason in words, lag, circuit, hold, failures, outcomes, partitions, owner, versions, reload."""
    async with tab(browser) as opened:
        assert "4 destinations: 1 held, 2 running, 1 restarting. 2 need attention." in await opened.text("#sum")
        held = await opened.text("article >> nth=0")
        for shown in (
            "moesif-prod",
            "Held",
            "The vendor refuses the key.",
            "reason: http_401",
            "144,990",
            "11 min",
            "highest 144,990 in the last 30 min",
            "http_401: status 401",
            "process 4711 on ",
            "3fa9c07e51bd",
            "no_subscription",
            "no_identity",
            "Consumed",
            "Dead-lettered",
            "turned 0 s ago",
        ):
            assert shown in held, shown
        running = await opened.text("article >> nth=1")
        assert "It reads and delivers." in running
        assert "Request failed: events\thttp_503\t7" in running
        assert "applied 15 min ago" in running
        assert "The vendor asked for a pause" in await opened.text("article >> nth=2")
        assert "Its process ended with code 1." in await opened.text("article >> nth=3")
        await opened.page.locator("article >> nth=0 >> summary").click()
        assert "segment.events / 0\t72,495\t11 min" in await opened.text("article >> nth=0 >> details")
        assert await opened.page.title() == "(2!) segment-bridge"


async def test_values_move_and_destinations_come_and_go(browser: Browser) -> None:
    """Each answer replaces the one before; what is open or focused stays so."""
    async with tab(browser) as opened:
        page = opened.page
        await page.locator("summary >> nth=1").click()
        await page.locator("#all a >> nth=1").focus()
        at_ms = now_ms()
        opened.bridge.reports = {
            "moveo-prod": report("moveo-prod", "moveo", "running", at_ms, tally=tally(1_600_000).report()),
            "new": report(
                "new",
                "kafka",
                "standby",
                at_ms,
                reason="no_partitions",
                partitions=[],
                details={"operator": {"wanted": "running", "by": "ada", "since": "2026-11-29T12:00:00Z", "reason": ""}},
            ),
        }
        await opened.next_answer()
        await page.locator("article >> nth=1 >> h2", has_text="new").wait_for()
        assert await page.locator("article").count() == 2
        assert "1,600,000" in await opened.text("article >> nth=0")
        assert "Standing by" in await opened.text("article >> nth=1")
        assert "takes over when another one ends" in await opened.text("article >> nth=1")
        assert "running by ada since 2026-11-29T12:00:00Z" in await opened.text("article >> nth=1")
        assert await page.evaluate("document.activeElement.textContent") == "moveo-prod"
        assert await page.locator("details >> nth=0").get_attribute("open") is not None
        assert await page.title() == "segment-bridge"


HOSTILE = "<img src=x onerror=\"window.hurt='yes'\"><script>window.hurt='yes'</script>" + "W" * 300


async def test_hostile_names_are_shown_as_text(browser: Browser) -> None:
    """Whatever stands where a name, a reason or a topic is expected is read, never run, and does not break a phone."""
    bridge = Bridge()
    counts = tally(10)
    counts.retry(HOSTILE, HOSTILE)
    hostile: Any = report(
        HOSTILE,
        HOSTILE,
        "running",
        now_ms(),
        reason=HOSTILE,
        mapping_hash=HOSTILE,
        version=HOSTILE,
        tally=counts.report(),
        partitions=[{"topic": HOSTILE, "partition": 0, "lag": 1, "time_lag_s": 1.0, "committed": 1, "end": 2}],
        details={"gate": HOSTILE, "hold": HOSTILE, "last_delivery_ms": HOSTILE},
        reload={"results": {}, "last_result": HOSTILE, "last_ms": 1, "needs_restart": [HOSTILE]},
    )
    odd: Any = {"state": HOSTILE, "reason": "__proto__", "partitions": [{}], "gauges": {"in_flight_requests": HOSTILE}}
    bridge.reports = {HOSTILE: hostile, "constructor": odd}
    async with tab(browser, bridge, viewport=PHONE) as opened:
        await opened.page.locator("summary >> nth=0").click()
        await opened.next_answer()
        assert await opened.page.locator("article >> nth=0 >> h2").text_content() == HOSTILE
        assert (await opened.text("article >> nth=0")).count("onerror") >= 8
        assert HOSTILE in str(await opened.page.locator("article >> nth=1 >> .state").text_content())
        assert await opened.page.locator("img").count() == 0
        assert await opened.page.evaluate("window.hurt") is None
        found = await opened.checks()
        assert (found["overflow"], found["wide"]) == (0, [])


async def test_an_empty_answer_breaks_nothing(browser: Browser) -> None:
    """A destination whose process has said nothing yet is starting, and what is unknown is no zero."""
    bridge = Bridge()
    bridge.reports = {"a": {}}
    async with tab(browser, bridge) as opened:
        text = await opened.text("article")
        assert "Starting" in text
        assert "unknown" in text
        assert "NaN" not in text
        assert "undefined" not in text


async def test_a_bridge_that_does_not_answer_is_told_with_the_time_since_when(browser: Browser) -> None:
    """The values stay, marked as stale, until it answers again."""
    async with tab(browser) as opened:
        updated = (await opened.text("#when")).removeprefix("Updated ").removesuffix(".")
        opened.bridge.is_down = True
        await opened.next_answer()
        stale = opened.page.locator("#stale")
        await stale.wait_for(state="visible")
        assert await stale.inner_text() == f"▲ The bridge does not answer. Stale since {updated}."
        assert await stale.get_attribute("role") == "alert"
        assert await opened.page.title() == "(stale) segment-bridge"
        assert "144,990" in await opened.text("article >> nth=0")
        opened.bridge.is_down = False
        await opened.next_answer()
        await stale.wait_for(state="hidden")
        assert await opened.page.title() == "(2!) segment-bridge"


async def test_nobody_is_asked_while_nobody_looks(browser: Browser) -> None:
    """A hidden page stops asking, and asks at once when it is looked at again."""
    async with tab(browser) as opened:
        see = """state => {
            Object.defineProperty(document, "visibilityState", {value: state, configurable: true});
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
        await opened.next_answer()
        await opened.page.evaluate(see, "hidden")
        before = opened.bridge.asked_count
        await opened.page.clock.run_for(20 * INTERVAL_MS)
        await opened.page.evaluate(
            "fetch('livez').then(answer => answer.status)"
        )  # anything sent before it has arrived
        opened.requested.discard(f"{opened.url}livez")
        assert opened.bridge.asked_count == before
        async with opened.page.expect_response(f"{opened.url}status"):
            await opened.page.evaluate(see, "visible")
            await opened.page.clock.run_for(1)
        assert opened.bridge.asked_count == before + 1


async def test_it_works_with_the_keyboard(browser: Browser) -> None:
    """Tab reaches everything that acts, what has the focus is outlined, and updates can be paused."""
    async with tab(browser) as opened:
        page, reached = opened.page, []
        for _ in range(30):
            await page.keyboard.press("Tab")
            name, outline = await page.evaluate(
                "[document.activeElement.textContent, getComputedStyle(document.activeElement).outlineStyle]"
            )
            reached.append(name)
            assert outline == "solid", name
            if name == "Ready?":
                break
        assert reached[:4] == ["Skip to the destinations", "Pause updates", "moesif-prod", "moveo-prod"]
        assert reached[6:] == [
            *["Partitions owned: 3"] * 3,
            "Partitions owned: 0",
            "Status as JSON",
            "Metrics",
            "Alive?",
            "Ready?",
        ]
        await page.locator("#pause").focus()
        await page.keyboard.press("Space")
        assert await page.locator("#pause").get_attribute("aria-pressed") == "true"
        assert "Updates are paused; values are of" in await opened.text("#when")
        before = opened.bridge.asked_count
        await page.clock.run_for(10 * INTERVAL_MS)
        await page.evaluate("fetch('livez').then(answer => answer.status)")
        opened.requested.discard(f"{opened.url}livez")
        assert opened.bridge.asked_count == before
        await page.locator("summary >> nth=0").focus()
        await page.keyboard.press("Enter")
        assert await page.locator("details >> nth=0").get_attribute("open") is not None


@pytest.mark.parametrize(("motion", "scrolling"), [("reduce", "auto"), ("no-preference", "smooth")])
async def test_nothing_moves_for_whom_it_must_not(browser: Browser, motion: str, scrolling: str) -> None:
    """Where less motion is asked for nothing scrolls smoothly, and nothing is ever animated."""
    async with tab(browser, reduced_motion=motion) as opened:
        found = await opened.checks()
        assert (found["animations"], found["scrolling"]) == (0, scrolling)


FORBIDDEN = {
    "document.body.innerHTML = '<p>';": "require-trusted-types-for",
    "document.createElement('script').src = 'a.js';": "require-trusted-types-for",
    "setTimeout('window.hurt = 1');": "require-trusted-types-for",
    "document.head.append(Object.assign(document.createElement('style'), {textContent: 'p{}'}));": "style-src-elem",
    "document.body.setAttribute('style', 'color: red');": "style-src-attr",
    "document.body.append(Object.assign(document.createElement('img'), {src: 'status'}));": "img-src",
    "fetch('http://127.0.0.1:9/').catch(() => 0);": "connect-src",
    "document.body.append(Object.assign(document.createElement('iframe'), {src: 'status'}));": "frame-src",
}


async def test_the_browser_keeps_the_policy(browser: Browser) -> None:
    """What the page never does would not be let through either: the policy is in force and not only sent."""
    listen = 'document.addEventListener("securitypolicyviolation", one => done(one.effectiveDirective), {once: true});'
    async with tab(browser) as opened:
        for attempt, directive in FORBIDDEN.items():
            code = f"() => new Promise(done => {{ {listen} try {{ {attempt} }} catch {{}} }})"
            assert await opened.page.evaluate(code) == directive, attempt
        opened.complaints.clear()
        opened.requested.clear()


async def test_the_pictures_of_the_documentation_are_small_and_shown() -> None:
    """Each picture that the command writes is in the repository, below its limit, and on the page of operations."""
    text = (FOLDER.parent / "operations.md").read_text(encoding="utf-8")
    for name in VIEWS:
        assert 10_000 < (FOLDER / name).stat().st_size <= MAX_BYTES
        assert f"(images/{name})" in text


async def test_the_bridge_is_asked_no_more_often_than_it_answers(browser: Browser) -> None:
    """A slow bridge has one question at a time: the next is asked a pause after the answer."""
    async with tab(browser) as opened:
        gate = asyncio.Event()

        async def slowly(route: Route) -> None:
            await gate.wait()
            await route.continue_()

        before = opened.bridge.asked_count
        await opened.page.route("**/status", slowly)
        async with opened.page.expect_request(f"{opened.url}status"):
            await opened.page.clock.run_for(INTERVAL_MS)
        await opened.page.clock.run_for(INTERVAL_MS)
        async with opened.page.expect_response(f"{opened.url}status") as answer:
            gate.set()
        assert json.loads(await (await answer.value).text())["destinations"]
        assert opened.bridge.asked_count == before + 1
