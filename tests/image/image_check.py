"""The image as it would run in a cluster: no root, nothing to write to, little memory, a real Kafka, and SIGTERM.

Not among the other tests: it needs Debian's mmdebstrap, buildah, podman and runc, root, and minutes; `make image-test`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.bridge_process import ENVIRON, Deployment
from tests.image.build import IMAGE, Engine, ToolsMissingError, environ
from tests.kafka_harness import Kafka, random_name, until
from tests.needed import give_up

ARCHITECTURE = os.environ.get("IMAGE_ARCHITECTURE", "")
USER_ID = 10_001
CONTROL_GROUPS = Path("/sys/fs/cgroup")
MEMORY_BYTES = (1_024 if ARCHITECTURE else 256) * 1024 * 1024
"""Of three processes; for another kind of processor each has an emulator beside it."""
pytestmark = [pytest.mark.kafka, pytest.mark.timeout(2_400)]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """The engine, with the image built."""
    try:
        made = Engine(ARCHITECTURE)
    except ToolsMissingError as error:
        give_up(str(error))
    try:
        made.build()
        yield made
    finally:
        made.close()


class Container:
    """A bridge in a container on the host's network, with everything forbidden that it can do without."""

    def __init__(self, engine: Engine, deployment: Deployment) -> None:
        """Start nothing yet."""
        self._engine = engine
        self._deployment = deployment
        self.name = random_name("bridge")
        self._log = deployment.folder / f"{self.name}.log"

    def __enter__(self) -> Self:
        """Start it."""
        options = ["--name", self.name, "--network", "host", "--read-only", "--memory", str(MEMORY_BYTES)]
        options += ["--cap-drop", "all", "--security-opt", "no-new-privileges", "--pull", "never"]
        options += [word for name, value in ENVIRON.items() for word in ("--env", f"{name}={value}")]
        options += ["--volume", f"{self._deployment.config}:/config/segment-bridge.yaml:ro"]
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                self._engine.command("run", *options, IMAGE), env=environ(), stdout=output, stderr=output
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it, whatever it does."""
        self._engine.podman("rm", "--force", "--time", "0", self.name, is_checked=False)
        self.process.kill()
        self.process.wait(30)

    def log(self) -> str:
        """Return what it has written."""
        return self._log.read_text(errors="replace")

    def stop(self) -> int:
        """Send SIGTERM; return the exit code of the bridge."""
        self._engine.podman("kill", "--signal", "TERM", self.name)
        return self.process.wait(60)

    def seen_from_outside(self) -> tuple[set[str], str, bool]:
        """Return the users and groups of the bridge, its memory limit, and whether its root can only be read."""
        process = Path("/proc") / self._engine.podman("inspect", "--format", "{{.State.Pid}}", self.name).strip()
        status = (process / "status").read_text()
        ids = {word for line in re.findall(r"^[UG]id:\t(.*)$", status, re.MULTILINE) for word in line.split()}
        mounts = [line.split() for line in (process / "mountinfo").read_text().splitlines()]
        (root,) = (mount for mount in mounts if mount[4] == "/")
        return ids, _memory_limit((process / "cgroup").read_text()), "ro" in root[5].split(",")

    def has_delivered(self, sent: Iterable[str]) -> None:
        """Return when everything is committed and each vendor has these events; fail otherwise."""
        for vendor in self._deployment.vendor_names:
            until(partial(self._deployment.is_all_committed, vendor), f"{vendor}: {self.log()}", 120)
            assert set(sent) <= self._deployment.deliveries(vendor).keys()


def _memory_limit(groups: str) -> str:
    """Return the limit of a process's control group, of either version of them."""
    paths = {name: path for _, name, path in (line.split(":", 2) for line in groups.splitlines())}
    first, second = CONTROL_GROUPS / "memory", CONTROL_GROUPS
    if "memory" in paths:
        return (first / paths["memory"].lstrip("/") / "memory.limit_in_bytes").read_text().strip()
    return (second / paths[""].lstrip("/") / "memory.max").read_text().strip()


def test_the_image_says_what_it_is(engine: Engine) -> None:
    """Its user is a number that is not root's, it starts the bridge, and no compiler is left in it."""
    (found,) = json.loads(engine.podman("image", "inspect", IMAGE))
    assert ARCHITECTURE in ("", found["Architecture"])
    assert found["Config"]["User"] == f"{USER_ID}:{USER_ID}"
    assert found["Config"]["Entrypoint"] == ["segment-bridge"]
    assert found["Config"]["Labels"]["org.opencontainers.image.title"] == "segment-bridge"
    left = "command -v gcc cc make; ls -d /wheels/* /build 2>/dev/null; true"
    assert engine.podman("run", "--rm", "--network", "none", "--entrypoint", "sh", IMAGE, "-c", left) == ""
    assert "segment-bridge" in engine.podman("run", "--rm", "--network", "none", IMAGE, "version")


def test_a_container_delivers_and_drains(engine: Engine, kafka: Kafka, tmp_path: Path) -> None:
    """Events reach the vendors, SIGTERM reaches Python, what it had begun is committed, and the next one goes on."""
    tmp_path.chmod(0o755)
    with Deployment(kafka, tmp_path, vendors=("moveo", "moesif")) as bridge:
        bridge.config.chmod(0o644)
        bridge.create_letter_topic()
        sent = bridge.produce(200)
        bridge.produce_values([b"no JSON"])
        with Container(engine, bridge) as container:
            container.has_delivered(sent)
            assert len(bridge.letters()) == len(bridge.vendor_names)
            assert container.seen_from_outside() == ({str(USER_ID)}, str(MEMORY_BYTES), True)
            assert container.stop() == 0, container.log()
            assert container.log().count("has stopped") == len(bridge.vendor_names), container.log()
            assert "Traceback" not in container.log()
        more = bridge.produce(50)
        with Container(engine, bridge) as container:
            container.has_delivered(more)
            assert container.stop() == 0, container.log()
        assert {vendor: max(bridge.deliveries(vendor).values()) for vendor in bridge.vendor_names} == dict.fromkeys(
            bridge.vendor_names, 1
        )
