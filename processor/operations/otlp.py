"""What metrics and spans that are sent by OTLP have in common: whose they are, and how a failure is told.

Imports OpenTelemetry's SDK, which costs memory.
"""

from __future__ import annotations

import logging
import uuid
from typing import Final

from opentelemetry.sdk.resources import OTELResourceDetector, Resource, get_aggregated_resources

from processor import __version__

_log = logging.getLogger(__name__)

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


class Delivery:
    """Whether what is sent arrives: told once when it does not, with the cause, and once when it does again.

    What the library says of each try is for `debug` alone. Belongs to the one thread that sends.
    """

    def __init__(self, library: str, failed: str, mended: str) -> None:
        """Listen to the logger of the exporter, `library`, until closed; `failed` and `mended` are what is told."""
        self._library = logging.getLogger(library)
        self._cause = _Cause()
        self._library.addFilter(self._cause)
        self._failed = failed
        self._mended = mended
        self._is_failing = False

    def note(self, *, is_taken: bool, **extra: str) -> None:
        """Tell a change; `extra` goes into the line."""
        if not (is_taken or self._is_failing):
            _log.warning("%s: %s", self._failed, self._cause.text, extra=extra)
        elif is_taken and self._is_failing:
            _log.info("%s", self._mended, extra=extra)
        self._is_failing = not is_taken

    def close(self) -> None:
        """Let the library speak for itself again."""
        self._library.removeFilter(self._cause)


class _Cause(logging.Filter):
    """Keeps why an export failed, with what was said of the latest try, and lets it pass for `debug` alone."""

    text = "no answer that is understood"
    _latest_try = ""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep it: warnings are of tries that are followed by others, an error of the export as a whole."""
        said = record.getMessage()
        if record.levelno < logging.ERROR:
            self._latest_try = said
        else:
            self.text = f"{said} {self._latest_try}".rstrip()
            self._latest_try = ""
        return _log.isEnabledFor(logging.DEBUG)
