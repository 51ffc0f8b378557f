"""Apache Kafka's server as plain jars, fetched once from Maven Central into a cache outside the tree.

The cache is keyed by a checksum of the pom below, so that a new version never meets the jars of an old one. Several
test runs may ask at once: one fetches under a file lock, the others wait for it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

KAFKA_VERSION = "4.1.0"
SLF4J_VERSION = "1.7.36"
FETCH_TIMEOUT_S = 600.0


class KafkaUnavailableError(RuntimeError):
    """No broker can be started here; the text says what is missing."""


def _dependency(group: str, artifact: str, version: str) -> str:
    return (
        f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
        f"<version>{version}</version></dependency>"
    )


POM = f"""\
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>segment-bridge</groupId><artifactId>test-kafka</artifactId><version>1</version>
  <dependencies>
    {_dependency("org.apache.kafka", "kafka_2.13", KAFKA_VERSION)}
    {_dependency("org.apache.kafka", "kafka-tools", KAFKA_VERSION)}
    {_dependency("org.slf4j", "slf4j-nop", SLF4J_VERSION)}
  </dependencies>
</project>
"""


def jars() -> Path:
    """Return the folder that holds Kafka's jars, fetched now unless an earlier run did.

    Raises:
        KafkaUnavailableError: Java or Maven is missing, or Maven could not fetch.
    """
    _require("java", "JDK 17 or newer")
    folder = _cache() / f"kafka-{hashlib.sha256(POM.encode()).hexdigest()[:16]}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.with_suffix(".lock")):
        if not folder.is_dir():
            _fetch(folder)
    return folder


def _cache() -> Path:
    root = os.environ.get("XDG_CACHE_HOME")
    base = Path.home() / ".cache" if root is None or not root else Path(root)
    return base / "segment-bridge"


def _require(program: str, what: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise KafkaUnavailableError(f"`{program}` is not on the PATH: tests against a real Kafka need {what}")
    return path


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(folder: Path) -> None:
    """Make `folder` hold all jars: they arrive beside it and are moved in one step, so that it is never half full."""
    maven = _require("mvn", "Maven")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetch-") as work:
        (Path(work) / "pom.xml").write_text(POM)
        copied = Path(work) / "lib"
        command = [maven, "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={copied}"]
        try:
            subprocess.run(command, cwd=work, check=True, capture_output=True, timeout=FETCH_TIMEOUT_S)
        except subprocess.CalledProcessError as error:
            said = (error.stdout + error.stderr).decode(errors="replace").strip()
            raise KafkaUnavailableError(f"Maven could not fetch Kafka's jars: {said[-2000:]}") from error
        except subprocess.TimeoutExpired as error:
            raise KafkaUnavailableError("Maven did not fetch Kafka's jars in time") from error
        copied.rename(folder)
