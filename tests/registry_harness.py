"""A real schema registry for tests: Apicurio, started on free loopback ports and always removed.

It is fetched once from Maven Central into a cache outside the tree. It needs a newer JDK than Kafka does, so one is
looked for in the usual places and not only on the PATH. Use the fixture `registry`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.kafka_harness import until
from tests.kafka_listeners import free_ports

APICURIO_VERSION = "3.3.3"
MIN_JDK = 21
FETCH_TIMEOUT_S = 600.0
READY_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 20.0
JVM_OPTIONS = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.net.preferIPv4Stack=true")
JVM_FOLDERS = ("/usr/lib/jvm", "/usr/java", "/opt/java", "/opt/jdk", "/opt", "/Library/Java/JavaVirtualMachines")

Reference = tuple[str, str, int]
"""Name, subject and version of a schema that another one builds on."""


class RegistryUnavailableError(RuntimeError):
    """No registry can be started here; the text says what is missing."""


class Registry:
    """One Apicurio with its data in memory."""

    def __init__(self) -> None:
        """Nothing is started yet."""
        self._java = find_java()
        self._folder = installation()
        self._home = Path(tempfile.mkdtemp(prefix="segment-bridge-registry-"))
        self._port, self._management_port = free_ports(2)
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return the address of the Confluent-compatible API."""
        return f"http://127.0.0.1:{self._port}/apis/ccompat/v7"

    def start(self) -> Registry:
        """Return when the registry answers."""
        guard_program = str(Path(__file__).with_name("kafka_guard.py"))
        self._guard = subprocess.Popen(
            [sys.executable, guard_program, str(self._home)], stdin=subprocess.PIPE, start_new_session=True
        )
        with (self._home / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [str(self._java), *JVM_OPTIONS, "-jar", str(self._folder / "quarkus-run.jar")],
                env={**os.environ, **self._environment()},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._home,
                start_new_session=True,
            )
        self._tell_guard(f"+{self._process.pid}\n")
        until(self._answers, "the schema registry answers", READY_TIMEOUT_S, 0.1)
        self._warm_up()
        return self

    def register(self, subject: str, schema: Mapping[str, Any], references: Sequence[Reference] = ()) -> int:
        """Return the id under which the registry keeps this Avro schema."""
        named = [{"name": name, "subject": of, "version": version} for name, of, version in references]
        body = {"schema": json.dumps(schema), "schemaType": "AVRO", "references": named}
        request = urllib.request.Request(
            f"{self.url}/subjects/{subject}/versions",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/vnd.schemaregistry.v1+json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(json.load(answer)["id"])

    def freeze(self) -> None:
        """The registry stands still: its connections stay open and nothing is answered, until `thaw`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """The frozen registry goes on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Return when the registry has ended and its files are gone; more than one call does no harm."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_TIMEOUT_S)
            self._tell_guard(f"-{self._process.pid}\n")
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.stdin.close()
            self._guard.wait(STOP_TIMEOUT_S)
        shutil.rmtree(self._home, ignore_errors=True)

    def _environment(self) -> dict[str, str]:
        return {
            "QUARKUS_HTTP_HOST": "127.0.0.1",
            "QUARKUS_HTTP_PORT": str(self._port),
            "QUARKUS_MANAGEMENT_HOST": "127.0.0.1",
            "QUARKUS_MANAGEMENT_PORT": str(self._management_port),
            "QUARKUS_LOG_LEVEL": "WARN",
        }

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            said = (self._home / "output").read_text(errors="replace")
            raise RuntimeError(f"the schema registry ended with {self._process.returncode}: {said[-2000:]}")
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/subjects", timeout=2) as answer:
            return bool(answer.status == 200)
        return False

    def _warm_up(self) -> None:
        """Have every kind of answer given once: on a busy machine the first ones of a new JVM take seconds."""
        known_id = self.register("warm-up", {"type": "string"})
        for schema_id in (known_id, known_id + 1_000):
            with contextlib.suppress(urllib.error.HTTPError):
                urllib.request.urlopen(f"{self.url}/schemas/ids/{schema_id}", timeout=30).close()

    def _tell_guard(self, line: str) -> None:
        if self._guard is not None and self._guard.stdin is not None and self._guard.poll() is None:
            self._guard.stdin.write(line.encode())
            self._guard.stdin.flush()


def registry_or_reason() -> Registry | str:
    """Return a registry that runs, or why none can be started on this machine."""
    try:
        registry = Registry()
    except RegistryUnavailableError as error:
        return str(error)
    try:
        return registry.start()
    except BaseException:
        registry.stop()
        raise


def find_java() -> Path:
    """Return the `java` of a JDK that is new enough, the oldest such one.

    Raises:
        RegistryUnavailableError: There is none.
    """
    found = [(version, java) for java in _javas() if (version := _version(java)) >= MIN_JDK]
    if not found:
        raise RegistryUnavailableError(f"no JDK of {MIN_JDK} or newer: tests against a real schema registry need one")
    return min(found)[1]


def _javas() -> Iterator[Path]:
    home = os.environ.get("JAVA_HOME")
    if home is not None:
        yield Path(home) / "bin" / "java"
    on_path = shutil.which("java")
    if on_path is not None:
        yield Path(on_path).resolve()
    folders: Iterable[Path] = (*map(Path, JVM_FOLDERS), Path.home() / ".sdkman" / "candidates" / "java")
    for folder in folders:
        yield from folder.glob("*/bin/java")
        yield from folder.glob("*/Contents/Home/bin/java")


def _version(java: Path) -> int:
    """Return the major version that the JDK's own `release` file names, zero when there is none."""
    try:
        text = (java.parent.parent / "release").read_text()
    except OSError:
        return 0
    named = re.search(r'^JAVA_VERSION="(\d+)', text, re.MULTILINE)
    return int(named[1]) if named else 0


def installation() -> Path:
    """Return the folder of the unpacked registry, fetched now unless an earlier run did.

    Raises:
        RegistryUnavailableError: Maven is missing, or could not fetch.
    """
    root = os.environ.get("XDG_CACHE_HOME")
    cache = (Path(root) if root else Path.home() / ".cache") / "segment-bridge"
    folder = cache / f"apicurio-{APICURIO_VERSION}"
    cache.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    """Make `folder` hold the registry: unpacked beside it and moved in one step, so that it is never half there."""
    maven = shutil.which("mvn")
    if maven is None:
        raise RegistryUnavailableError("`mvn` is not on the PATH: tests against a real schema registry need Maven")
    artifact = f"io.apicurio:apicurio-registry-app:{APICURIO_VERSION}:tar.gz:all"
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetch-") as work:
        command = [maven, "-q", "-B", "dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={work}"]
        try:
            subprocess.run(command, cwd=work, check=True, capture_output=True, timeout=FETCH_TIMEOUT_S)
        except subprocess.CalledProcessError as error:
            said = (error.stdout + error.stderr).decode(errors="replace").strip()
            raise RegistryUnavailableError(f"Maven could not fetch the schema registry: {said[-2000:]}") from error
        unpacked = Path(work) / "unpacked"
        with tarfile.open(next(Path(work).glob("*.tar.gz"))) as archive:
            archive.extractall(unpacked, filter="data")
        unpacked.rename(folder)
