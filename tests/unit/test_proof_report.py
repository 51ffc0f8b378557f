"""The page about the proof: what it says, and how it reads the tests' results."""

from __future__ import annotations

import re

import msgspec
import pytest

from benchmarks.machine import Machine, cpu_model, memory_gb, this_machine
from benchmarks.proof import FailedError, cases_of
from benchmarks.proof_report import FAULTS, Case, Measurement, Report, Suite, render
from tests.ledger.figures import RunFigures, VendorFigures
from tests.markdown_pages import rows

MOVEO = VendorFigures("moveo", 99_100, 801, 1, 1, 1, {"status_500": 41, "drop_after": 7}, 350, 7_500, 120, 1_234)
MOESIF = VendorFigures("moesif", 101_000, 790, 2, 1, 1, {"status_500": 39, "something_new": 2}, 0, 5_000, 0, 1_230)
RUN = RunFigures(7, 100_000, 5_000, 12, 2, 2_000, 312.4, [MOVEO, MOESIF])
REPORT = Report(
    commit="0123456789ab",
    is_clean=True,
    seed=7,
    machine=Machine("Example CPU at 2 GHz", 2, 16, "Debian GNU/Linux 12", "3.11.7", 55),
    software="Kafka 4.1.0, librdkafka 2.16.0",
    scenarios=Suite("SEED=7 python -m pytest -m proof tests", [Case("tests/a.py::test_b", 340.2, RUN)], 350.0),
    properties=[Suite("python -m pytest tests/property --hypothesis-seed=8", [Case("t", 1.0)] * 3, 61.0)],
    measurements=[Measurement("python -m benchmarks.memory", "| idle MB |\n|---|\n| 70 |\n")],
)


def results(*cases: str) -> str:
    """Return a JUnit file with these tests."""
    return f'<testsuites><testsuite name="pytest">{"".join(cases)}</testsuite></testsuites>'


def test_the_page_says_on_what_its_figures_rest() -> None:
    """Commit, seed, machine and versions; a tree that is not the commit is called so."""
    told = dict(rows(render(REPORT), "what", "value"))
    assert told == {
        "commit": "0123456789ab",
        "seed": "`7`; `SEED=7 make proof` makes the same choices",
        "machine": "Example CPU at 2 GHz, 2 cores, 16 GB",
        "speed": "plain Python adds a number in 55 ns",
        "system": "Debian GNU/Linux 12, Python 3.11.7",
        "software": "Kafka 4.1.0, librdkafka 2.16.0",
    }
    changed = dict(rows(render(REPORT._replace(is_clean=False)), "what", "value"))
    assert changed["commit"] == "`0123456789ab`, with changes that were not committed"


def test_the_page_tells_every_figure_of_every_vendor() -> None:
    """A column for each vendor; a fault that hit only one of them has a zero for the other; new kinds are shown."""
    found = rows(render(REPORT), "figure", "moveo", "moesif")
    assert found == [
        ["payloads that the vendor took in", "99,100", "101,000"],
        ["dead letters", "801", "790"],
        ["processes killed", "1", "2"],
        ["processes joined and left in order", "1 and 1", "1 and 1"],
        [FAULTS["status_500"], "41", "39"],
        [FAULTS["drop_after"], "7", "0"],
        ["something_new", "0", "2"],
        ["records repeated when partitions moved, and the most that may be", "350 of 7,500", "0 of 5,000"],
        ["payloads repeated behind a cut answer", "120", "0"],
        ["looks at the group from outside", "1,234", "1,230"],
    ]
    assert "100,000 events of 5,000 users over 12 partitions went through 2 processes" in render(REPORT)
    single = REPORT.scenarios._replace(cases=[Case("t", 1.0, msgspec.structs.replace(RUN, processes_per_vendor=1))])
    assert "through one process for each destination" in render(REPORT._replace(scenarios=single))


def test_the_page_tells_property_tests_and_benchmarks_with_their_commands() -> None:
    """Each figure stands beside the command that made it; benchmarks that did not run are not passed over."""
    page = render(REPORT)
    assert rows(page, "command", "tests", "seconds") == [
        ["python -m pytest tests/property --hypothesis-seed=8", "3", "61"]
    ]
    assert "```console\npython -m benchmarks.memory\n```\n\n| idle MB |\n|---|\n| 70 |\n" in page
    assert "left out of this run" not in page
    assert "left out of this run" in render(REPORT._replace(measurements=[]))


def test_the_page_is_written_as_pages_are() -> None:
    """One sentence on a line, blank lines around tables, an end of line at the end."""
    page = render(REPORT)
    prose = [line for line in page.splitlines() if line and not line.startswith(("|", "#", "`"))]
    assert [] == [line for line in prose if re.search(r"[.!?] +[A-Z`]", line)]
    assert "\n\n\n" not in page
    assert page.endswith("|\n")


def test_results_of_tests_are_read_with_their_figures() -> None:
    """Names as pytest takes them, durations, and figures where a test wrote some."""
    said = msgspec.json.encode(RUN).decode().replace('"', "&quot;")
    written = f'<properties><property name="figures" value="{said}" /></properties>'
    assert cases_of(
        results(
            f'<testcase classname="tests.chaos.test_proof" name="test_a" time="3.5">{written}</testcase>',
            '<testcase classname="tests.chaos.test_other" name="test_b[1]" time="0.25" />',
        )
    ) == [Case("tests/chaos/test_proof.py::test_a", 3.5, RUN), Case("tests/chaos/test_other.py::test_b[1]", 0.25)]


@pytest.mark.parametrize("cases", [(), ('<testcase classname="t" name="a" time="0"><skipped /></testcase>',)])
def test_results_without_tests_prove_nothing(cases: tuple[str, ...]) -> None:
    """Neither does a test that was skipped."""
    with pytest.raises(FailedError):
        cases_of(results(*cases))


def test_the_machine_is_described_without_its_name() -> None:
    """Model and memory as the kernel tells them; some processors give no name."""
    assert cpu_model("processor\t: 0\nmodel name\t: Example CPU @ 2.00GHz\nflags\t: fpu\n") == "Example CPU @ 2.00GHz"
    assert cpu_model("processor\t: 0\nBogoMIPS\t: 50\n")
    assert memory_gb("MemTotal:       16384000 kB\nMemFree: 1 kB\n") == 17
    found = this_machine()
    assert found.core_count >= 1
    assert found.memory_gb >= 1
    assert re.fullmatch(r"3\.\d+\.\d+\S*", found.python)
