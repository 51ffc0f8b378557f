"""What metrics and spans that are sent by OTLP are of: this process, by the same id in both.

Imports OpenTelemetry's SDK, which costs memory.
"""

from __future__ import annotations

import uuid
from typing import Final

from opentelemetry.sdk.resources import OTELResourceDetector, Resource, get_aggregated_resources

from processor import __version__

_INSTANCE_ID: Final = str(uuid.uuid4())
"""One for the process, or its spans could not be found by its metrics."""


def resource() -> Resource:
    """Return what metrics and spans are of: this process, called as the environment says."""
    own = Resource.create(
        {
            "service.name": "segment-bridge",
            "service.version": __version__,
            "service.instance.id": _INSTANCE_ID,
        }
    )
    return get_aggregated_resources([OTELResourceDetector()], initial_resource=own)
