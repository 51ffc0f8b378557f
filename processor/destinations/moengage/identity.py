"""Who a message is about: the `customer_id` and the ids that MoEngage refuses.

Source: the contract, sections 3.0 and 5.1. There is no fallback to an anonymous id or a trait: other connectors have
one, and it overwrote users.
"""

from __future__ import annotations

from typing import Any, Final

from processor.destinations.text import BLANKS, id_text
from processor.model import Skipped

MISSING_USER_ID: Final = Skipped("missing_user_id")
INVALID_USER_ID: Final = Skipped("invalid_user_id")

_REFUSED: Final = frozenset(
    {
        "unknown",
        "guest",
        "null",
        "0",
        "1",
        "true",
        "false",
        "user_attribute_unique_id",
        "(empty)",
        "na",
        "n/a",
        "dummy_seller_code",
        "user_id",
        "id",
        "customer_id",
        "uid",
        "userid",
        "none",
        "-2",
        "-1",
        "2",
    }
)
"""Besides empty text. Compared without case: a shared junk id would fold many people into one profile."""


def customer_id(value: Any) -> str | Skipped:  # noqa: ANN401 - any JSON value may stand where an id should
    """Return a user id as MoEngage takes it, trimmed, or why a message about it is left out."""
    found = value if type(value) is str else id_text(value)
    if found is None:
        return MISSING_USER_ID
    trimmed = found.strip(BLANKS)
    if len(trimmed) > 1:
        return trimmed if trimmed.lower() not in _REFUSED else INVALID_USER_ID
    return INVALID_USER_ID if trimmed else MISSING_USER_ID


def plain_id(value: Any) -> str | None:  # noqa: ANN401 - any JSON value may stand where an id should
    """Return an id as trimmed text, None when there is none; for ids that are only compared or carried along."""
    found = id_text(value)
    return None if found is None else found.strip(BLANKS)
