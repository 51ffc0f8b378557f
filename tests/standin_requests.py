"""Requests that the stand-ins accept, for tests to send as they are or to spoil in one place."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from multidict import CIMultiDict

from processor.sandbox.moengage import MoEngageStandIn
from processor.sandbox.moesif import MoesifStandIn
from processor.sandbox.moveo import PATH, MoveoStandIn
from processor.sandbox.server import judged
from processor.sandbox.settings import SandboxSettings
from processor.sandbox.vendor import Accepted, Head, Refused, Vendor

NOW_S: Final = 1_773_576_000.0
"""2026-03-15T12:00:00Z."""

WORKSPACE: Final = "WKSPACE7EXAMPLE"
BULK: Final = f"/v1/transition/{WORKSPACE}"
KEYS: Final[Mapping[str, Mapping[str, str]]] = {
    "moveo": {"Authorization": "moveo-example-key"},
    "moesif": {"X-Moesif-Application-Id": "moesif-example-application-id"},
    "moengage": {
        "Authorization": "Basic " + base64.b64encode(f"{WORKSPACE}:moengage-example-key".encode()).decode(),
        "MOE-APPKEY": WORKSPACE,
    },
}
_TIME: Final = "2026-03-15T11:59:30.250Z"


@dataclass(frozen=True)
class Ask:
    """A request that can be sent over HTTP, or put to a stand-in directly."""

    vendor: str
    path: str
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    compressed: bool = False

    @property
    def content(self) -> bytes:
        """Return the body as it goes over the wire: bytes as they are, everything else as compact JSON."""
        raw = self.body if isinstance(self.body, bytes) else compact(self.body)
        return gzip.compress(raw) if self.compressed else raw

    @property
    def all_headers(self) -> dict[str, str]:
        """Return keys, content type and encoding, with the given ones on top; an empty one is left out."""
        encoding = {"Content-Encoding": "gzip"} if self.compressed else {}
        merged = {"Content-Type": "application/json", **KEYS[self.vendor], **encoding, **self.headers}
        return {name: value for name, value in merged.items() if value}

    def put_to(self, standin: Vendor, now_s: float = NOW_S, peer: str = "192.0.2.9") -> Accepted | Refused:
        """Return what this stand-in says, and have it keep what it takes in."""
        route = standin.route(self.path)
        assert route is not None
        head = Head(self.method, self.path, self.query, CIMultiDict(self.all_headers), now_s, peer)
        said = judged(standin, route, head, self.content)
        if isinstance(said, Accepted) and said.store is not None:
            said.store()
        return said

    def put(self, settings: SandboxSettings | None = None) -> Accepted | Refused:
        """Return what a new stand-in says."""
        return self.put_to(standin(self.vendor, settings))


def standin(vendor: str, settings: SandboxSettings | None = None) -> Vendor:
    """Return a new stand-in of this vendor."""
    made: dict[str, type[MoveoStandIn | MoesifStandIn | MoEngageStandIn]] = {
        "moveo": MoveoStandIn,
        "moesif": MoesifStandIn,
        "moengage": MoEngageStandIn,
    }
    return made[vendor](SandboxSettings() if settings is None else settings)


def compact(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Return JSON without blanks, as the senders write it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def changed(value: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy with these keys set; a change to `...` removes the key."""
    merged = {**value, **changes}
    return {key: item for key, item in merged.items() if item is not ...}


def moveo_event(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Return a track as Moveo One takes it."""
    event = {
        "type": "track",
        "messageId": "m-1",
        "anonymousId": "anon-19",
        "userId": "u-501",
        "timestamp": _TIME,
        "originalTimestamp": _TIME,
        "event": "Cart Opened",
        "properties": {"items": 2, "seq": 4},
        "context": {"ip": "203.0.113.9"},
        "integrations": {},
        "sentAt": "2026-03-15T12:00:00.000Z",
    }
    return changed(event, changes)


def moveo(*events: dict[str, Any], **asked: Any) -> Ask:  # noqa: ANN401 - fields of `Ask`
    """Return a request with these events, one good one by default."""
    return Ask("moveo", PATH, {"events": list(events) or [moveo_event()]}, **asked)


def moesif_action(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Return an action as Moesif takes it."""
    action = {
        "transaction_id": "0f3c1b52-6d7e-4a10-9b1c-2e5d8f7a4c31",
        "action_name": "Cart Opened",
        "user_id": "u-501",
        "company_id": "org-7",
        "request": moesif_request(),
        "metadata": {"items": 2, "seq": 4},
    }
    return changed(action, changes)


def moesif_request(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Return the `request` of an action."""
    request = {
        "time": _TIME,
        "uri": "https://shop.example/pricing",
        "ip_address": "203.0.113.9",
        "user_agent_string": "DemoBrowser/9",
    }
    return changed(request, changes)


def moesif_user(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Return a user update as Moesif takes it."""
    return changed({"user_id": "u-501", "modified_time": _TIME, "metadata": {"plan": "free"}}, changes)


def moesif_company(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Return a company update as Moesif takes it."""
    return changed({"company_id": "org-7", "company_domain": "lindenhof.example"}, changes)


def moesif(endpoint: str, *items: dict[str, Any], **asked: Any) -> Ask:  # noqa: ANN401 - fields of `Ask`
    """Return a batch of these items."""
    return Ask("moesif", f"/v1/{endpoint}/batch", list(items), **asked)


def moengage_action(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Return the action of an event element."""
    action = {
        "action": "Seat Reserved",
        "attributes": {"seat_row": 12, "seq": 4},
        "platform": "web",
        "real_time_action": "true",
        "current_time": _TIME,
        "user_timezone_offset": 3600,
    }
    return changed(action, changes)


def moengage_event(*actions: dict[str, Any], **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Return an event element with these actions, one good one by default."""
    element = {"type": "event", "customer_id": "cust-4711", "actions": list(actions) or [moengage_action()]}
    return changed(element, changes)


def moengage_customer(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Return a customer element."""
    element = {
        "type": "customer",
        "customer_id": "cust-4711",
        "update_existing_only": False,
        "attributes": {"first_name": "Bo", "seq": 3},
    }
    return changed(element, changes)


def moengage_device(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Return a device element."""
    element = {
        "type": "device",
        "customer_id": "cust-4711",
        "device_id": "dev-12",
        "attributes": {"platform": "ANDROID", "push_id": "tok-0900", "model": "Pixel 9"},
    }
    return changed(element, changes)


def moengage(*elements: dict[str, Any], **asked: Any) -> Ask:  # noqa: ANN401 - fields of `Ask`
    """Return a bulk request with these elements, one good event by default."""
    body = {"type": "transition", "elements": list(elements) or [moengage_event()]}
    return Ask("moengage", BULK, body, **asked)
