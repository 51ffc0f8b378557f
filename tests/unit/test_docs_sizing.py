"""The page of sizing computes with the code's defaults and the figures of the benchmarks."""

from __future__ import annotations

import functools
import json
import math
import random
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from benchmarks.stages import SETTINGS
from benchmarks.work import MAIN_ENDPOINTS, standard_event
from processor.delivery.schedule import LANE_SHARE, effective_endpoints, effective_settings, window_count
from processor.delivery.settings import DeliverySettings
from processor.destinations import destination_class
from processor.destinations.base import Destination, Endpoint
from processor.destinations.moengage.settings import MoEngageSettings
from processor.destinations.plan import Plan
from processor.model import Record
from processor.source.settings import ConsumerSettings
from tests.markdown_pages import page_text, rows

PAGE = page_text("docs/sizing.md")
NAMES = {"moveo": "Moveo One", "moesif": "Moesif", "moengage": "MoEngage"}
RATES = (100, 1_000, 10_000)
LATENCY_S = 0.2
SPARE = 2
CORE_SHARE = 0.5
LEAST_PROCESSES = 2
LEAST_PARTITIONS = 6
RAISED_BATCH = 200
NOW_MS = 1_796_000_000_000


def benchmark(vendor: str, column: int) -> float:
    """Return a figure of the benchmark of throughput."""
    table = rows(
        page_text("docs/benchmarks.md"),
        *("vendor", "program", "events/s on one core", "events per CPU second", "CPU us per event", "peak memory MB"),
    )
    (line,) = (line for line in table if line[:2] == [NAMES[vendor], "bridge"])
    return float(line[column].replace(",", ""))


