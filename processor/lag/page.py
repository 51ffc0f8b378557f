"""What only the page of a running bridge knows of its destinations, where one is in reach.

A bridge that is not in reach is no error: what only it knows is then not known.
"""

from __future__ import annotations

import http.client
import re
import socket
import threading
from collections.abc import Mapping
from contextlib import closing, suppress
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeGuard

import msgspec

from processor.delivery.gate import GateState
from processor.errors import ConfigError
from processor.operations.page_client import connection_to
from processor.source.partitions import Partition

TIMEOUT_S: Final = 1.0
_MOST_BYTES: Final = 8_388_608
_OK: Final = 200
_MOST_MS: Final = 2**53
_OLD_MS: Final = 10_000
"""A report is made every second: an older one is that of a process that hangs, and may own nothing any more."""
_CODE: Final = re.compile(r"[a-z0-9_]{1,100}")
"""How reasons are written; what else a page says belongs on nobody's terminal."""


class PageReport(NamedTuple):
    """What a page says of one destination.

    `last_delivery_ms` is in milliseconds since 1970, None where it has not delivered yet or does not say. `halted` has
    the partitions of its process while that is held or its circuit is open, with the code that says why:
    `circuit_open`, or that of the hold.
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
        reports, now_ms = _reports(url, timeout_s)
    except (OSError, http.client.HTTPException, ConfigError, msgspec.DecodeError, RecursionError):
        return {}
    known = ((name, _told(report, topics, groups.get(name), now_ms)) for name, report in reports.items())
    return {name: told for name, told in known if told is not None}


def _reports(url: str, timeout_s: float) -> tuple[Mapping[str, Any], Any]:
    """Return the reports of all destinations that the page knows, and what time it has."""
    connection, path = connection_to(url, timeout_s)
    with closing(connection):
        connection.connect()
        # The client bounds each step alone: a page that sends a byte now and then would keep it for ever.
        end = threading.Timer(timeout_s, _shut, [connection.sock])
        end.daemon = True
        end.start()
        try:
            connection.request("GET", f"{path}/status", headers={"Accept": "application/json"})
            answer = connection.getresponse()
            content: Any = msgspec.json.decode(answer.read(_MOST_BYTES)) if answer.status == _OK else None
        finally:
            end.cancel()
    if not isinstance(content, dict) or not isinstance(content.get("destinations"), dict):
        return {}, None
    return content["destinations"], content.get("now_ms")


def _shut(connected: socket.socket) -> None:
    with suppress(OSError):
        # Not that of TLS, which takes itself apart while another thread reads from it.
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


def _told(report: Any, topics: Mapping[str, Any], group_id: str | None, now_ms: Any) -> PageReport | None:  # noqa: ANN401 - any JSON value
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
    reason = None if _is_old(report.get("at_ms"), now_ms) else _halt(report.get("state"), report.get("reason"))
    halted = {} if reason is None else dict.fromkeys(partitions, reason)
    return PageReport(last_ms if _is_number(last_ms) and 0 <= last_ms < _MOST_MS else None, halted)


def _is_number(told: Any) -> TypeGuard[int]:  # noqa: ANN401 - any JSON value
    return isinstance(told, int) and not isinstance(told, bool)


def _is_old(at_ms: Any, now_ms: Any) -> bool:  # noqa: ANN401 - any JSON values
    """Return whether a report is one that its process should long have followed by another."""
    return _is_number(at_ms) and _is_number(now_ms) and now_ms - at_ms > _OLD_MS


def _partition(told: Any) -> Partition | None:  # noqa: ANN401 - any JSON value
    """Return the partition that a report names, None where it names none."""
    match told:
        case {"topic": str(topic), "partition": int(number)} if _is_number(number):
            return topic, number
        case _:
            return None


def _halt(state: Any, reason: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Return the code of a hold or an open circuit, None where there is neither."""
    is_halted = state == GateState.HELD.value or reason == GateState.CIRCUIT_OPEN.value
    return reason if is_halted and isinstance(reason, str) and _CODE.fullmatch(reason) else None
