"""What one directive may make of one event: without a bound, a small event could grow to more than memory holds."""

from __future__ import annotations

from typing import Final

from processor.errors import MappingError
from processor.mapping.directives.base import failure

MAX_CHARS: Final = 16_000_000
"""Characters of text that one directive may make; far more than any vendor takes in one payload."""


def too_much(path: str, max_chars: int) -> MappingError:
    """Return the error of a directive at `path` that would make more; raise it before the text is made."""
    return failure(path, f"would make more than {max_chars} characters of this event")
