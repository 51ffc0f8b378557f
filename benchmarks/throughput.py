"""Events a second through one destination with a 50 ms vendor, beside the two baselines, in one run.

`python -m benchmarks.throughput [--events N] [--runs N] [--hot SHARE] [--bridge-only] [--vendor NAME]`

The baselines send Moesif's actions; with another vendor the bridge runs alone.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.work import (
    KEY,
    MAIN_ENDPOINTS,
    ROOT,
    Figures,
    bridge_command,
    bridge_config,
    kafka,
    measure,
    medians,
    produce,
    vendor,
)


def main() -> None:
    """Measure and print."""
    options = _options()
    programs = ["bridge"] if options.bridge_only or options.vendor != "moesif" else ["bridge", "floor", "handwritten"]
    runs: dict[str, list[Figures]] = {program: [] for program in programs}
    with kafka() as broker, vendor() as url, tempfile.TemporaryDirectory() as folder:
        topic = produce(broker, options.events, hot_share=options.hot)
        for number in range(options.runs):
            for program in programs:
                environ = {
                    "BOOTSTRAP": broker.bootstrap_servers,
                    "TOPIC": topic,
                    "GROUP": f"{program}-{number}-{topic}",
                    "URL": f"{url}/v1/actions/batch",
                    "BENCH_KEY": KEY,
                }
                if program == "bridge":
                    config = bridge_config(broker, topic, url, Path(folder), options.vendor)
                    command = bridge_command(config, options.vendor)
                else:
                    command = [sys.executable, str(ROOT / "benchmarks" / "baselines" / f"{program}.py")]
                figures = measure(program, command, environ, url, options.events)
                runs[program].append(figures)
                print(f"{program}: {figures.events_per_second:,.0f}/s, {figures.cpu_us:.1f} us CPU", file=sys.stderr)
    print("| program | events/s on one core | events per CPU second | CPU us per event | peak memory MB |")
    print("|---|---|---|---|---|")
    for program in programs:
        print(medians(runs[program]))


def _options() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000, help="events on the topic")
    parser.add_argument("--runs", type=int, default=3, help="runs of each program; medians are printed")
    parser.add_argument("--hot", type=float, default=0.0, help="share of the events that are of one user")
    parser.add_argument("--bridge-only", action="store_true", help="without the baselines")
    parser.add_argument("--vendor", choices=sorted(MAIN_ENDPOINTS), default="moesif", help="who takes the events")
    return parser.parse_args()


if __name__ == "__main__":
    main()
