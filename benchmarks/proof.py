"""The long proof: the tests under faults, more property examples, the benchmarks, and a page about all of it.

`python -m benchmarks.proof [--rounds N] [--no-benchmarks]`, or `make proof`. `SEED` of the environment repeats a run.
The page is written only when everything has passed.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import confluent_kafka
import msgspec

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.__main__ import PROGRAMS  # noqa: E402 - the path is set above
from benchmarks.machine import this_machine  # noqa: E402 - as above
from benchmarks.proof_report import Case, Measurement, Report, Suite, render  # noqa: E402 - as above
from tests.kafka_jars import KAFKA_VERSION  # noqa: E402 - as above
from tests.ledger.figures import RunFigures  # noqa: E402 - as above

PAGE = ROOT / "docs" / "proof.md"
SCENARIO_S = 2_400.0
PROPERTY_S = 900.0
BENCHMARK_S = 900.0
GRACE_S = 120.0
"""What a program may take to clean up after itself once its time is over."""


class FailedError(Exception):
    """A part of the proof failed; the text says which."""


def main() -> int:
    """Prove, measure, write the page; return 1 when something failed."""
    options = _options()
    seed = int(os.environ.get("SEED") or random.randrange(2**31))  # noqa: S311 - no secret
    print(f"SEED={seed} repeats this proof", flush=True)
    try:
        report = _proved(seed, options.rounds, PROGRAMS if options.benchmarks else ())
    except FailedError as error:
        print(f"not proved: {error}", file=sys.stderr)
        return 1
    PAGE.write_text(render(report), encoding="utf-8")
    print(f"proved; {PAGE.relative_to(ROOT)} is written")
    return 0


def _options() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="runs of the property tests, each with fresh examples")
    parser.add_argument("--no-benchmarks", dest="benchmarks", action="store_false", help="the tests alone")
    return parser.parse_args()


def _proved(seed: int, round_count: int, programs: Sequence[Sequence[str]]) -> Report:
    """Return the report of a proof in which everything passed.

    Raises:
        FailedError: Something did not.
    """
    commit, is_clean = _commit()
    scenarios = _suite(["-m", "proof", "tests"], SCENARIO_S, {"SEED": str(seed)})
    properties = [
        _suite(["tests/property", f"--hypothesis-seed={seed + number}"], PROPERTY_S) for number in range(round_count)
    ]
    return Report(
        commit=commit,
        is_clean=is_clean,
        seed=seed,
        machine=this_machine(),
        software=f"Kafka {KAFKA_VERSION}, librdkafka {confluent_kafka.libversion()[0]}",
        scenarios=scenarios,
        properties=properties,
        measurements=[_measurement(program) for program in programs],
    )


def _commit() -> tuple[str, bool]:
    """Return the commit, and whether the tree is just that, the page aside."""
    commit = _git("rev-parse", "--short=12", "HEAD").strip()
    changed = _git("status", "--porcelain", "--", ".", f":!{PAGE.relative_to(ROOT)}")
    return commit, not changed.strip()


def _git(*arguments: str) -> str:
    """Return what git says."""
    found = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607 - from the path, as a developer has it
    if found.returncode:
        raise FailedError(f"git {arguments[0]}: {found.stderr.strip()}")
    return found.stdout


def _suite(arguments: Sequence[str], timeout_s: float, environ: Mapping[str, str] | None = None) -> Suite:
    """Return a run of pytest in which every test passed; a service that is missing fails it."""
    started_s = time.monotonic()
    said = "".join(f"{name}={value} " for name, value in (environ or {}).items())
    shown = f"{said}python -m pytest {' '.join(arguments)}"
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.xml"
        command = [sys.executable, "-m", "pytest", *arguments, "-s", "-q", f"--junit-xml={results}"]
        _run(shown, command, timeout_s, {**(environ or {}), "CI": "true"})
        cases = cases_of(results.read_text(encoding="utf-8"))
    return Suite(shown, cases, time.monotonic() - started_s)


def cases_of(results: str) -> list[Case]:
    """Return the tests of a run as its JUnit file tells them.

    Raises:
        FailedError: There are none, or one was skipped.
    """
    found = list(ET.fromstring(results).iter("testcase"))  # noqa: S314 - written by our own pytest
    if not found or any(case.find("skipped") is not None for case in found):
        raise FailedError("tests are missing or were skipped")
    return [_case(case) for case in found]


def _case(case: ET.Element) -> Case:
    """Return one test with the figures that it wrote."""
    path = case.attrib["classname"].replace(".", "/")
    written = case.find("properties/property[@name='figures']")
    figures = None if written is None else msgspec.json.decode(written.attrib["value"], type=RunFigures)
    return Case(f"{path}.py::{case.attrib['name']}", float(case.attrib["time"]), figures)


def _measurement(program: Sequence[str]) -> Measurement:
    """Return what a benchmark printed."""
    shown = f"python -m {' '.join(program)}"
    output = _run(shown, [sys.executable, "-m", *program], BENCHMARK_S, {}, is_kept=True)
    print(output, flush=True)
    return Measurement(shown, output)


def _run(
    shown: str, command: Sequence[str], timeout_s: float, environ: Mapping[str, str], *, is_kept: bool = False
) -> str:
    """Run a program to its end, in its time; return what it printed, where that is kept.

    Raises:
        FailedError: It failed, or took too long. Then it is interrupted, so that it ends what it has started.
    """
    print(f"\n$ {shown}", flush=True)
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environ}, text=True, stdout=subprocess.PIPE if is_kept else None
    )
    try:
        output, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        raise FailedError(f"`{shown}` took more than {timeout_s:.0f} s") from None
    if process.returncode:
        raise FailedError(f"`{shown}` ended with {process.returncode}")
    return output or ""


if __name__ == "__main__":
    sys.exit(main())
