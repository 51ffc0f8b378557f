"""The settings of the destinations under which the bridge is held against the references."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

EVERYTHING: Mapping[str, Mapping[str, Any]] = {
    "moveo": {"alias_include_previous_id": True},
    "moesif": {},
    "moengage": {
        "page_events": True,
        "screen_events": True,
        "group_attributes": True,
        "alias": "merge",
        "delete_users": True,
        "device_elements": True,
    },
}
"""As much as possible of what the events say is sent."""