class Sizing:
    """What the page's formulas give for a vendor with some settings beside its defaults."""

    def __init__(self, vendor: str, **settings: Any) -> None:  # noqa: ANN401 - plain settings
        """Take the vendor's defaults for what is not given."""
        kind = destination_class(vendor)
        given = SETTINGS[vendor] | settings
        model = kind.settings_model.model_validate(given, context={"plain_secrets": True})
        self.vendor = vendor
        self.destination: Destination = kind.create(vendor, model)
        self.delivery = effective_settings(self.destination, DeliverySettings())
        self.endpoints: Mapping[str, Endpoint] = effective_endpoints(self.destination, self.delivery)

    @property
    def endpoint(self) -> Endpoint:
        """Return the one that track events go to."""
        return self.endpoints[MAIN_ENDPOINTS[self.vendor]]

    @functools.cached_property
    def payload_bytes(self) -> int:
        """Return what the standard event comes to, rounded up to fifty bytes."""
        event = json.loads(standard_event(0, "u-1", random.Random(1)))
        payloads = Plan.compile(self.destination, "default").map(event, Record("t", 0, 0, NOW_MS), NOW_MS).payloads
        return math.ceil(sum(len(payload.body) for payload in payloads) / 50) * 50

    @property
    def batch(self) -> int:
        """Return the payloads of a full request."""
        return min(self.endpoint.max_batch_count, self.endpoint.max_body_bytes // self.payload_bytes)

    @property
    def by_vendor(self) -> float:
        """Return the events a second that a process gets rid of."""
        return self.delivery.max_in_flight * self.batch / LATENCY_S

    @property
    def by_core(self) -> float:
        """Return the events a second that a core is planned for."""
        return benchmark(self.vendor, 2) * CORE_SHARE

    @property
    def of_one_user(self) -> float:
        """Return the events a second of a single user."""
        return self.batch / LATENCY_S

    def processes(self, rate: int) -> int:
        """Return how many processes a rate needs."""
        return max(LEAST_PROCESSES, math.ceil(SPARE * rate / min(self.by_vendor, self.by_core)))


def number(value: float) -> str:
    """Return a number as the page writes it."""
    return f"{value:,.0f}"


def one_process() -> Iterator[list[str]]:
    """Yield the lines of the table of one process."""
    for vendor, name in NAMES.items():
        sizing = Sizing(vendor)
        figures = (sizing.payload_bytes, sizing.batch, sizing.by_vendor, sizing.by_core, sizing.of_one_user)
        yield [name, *map(number, figures)]


def worked(rate: int, name: str, sizing: Sizing) -> list[str]:
    """Return a line of the worked table."""
    count = sizing.processes(rate)
    commits = count / (ConsumerSettings().commit_interval_ms / 1000)
    cores = rate * benchmark(sizing.vendor, 4) / 1e6
    memory = count * benchmark(sizing.vendor, 5)
    figures = (count, max(LEAST_PARTITIONS, SPARE * count), rate / sizing.batch, commits)
    requests = f"{rate / sizing.batch:.2g}" if rate / sizing.batch < 10 else number(rate / sizing.batch)
    cells = [number(figure) for figure in figures]
    cells[2] = requests
    return [number(rate), name, *cells, f"{cores:.2f}", number(memory)]


def worked_table() -> Iterator[list[str]]:
    """Yield the lines of the worked table."""
    for rate in RATES:
        for vendor, name in NAMES.items():
            yield worked(rate, name, Sizing(vendor))
        yield worked(rate, f"{NAMES['moveo']}, `batch_size: {RAISED_BATCH}`", Sizing("moveo", batch_size=RAISED_BATCH))


ONE_PROCESS = (
    "vendor",
    "bytes of a payload",
    "payloads in a request",
    "events/s by the vendor",
    "events/s by one core",
    "events/s of one user",
)
WORKED = ("events/s", "vendor", "processes", "partitions", "requests/s", "commits/s", "cores", "memory, MB")


def test_one_process_is_what_the_formulas_give() -> None:
    """Each vendor's line follows from its contract, `max_in_flight` and the benchmark."""
    assert list(one_process()) == rows(PAGE, *ONE_PROCESS)


def test_the_worked_table_is_what_the_formulas_give() -> None:
    """Each rate of each vendor follows from the line of one process and the defaults."""
    assert list(worked_table()) == rows(PAGE, *WORKED)


@pytest.mark.parametrize("vendor", NAMES)
def test_the_window_is_the_codes(vendor: str) -> None:
    """Records and bytes of the window are those of the defaults."""
    sizing = Sizing(vendor)
    (line,) = (line for line in rows(PAGE, "vendor", "records", "bytes") if line[0] == NAMES[vendor])
    records = window_count(sizing.delivery, sizing.endpoints)
    assert [NAMES[vendor], number(records), number(sizing.delivery.max_window_bytes)] == line


def test_defaults_that_the_page_names() -> None:
    """A default that stands beside its setting is the code's."""
    delivery, consumer, moengage = DeliverySettings(), ConsumerSettings(), MoEngageSettings.model_fields
    expected = {
        "delivery.max_in_flight": delivery.max_in_flight,
        "kafka.consumer.commit_interval_ms": consumer.commit_interval_ms,
        "kafka.consumer.queued_max_kbytes": consumer.queued_max_kbytes,
        "delivery.dedupe_window_count": delivery.dedupe_window_count,
        "delivery.max_window_bytes": delivery.max_window_bytes,
        "delivery.attempt_timeout_s": delivery.attempt_timeout_s,
        "events_per_minute": moengage["events_per_minute"].default,
        "users_per_minute": moengage["users_per_minute"].default,
        "fair_use_share": moengage["fair_use_share"].default,
    }
    told = dict(rows(PAGE, "setting", "default"))
    assert told == {
        f"{name}": f"{value:g}" if isinstance(value, float) else number(value) for name, value in expected.items()
    }


def test_the_topic_grows_as_the_page_says() -> None:
    """A day's bytes follow from the rate and the standard event."""
    record_bytes = math.ceil(len(standard_event(0, "u-1", random.Random(1))) / 50) * 50
    assert f"| {record_bytes}, a track event" in PAGE
    expected = [[number(rate), number(rate * record_bytes * 86_400 / 1e9)] for rate in RATES]
    assert expected == rows(PAGE, "events/s", "GB a day, one replica")


def test_a_user_may_fill_a_quarter_of_the_window() -> None:
    """The page calls by its name what the code has as a number."""
    assert {4: "a quarter"}[LANE_SHARE] in PAGE
