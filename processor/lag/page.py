"""What the page of a running bridge says of its destinations, where one is in reach, and Kafka does not know.

A bridge that is not in reach is no error: what only it knows is then not known.
"""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from contextlib import closing
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec

from processor.delivery.gate import GateState
from processor.errors import ConfigError
from processor.operations.page_client import connection_to
from processor.source.partitions import Partition

TIMEOUT_S: Final = 1.0
_MOST_BYTES: Final = 8_388_608
_OK: Final = 200


class PageReport(NamedTuple):
    """What a page says of one destination.

    `last_delivery_ms` is in milliseconds since 1970, None where it has not delivered yet or does not say. `halted` has
    the partitions that its process owns and delivers nothing of, with the code that says why: `circuit_open`, or that
    of a hold.
    """

    last_delivery_ms: int | None = None
    halted: Mapping[Partition, str] = MappingProxyType({})


UNTOLD: Final = PageReport()
"""Of a destination whose page is not in reach."""


def page_reports(
    url: str, topics: Mapping[str, Any], groups: Mapping[str, str], timeout_s: float = TIMEOUT_S
) -> dict[str, PageReport]:
    """Return what the page says of each destination that it knows.

    Of one of another group (`groups` by destination), or that reads other topics, nothing is taken: it is that of
    another bridge with the same name.
    """
    try:
        reports = _reports(url, timeout_s)
    except (OSError, http.client.HTTPException, ConfigError, msgspec.DecodeError):
        return {}
    known = ((name, _told(report, topics, groups.get(name))) for name, report in reports.items())
    return {name: told for name, told in known if told is not None}


def _reports(url: str, timeout_s: float) -> Mapping[str, Any]:
    """Return the reports of all destinations that the page knows."""
    connection, path = connection_to(url, timeout_s)
    with closing(connection):
        connection.request("GET", f"{path}/status", headers={"Accept": "application/json"})
        answer = connection.getresponse()
        content: Any = msgspec.json.decode(answer.read(_MOST_BYTES)) if answer.status == _OK else None
    reports = content.get("destinations") if isinstance(content, dict) else None
    return reports if isinstance(reports, dict) else {}


def _told(report: Any, topics: Mapping[str, Any], group_id: str | None) -> PageReport | None:  # noqa: ANN401 - any JSON value
    """Return what a report says, None where it is that of another bridge, or of none."""
    if group_id is None or not isinstance(report, dict) or report.get("group") != group_id:
        return None
    details, listed = report.get("details"), report.get("partitions")
    if not isinstance(details, dict) or not isinstance(listed, list):
        return None
    partitions = [found for one in listed if (found := _partition(one)) is not None]
    if len(partitions) < len(listed) or any(topic not in topics for topic, _ in partitions):
        return None
    last_ms = details.get("last_delivery_ms")
    reason = _halt(report.get("state"), report.get("reason"))
    halted = {} if reason is None else dict.fromkeys(partitions, reason)
    return PageReport(last_ms if isinstance(last_ms, int) else None, halted)


def _partition(told: Any) -> Partition | None:  # noqa: ANN401 - any JSON value
    """Return the partition that a report names, None where it names none."""
    match told:
        case {"topic": str(topic), "partition": int(number)}:
            return topic, number
        case _:
            return None


def _halt(state: Any, reason: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Return the code of what keeps a process from delivering anything, None where nothing does."""
    is_halted = state == GateState.HELD.value or reason == GateState.CIRCUIT_OPEN.value
    return reason if is_halted and isinstance(reason, str) else None
