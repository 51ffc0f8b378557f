"""What an end-to-end run consists of: how much, by how many, and what is done to it while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from processor.sandbox.faults import Fault
from processor.sandbox.settings import SandboxKeys
from processor.source.window import EXCESS_SHARE, MIN_EXCESS_COUNT

KEYS = SandboxKeys()
ENVIRON = {
    "MOVEO_API_KEY": KEYS.moveo_api_keys[0],
    "MOESIF_APPLICATION_ID": KEYS.moesif_application_ids[0],
    "MOENGAGE_API_KEY": KEYS.moengage_api_keys[0],
}
"""What the bridge's processes find in their environment: the keys that the stand-ins accept."""

ENDPOINTS = {"moveo": ("events",), "moesif": ("actions", "users", "companies"), "moengage": ("bulk",)}
MAX_BATCH_COUNT = 50
"""Small batches make many requests, and with them many chances for a fault to hit."""
MAX_WAIT_MS = 200


@dataclass(frozen=True)
class Scenario:
    """What is run, and what is done to it. Shares are of the deliveries of the vendor that is concerned."""

    event_count: int
    user_count: int
    partition_count: int
    window_count: int
    vendors: tuple[str, ...] = ("moveo", "moesif", "moengage")
    processes_per_vendor: int = 1
    kill_count: int = 1
    """So many processes are killed, each at a random moment, and started again; the vendors take turns."""
    is_rebalanced: bool = False
    """Whether one process more joins each group, and one leaves it in order, at random moments."""
    refused_share: float = 0.0
    """Share of the events that the vendors refuse with 400."""
    has_poison: bool = False
    """Whether one event makes every request that holds it fail with 500, for ever."""
    faults: tuple[Fault, ...] = ()
    delivery: Mapping[str, Any] = field(default_factory=dict)
    """Laid over the delivery settings of every destination."""
    max_s: float = 240.0

    @property
    def most_in_window(self) -> int:
        """Return the most records that a process may have to repeat; behind a poisonous event it may read some more."""
        excess_count = max(self.window_count // EXCESS_SHARE, MIN_EXCESS_COUNT) if self.has_poison else 0
        return self.window_count + excess_count


def bridge_config(scenario: Scenario, kafka: Mapping[str, Any], dead_topic: str, url: str) -> dict[str, Any]:
    """Return the settings of a bridge for all vendors of the scenario, whose stand-ins are at `url`."""
    return {
        "kafka": dict(kafka),
        "dead_letters": {"topic": dead_topic},
        "operations": {"page": {"enabled": False}},
        "destinations": {
            vendor: {
                "type": vendor,
                "start": "earliest",
                "settings": _vendor_settings(url)[vendor],
                "subscriptions": "default",
                "delivery": {
                    "max_window_count": scenario.window_count,
                    "endpoints": {name: _limits(vendor) for name in ENDPOINTS[vendor]},
                    **scenario.delivery,
                },
            }
            for vendor in scenario.vendors
        },
    }


def _limits(vendor: str) -> dict[str, int]:
    """Return the limits of an endpoint; Moveo's own batches are small enough."""
    return {"max_wait_ms": MAX_WAIT_MS} | ({} if vendor == "moveo" else {"max_batch_count": MAX_BATCH_COUNT})


def _vendor_settings(url: str) -> dict[str, dict[str, Any]]:
    """Return the settings of each vendor that lead to the stand-ins."""
    return {
        "moveo": {
            "api_key": {"env": "MOVEO_API_KEY"},
            "endpoint": f"{url}/api/analytic/external/segment-destination",
        },
        "moesif": {"application_id": {"env": "MOESIF_APPLICATION_ID"}, "base_url": url},
        "moengage": {
            "api_id": KEYS.moengage_workspace_id,
            "api_key": {"env": "MOENGAGE_API_KEY"},
            "region": "DC_03",
            "base_url": url,
        },
    }
