"""The image really built, without a container engine's daemon and without pulling anything.

The base is a Debian of our own, made by mmdebstrap and imported under the name that the Dockerfile starts from: it has
Debian's Python instead of the newest one, and is as good for finding out whether the Dockerfile works.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
IMAGE: Final = "localhost/segment-bridge:image-test"
TOOLS: Final = ("mmdebstrap", "buildah", "podman", "runc")
_PACKAGES: Final = "ca-certificates,python3,python3-pip,python3-venv"
_AUTHORITIES: Final = "/etc/ssl/certs/ca-certificates.crt"
_BUILD_TIMEOUT_S: Final = 1_800.0
_LONGEST_RUNROOT: Final = 50
"""Characters beyond which podman refuses its folder, with an error that would come only once the base is made."""
_FIT: Final = """\
FROM {bare}
RUN ln -s /usr/bin/python3 /usr/local/bin/python && rm /usr/lib/python3*/EXTERNALLY-MANAGED
"""
"""What the official image has and Debian's Python has not: the name `python`, and the right to install beside it."""

_HOOK: Final = """\
#!/usr/bin/env python3
import json
import sys

specification = json.load(sys.stdin)
specification["process"].pop("rlimits", None)
json.dump(specification, sys.stdout)
"""
"""Lets a container keep the limits of who starts it: a machine may forbid to raise them, and podman always tries."""


class ToolsMissingError(RuntimeError):
    """The image cannot be built here; the text says what to install."""


class Engine:
    """buildah and podman with a store of their own, which `close` removes."""

    def __init__(self, architecture: str = "") -> None:
        """Make the store.

        Args:
            architecture: That of the image, `amd64` or `arm64`; that of this machine unless given. For another one the
                kernel has to know an interpreter, such as Debian's qemu-user-static brings.

        Raises:
            ToolsMissingError: A tool is not installed.
        """
        missing = [name for name in TOOLS if shutil.which(name) is None]
        if missing:
            raise ToolsMissingError(f"not installed, and packages of Debian: {', '.join(missing)}")
        self.folder = Path(tempfile.mkdtemp(prefix="segment-bridge-image-"))
        if len(f"{self.folder}/run") > _LONGEST_RUNROOT:
            self.folder.rmdir()
            raise ToolsMissingError(f"{self.folder} is too long a place for podman: set TMPDIR to a shorter one")
        self._architecture = architecture
        self._store = ["--root", str(self.folder / "store"), "--runroot", str(self.folder / "run")]
        hooks = self.folder / "hooks"
        hooks.mkdir()
        (hooks / "limits.py").write_text(_HOOK)
        (hooks / "limits.py").chmod(0o755)
        hook = {"path": str(hooks / "limits.py")}
        said = {"version": "1.0.0", "hook": hook, "when": {"always": True}, "stages": ["precreate"]}
        (hooks / "limits.json").write_text(json.dumps(said))

    def close(self) -> None:
        """Remove every container and image of the store, and the store."""
        self.podman("rm", "--all", "--force", "--time", "0", is_checked=False)
        self.podman("rmi", "--all", "--force", is_checked=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def build(self) -> None:
        """Build the image from the tree's Dockerfile as `IMAGE`."""
        self._make_base()
        self._buildah(ROOT, "Dockerfile", IMAGE, "--volume", f"{_AUTHORITIES}:{_AUTHORITIES}:ro")

    def podman(self, *arguments: str, is_checked: bool = True) -> str:
        """Return what podman prints."""
        return _run(self.command(*arguments), is_checked=is_checked)

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of podman, with runc as its runtime."""
        runtime = ["--runtime", "runc", "--cgroup-manager", "cgroupfs", "--hooks-dir", str(self.folder / "hooks")]
        return ["podman", *self._store, *runtime, *arguments]

    def _make_base(self) -> None:
        archive = self.folder / "base.tar"
        chosen = [f"--architectures={self._architecture}"] if self._architecture else []
        options = ["--variant=minbase", f"--include={_PACKAGES}", "--format=tar", *chosen]
        _run(["mmdebstrap", *options, "bookworm", str(archive)])
        bare, name = "localhost/bare-base", base_name()
        path = "ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        self.podman("import", *self._arch(), "--change", path, str(archive), bare)
        archive.unlink()
        (self.folder / "Fit").write_text(_FIT.format(bare=bare))
        self._buildah(self.folder, "Fit", name)

    def _arch(self) -> list[str]:
        return ["--arch", self._architecture] if self._architecture else []

    def _buildah(self, context: Path, file: str, tag: str, *options: str) -> None:
        command = ["buildah", *self._store, "build", "--isolation", "chroot", "--pull-never", *self._arch(), *options]
        _run([*command, "--file", str(context / file), "--tag", tag, str(context)])


def base_name() -> str:
    """Return the full name of the image that the Dockerfile starts from."""
    found = re.search(r"^ARG PYTHON_IMAGE=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert found is not None
    return f"docker.io/library/{found[1]}"


def environ() -> Mapping[str, str]:
    """Return the environment of the tools: layers are plain folders, which any file system can hold."""
    return {**os.environ, "STORAGE_DRIVER": "vfs", "BUILDAH_FORMAT": "docker"}


def _run(command: Sequence[str], *, is_checked: bool = True) -> str:
    done = subprocess.run(command, env=environ(), capture_output=True, text=True, timeout=_BUILD_TIMEOUT_S, check=False)
    assert done.returncode == 0 or not is_checked, f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout
