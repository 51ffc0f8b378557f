"""What metrics and spans have in common where they are sent by OTLP: whose they are, and the headers of requests.

Imports OpenTelemetry's SDK, which costs memory.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from opentelemetry.sdk.resources import OTELResourceDetector, Resource, get_aggregated_resources
from opentelemetry.util.re import parse_env_headers

from processor import __version__
from processor.operations.otel_variables import Signal, headers_text


def resource() -> Resource:
    """Return what metrics and spans are of: this process, called as the environment says."""
    own = Resource.create(
        {
            "service.name": "segment-bridge",
            "service.version": __version__,
            "service.instance.id": str(uuid.uuid4()),
        }
    )
    return get_aggregated_resources([OTELResourceDetector()], initial_resource=own)


def headers(signal: Signal, environ: Mapping[str, str]) -> Mapping[str, str] | None:
    """Return the headers of requests that stand in a file; None where no variable names one.

    Raises:
        OSError: The file cannot be read.
        UnicodeDecodeError: It is no text.
    """
    text = headers_text(signal, environ)
    return None if text is None else parse_env_headers(text, liberal=True)
