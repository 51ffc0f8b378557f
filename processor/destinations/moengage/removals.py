"""Merging and deleting users: calls beside the bulk import, one route each.

Source: the contract, sections 2.6 and 3.7. Both are for good, so ids are checked as strictly as anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from processor.destinations.moengage.identity import customer_id
from processor.destinations.moengage.payloads import DELETE, MERGE, payload
from processor.model import Built, Event, Record, Rejected, Skipped

MISSING_PREVIOUS_ID: Final = Rejected("missing_previous_id", "`previousId` is absent or blank")
ALIAS_SAME_ID: Final = Skipped("alias_same_id")

MAX_BODY_BYTES: Final = 125_000
"""Below the 128 KB of all Data APIs but the bulk import."""


def merge(fields: Mapping[str, Any], event: Event, record: Record, now_ms: int) -> Built:  # noqa: ARG001 - an alias says all
    """Return the pair of users that an alias merges. It stays in order with everything else of both."""
    retained = customer_id(fields.get("userId"))
    if isinstance(retained, Skipped):
        return retained
    merged = customer_id(fields.get("previousId"))
    if isinstance(merged, Skipped):
        return MISSING_PREVIOUS_ID if merged.reason == "missing_user_id" else merged
    if merged == retained:
        return ALIAS_SAME_ID
    pair = {"merged_user": merged, "retained_user": retained}
    return payload(pair, action="mergeUsers", endpoint=MERGE, lanes=(retained, merged), max_bytes=MAX_BODY_BYTES)


def delete(fields: Mapping[str, Any], event: Event, record: Record, now_ms: int) -> Built:  # noqa: ARG001 - a deletion request says all
    """Return the call that deletes a user."""
    customer = customer_id(fields.get("userId"))
    if isinstance(customer, Skipped):
        return customer
    body = {"identity_type": "customer_id", "identity_value": customer}
    return payload(body, action="deleteUser", endpoint=DELETE, lanes=(customer,), max_bytes=MAX_BODY_BYTES)
