"""What the page of a running bridge says of its destinations, where one is in reach: when each last delivered.

A bridge that is not in reach is no error: what only it knows is then not known.
"""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from contextlib import closing
from typing import Any, Final

import msgspec

from processor.errors import ConfigError
from processor.operations.page_client import connection_to

TIMEOUT_S: Final = 1.0
_MOST_BYTES: Final = 8_388_608
_OK: Final = 200


def last_deliveries(
    url: str, topics: Mapping[str, Any], groups: Mapping[str, str], timeout_s: float = TIMEOUT_S
) -> dict[str, int]:
    """Return when each destination last delivered, in milliseconds since 1970, as far as the page says so.

    Of one of another group (`groups` by destination), or that reads other topics, nothing is taken: it is that of
    another bridge with the same name.
    """
    try:
        reports = _reports(url, timeout_s)
    except (OSError, http.client.HTTPException, ConfigError, msgspec.DecodeError):
        return {}
    known = ((name, _last_ms(report, topics, groups.get(name))) for name, report in reports.items())
    return {name: time_ms for name, time_ms in known if time_ms is not None}


def _reports(url: str, timeout_s: float) -> Mapping[str, Any]:
    """Return the reports of all destinations that the page knows."""
    connection, path = connection_to(url, timeout_s)
    with closing(connection):
        connection.request("GET", f"{path}/status", headers={"Accept": "application/json"})
        answer = connection.getresponse()
        content: Any = msgspec.json.decode(answer.read(_MOST_BYTES)) if answer.status == _OK else None
    reports = content.get("destinations") if isinstance(content, dict) else None
    return reports if isinstance(reports, dict) else {}


def _last_ms(report: Any, topics: Mapping[str, Any], group_id: str | None) -> int | None:  # noqa: ANN401 - any JSON value
    """Return when a destination last delivered, None where its report does not say so."""
    if not isinstance(report, dict) or not isinstance(report.get("details"), dict):
        return None
    if group_id is None or report.get("group") != group_id:
        return None
    partitions = report.get("partitions")
    if not isinstance(partitions, list) or any(
        not isinstance(one, dict) or one.get("topic") not in topics for one in partitions
    ):
        return None
    found = report["details"].get("last_delivery_ms")
    return found if isinstance(found, int) else None
