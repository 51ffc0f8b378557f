"""Questions to a page, as a test asks them that does not know yet whether anything listens."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Final

NOBODY: Final = (0, "")
_TIMEOUT_S: Final = 5


def got(url: str) -> tuple[int, str]:
    """Return status and body of a route; `NOBODY` while nothing answers."""
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return NOBODY
