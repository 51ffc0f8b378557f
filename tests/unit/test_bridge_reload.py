"""One destination put together, whose file changes while it runs."""

from __future__ import annotations

import json
import os
import signal
from functools import partial
from pathlib import Path
from typing import cast

import pytest

from processor import app
from processor.app import EXIT_OK, Bridge
from processor.delivery.dead_letters import DeadLetters
from processor.reloading import Origin, Reloader
from processor.settings import load_settings
from processor.source.clients import Clients
from tests.http_peer import eventually, peer
from tests.lone_bridge import SilentClient, accept, bridge, kafka, read, sent, settings, started, track


@pytest.fixture(autouse=True)
def no_producer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let dead letters go to nobody."""
    monkeypatch.setattr(app, "DeadLetters", partial(DeadLetters, client_class=SilentClient))


async def test_a_changed_file_is_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On SIGHUP what is read from then on is filtered, and the status shows the new mapping."""
    _, clients = kafka()
    async with peer(accept) as vendor:
        settings(tmp_path, vendor.port, monkeypatch)
        file = tmp_path / "bridge.yaml"
        content = json.loads(file.read_text()) | {"reload": True}
        file.write_text(json.dumps(content))
        origin = Origin.at(file)
        bridge = Bridge(load_settings(file), "one", lambda _kafka, _group: cast("Clients", clients), origin)
        read(clients, track("one"))
        running = await started(bridge)
        await eventually(lambda: sent(vendor) == ["one"])
        old, old_config = bridge.report()["mapping_hash"], bridge.report()["config_hash"]
        content["destinations"]["one"] |= {
            "filters": [{"if": 'event = "two"', "actions": [{"type": "DROP"}]}],
            "delivery": content["destinations"]["one"]["delivery"] | {"rate_limit": {"requests_per_second": 50}},
        }
        file.write_text(json.dumps(content))
        os.kill(os.getpid(), signal.SIGHUP)
        await eventually(lambda: bridge.report()["reload"]["results"]["applied"] == 1)
        assert bridge.report()["mapping_hash"] != old
        assert bridge.report()["config_hash"] != old_config
        read(clients, track("two"), track("three"), offset=1)
        await eventually(lambda: sent(vendor) == ["one", "three"])
        assert bridge.report()["tally"]["records"]["skipped"] == {"filtered": 1}
        bridge.stop()
        assert await running == EXIT_OK


async def test_a_bug_in_following_the_file_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without it settings would stay as they are for ever and nobody would know why; deliveries go on."""

    async def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Reloader, "run", fail)
    _, clients = kafka()
    async with peer(accept) as vendor:
        one = bridge(settings(tmp_path, vendor.port, monkeypatch), clients)
        read(clients, track("one"))
        running = await started(one)
        await eventually(lambda: sent(vendor) == ["one"])
        one.stop()
        assert await running == EXIT_OK
    assert "changed settings are not looked at any more" in caplog.text
