"""What a demo is to do, and the configuration that its destinations run by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from processor.sandbox.settings import SandboxKeys

VENDORS: Final = ("moveo", "moesif", "moengage")
"""The vendors shown; each destination of the demo bears its vendor's name."""

DEAD_LETTER_TOPIC: Final = "segment-bridge.dead-letters"

BATCH_WAIT_MS: Final = 200
"""Far below what the vendors' contracts allow, so that the last batch of a short demo does not wait half a minute."""


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """How many events, which ones, whether vendors misbehave, and whether the demo ends by itself."""

    event_count: int = 20_000
    seed: int = 1
    with_faults: bool = False
    keep_running: bool = False
    rate_per_s: float = 200.0
    """Events a second that are added while the demo keeps running."""


def environment(keys: SandboxKeys) -> dict[str, str]:
    """Return the variables that the configuration names: even made-up keys are not written into the file."""
    return {
        "DEMO_MOVEO_API_KEY": keys.moveo_api_keys[0],
        "DEMO_MOESIF_APPLICATION_ID": keys.moesif_application_ids[0],
        "DEMO_MOENGAGE_API_KEY": keys.moengage_api_keys[0],
    }


def configuration(bootstrap_servers: str, topic: str, vendors_url: str, keys: SandboxKeys) -> str:
    """Return the YAML file of the demo (in its JSON form, which YAML includes)."""
    content: dict[str, Any] = {
        "kafka": {"bootstrap_servers": bootstrap_servers, "topics": [topic], "group_prefix": "demo"},
        "destinations": _destinations(vendors_url, keys),
        "dead_letters": {"topic": DEAD_LETTER_TOPIC},
        "operations": {"page": {"enabled": False}, "logs": {"format": "text"}},
    }
    return json.dumps(content, indent=2)


def _destinations(url: str, keys: SandboxKeys) -> dict[str, Any]:
    return {
        "moveo": _destination(
            "moveo",
            {
                "api_key": {"env": "DEMO_MOVEO_API_KEY"},
                "endpoint": f"{url}/api/analytic/external/segment-destination",
                "flush_interval_ms": BATCH_WAIT_MS,
            },
        ),
        "moesif": _destination(
            "moesif",
            {
                "application_id": {"env": "DEMO_MOESIF_APPLICATION_ID"},
                "base_url": url,
                "flush_interval_ms": BATCH_WAIT_MS,
            },
        ),
        "moengage": _destination(
            "moengage",
            {
                "api_id": keys.moengage_workspace_id,
                "api_key": {"env": "DEMO_MOENGAGE_API_KEY"},
                "region": "DC_01",
                # A stand-in has no account whose limits must be kept; at the real ones the demo would wait for them.
                "users_per_minute": 1_000_000,
                "events_per_minute": 1_000_000,
                "base_url": url,
            },
            {"endpoints": {"bulk": {"max_wait_ms": BATCH_WAIT_MS}}},
        ),
    }


def _destination(vendor: str, settings: Mapping[str, Any], delivery: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": vendor,
        "start": "earliest",
        "settings": settings,
        "subscriptions": "default",
        "delivery": {} if delivery is None else delivery,
    }
