"""Prometheus and promtool as Debian packages them, and a running Prometheus to ask."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.kafka_harness import until
from tests.kafka_listeners import free_ports
from tests.needed import program

READY_S = 30.0


def promtool(*arguments: str | Path, given: str = "") -> subprocess.CompletedProcess[str]:
    """Return what promtool says, of what it is given on standard input where it reads that."""
    command = [program("promtool", "prometheus"), *map(str, arguments)]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=110)


class Prometheus:
    """A Prometheus that scrapes one address every second; as a context manager it is ended at the end."""

    def __init__(self, folder: Path, target: str, rules: Mapping[str, Any]) -> None:
        """Write its configuration.

        Args:
            folder: Keeps its files.
            target: Host and port of what is scraped, under the job `segment-bridge`.
            rules: Its rules; they are evaluated as often as their groups say.
        """
        self._folder = folder
        self._port = free_ports(1)[0]
        (folder / "rules.json").write_text(json.dumps(rules), encoding="utf-8")
        content = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(folder / "rules.json")],
            "scrape_configs": [{"job_name": "segment-bridge", "static_configs": [{"targets": [target]}]}],
        }
        (folder / "prometheus.json").write_text(json.dumps(content), encoding="utf-8")

    def __enter__(self) -> Self:
        """Start it, and return when it answers."""
        command = [
            program("prometheus", "prometheus"),
            f"--config.file={self._folder / 'prometheus.json'}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self._port}",
            "--log.level=warn",
        ]
        with (self._folder / "prometheus.log").open("wb") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            until(self._is_ready, "Prometheus is ready", READY_S, 0.1)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self._process.kill()
        self._process.wait(READY_S)

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that fire now, or will if what they are about lasts."""
        found: list[dict[str, Any]] = self._ask("alerts")["alerts"]
        return found

    def firing(self) -> set[tuple[str, str]]:
        """Return name and severity of the alerts that fire now."""
        firing = [alert["labels"] for alert in self.alerts() if alert["state"] == "firing"]
        return {(labels["alertname"], labels["severity"]) for labels in firing}

    def await_firing(self, wanted: set[tuple[str, str]], timeout_s: float) -> None:
        """Return when all these alerts fire.

        Raises:
            AssertionError: They do not in time; it tells which do, or are about to.
        """
        try:
            until(lambda: wanted <= self.firing(), f"{wanted} fire", timeout_s, 0.5)
        except AssertionError as error:
            raise AssertionError(f"{error}; there are {self.alerts()}") from error

    def await_ended(self, ended: set[tuple[str, str]], timeout_s: float) -> None:
        """Return when none of these alerts fires.

        Raises:
            AssertionError: One does for longer than that.
        """
        until(lambda: not ended & self.firing(), f"{ended} end", timeout_s, 0.5)

    def value(self, query: str) -> float | None:
        """Return the value of a query that gives one series at most."""
        found = self._results(query)
        assert len(found) < 2, found
        return float(found[0]["value"][1]) if found else None

    def count(self, query: str) -> int:
        """Return how many series a query gives.

        Raises:
            urllib.error.HTTPError: Prometheus does not take it.
        """
        return len(self._results(query))

    def _results(self, query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask(f"query?{urllib.parse.urlencode({'query': query})}")["result"]
        return found

    def _ask(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/api/v1/{path}", timeout=5) as answer:
            found: dict[str, Any] = json.loads(answer.read())["data"]
        return found

    def _is_ready(self) -> bool:
        if self._process.poll() is not None:
            raise AssertionError((self._folder / "prometheus.log").read_text(errors="replace")[-2000:])
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError):
            return False
