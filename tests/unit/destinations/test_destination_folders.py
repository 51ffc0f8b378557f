"""A vendor is a folder and a line: what `docs/adding-a-destination.md` says, held to be true."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import processor.destinations
from processor import app, workbench
from processor.app import EXIT_OK
from processor.checking import Findings, check
from processor.delivery.dead_letters import DeadLetters
from processor.destinations import REGISTRY
from processor.destinations.reference import fields_page
from processor.settings import Settings
from processor.settings.reference import configuration_page
from processor.settings.schema import json_schema
from tests.http_peer import eventually, peer
from tests.lone_bridge import SilentClient, bridge, kafka, read, settings, started, track
from tests.markdown_pages import ROOT, page_text

DESTINATIONS = ROOT / "processor" / "destinations"
PAGE = page_text("docs/adding-a-destination.md")
NAME = "hookshot"


def _folder(type_name: str) -> Path:
    """Return where a vendor's code is."""
    return ROOT / Path(*REGISTRY[type_name].__module__.split(".")[:-1])


def _imports(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("type_name", REGISTRY)
def test_a_vendor_is_a_folder_of_its_own(type_name: str) -> None:
    """With everything that belongs to it, and nothing of another vendor's."""
    folder = _folder(type_name)
    assert folder == DESTINATIONS / type_name
    assert (folder / "presets.yaml").is_file()
    others = tuple(f"processor.destinations.{other}" for other in REGISTRY if other != type_name)
    imported = {name for path in folder.glob("*.py") for name in _imports(path)}
    assert {name for name in imported if name.startswith(others)} == set()


def test_the_webhook_is_its_folder_and_one_line() -> None:
    """No other file of the package, of the chart or of the project's own settings knows that it exists."""
    files = [path for path in (ROOT / "processor").rglob("*") if path.suffix in {".py", ".yaml"}]
    files += [path for path in (ROOT / "helm").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    files += [ROOT / name for name in ("pyproject.toml", "Dockerfile", "docker-compose.yml", "Makefile")]
    naming = [
        (str(path.relative_to(ROOT)), line.strip())
        for path in files
        if path.parent != _folder("webhook")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "webhook" in line.lower()
    ]
    line = '"webhook": "processor.destinations.webhook.destination:WebhookDestination",'
    assert naming == [("processor/destinations/__init__.py", line)]
    assert line in PAGE


def test_the_page_walks_through_every_file() -> None:
    """Each file of the folder is explained, and none that is not there."""
    files = {path.name for path in _folder("webhook").iterdir() if path.suffix in {".py", ".yaml"}}
    explained = {line.removeprefix("### ").strip("`") for line in PAGE.splitlines() if line.startswith("### ")}
    assert explained == files - {"__init__.py"}


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a copy of the webhook's folder under another name, and its line in the registry, and nothing else."""
    folder = tmp_path / "destinations" / NAME
    folder.mkdir(parents=True)
    for path in _folder("webhook").iterdir():
        if path.is_file():
            text = path.read_text(encoding="utf-8").replace("webhook", NAME).replace("Webhook", NAME.title())
            (folder / path.name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(processor.destinations, "__path__", [*processor.destinations.__path__, str(folder.parent)])
    location = f"processor.destinations.{NAME}.destination:{NAME.title()}Destination"
    monkeypatch.setitem(processor.destinations._LOCATIONS, NAME, location)
    yield
    for module in [name for name in sys.modules if name.startswith(f"processor.destinations.{NAME}")]:
        del sys.modules[module]
    vars(processor.destinations).pop(NAME, None)


def _settings(folder: Path, monkeypatch: pytest.MonkeyPatch, port: int = 1) -> Settings:
    """Return the settings of one destination of the copied type."""
    monkeypatch.setenv("HOOK_SECRET", "k")
    own: dict[str, Any] = {
        "type": NAME,
        "settings": {"url": f"http://127.0.0.1:{port}/in", "signature": {"secret": {"env": "HOOK_SECRET"}}},
        "delivery": {"endpoints": {"hook": {"max_wait_ms": 0}}},
    }
    return settings(folder, port, monkeypatch, own)


@pytest.mark.usefixtures("copied")
def test_another_folder_and_line_are_another_destination(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It loads, is checked, previewed and explained, its presets print, and pages and schema have it."""
    loaded = _settings(tmp_path, monkeypatch)
    assert check(loaded, online=False) == Findings.none()
    event = track("Opened")
    (line,) = workbench.preview(loaded, "one", [json.dumps(event).encode()])
    assert [payload["body"] for payload in json.loads(line)["payloads"]] == [event]
    assert [len(explained) for explained in workbench.explain(loaded, "one", [json.dumps(event).encode()])] == [1]
    assert "action: send" in workbench.vendor_presets(NAME)
    assert f"## {NAME}\n" in fields_page()
    assert f"## `destinations.<name>.settings.signature with type: {NAME}`\n" in configuration_page()
    assert f'"const": "{NAME}"' in json.dumps(json_schema())


@pytest.mark.usefixtures("copied")
async def test_another_folder_and_line_deliver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From Kafka to the receiver, signed; and the offsets of what it took are committed."""
    monkeypatch.setattr(app, "DeadLetters", partial(DeadLetters, client_class=SilentClient))
    cluster, clients = kafka()
    events = [track("one"), track("two")]
    read(clients, *events)
    async with peer(lambda exchange, _request: exchange.answer(202)) as receiver:
        running_bridge = bridge(_settings(tmp_path, monkeypatch, receiver.port), clients)
        running = await started(running_bridge)
        await eventually(lambda: running_bridge.report()["tally"]["records"]["delivered"] == {"": 2})
        assert running_bridge.report()["type"] == NAME
        running_bridge.stop()
        assert await running == EXIT_OK
    assert [event for request in receiver.requests for event in json.loads(request.body)] == events
    assert all(len(request.headers["x-signature"]) == 64 for request in receiver.requests)
    assert cluster.committed["events", 0][0] == 2
