"""The stand-ins know nothing of the destinations: what the golden cases say is sent must be taken in as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from processor.sandbox.vendor import Accepted, Refused
from tests.golden_cases import cases, expanded
from tests.standin_requests import Ask, moengage, moesif, moveo

_PATHS = {"action": "actions", "user": "users", "company": "companies"}
_REFUSED_OPERATIONS = {
    "M33": "action_too_old",  # the age check of the sender is switched off; the vendor's is not
    "M47": "missing_user_id",  # an update of an anonymous user may only be sent alone
}


def _sent(vendor: str, name: str, is_sent: Callable[[dict[str, Any]], Any]) -> list[Any]:
    """Return the cases in which something is sent that a test here is about."""
    return [case for case in cases(vendor, name) if is_sent(case.values[0]["expected"])]


@pytest.mark.parametrize("case", _sent("moveo", "events", lambda expected: "type" in expected))
def test_moveo_takes_every_golden_event(case: dict[str, Any]) -> None:
    """Each event of the golden cases is accepted, under the id and user it carries."""
    event = expanded(case["expected"])
    said = moveo(event).put()
    assert isinstance(said, Accepted), said
    assert [(item.call, item.id) for item in said.items] == [(event["type"], event["messageId"])]


@pytest.mark.parametrize("case", _sent("moesif", "events", lambda expected: expected.get("ops")))
def test_moesif_takes_every_golden_operation(case: dict[str, Any]) -> None:
    """Each operation is accepted in a batch, except the two that the contract itself keeps out of one."""
    said = [_said(operation) for operation in expanded(case["expected"])["ops"]]
    refusals = [answer.reason for answer in said if isinstance(answer, Refused)]
    expected = _REFUSED_OPERATIONS.get(case["id"])
    assert refusals == ([] if expected is None else [expected])


def _said(operation: dict[str, Any]) -> Accepted | Refused:
    ((kind, form),) = operation.items()
    return moesif(_PATHS[kind], form).put()


@pytest.mark.parametrize("case", [case for case in cases("moesif", "events") if case.values[0]["id"] == "M47"])
def test_moesif_takes_the_anonymous_update_alone(case: dict[str, Any]) -> None:
    """The one golden operation that no batch may hold is accepted by the single route."""
    update = case["expected"]["ops"][0]["user"]
    assert isinstance(Ask("moesif", "/v1/users", update).put(), Accepted)


@pytest.mark.parametrize("case", _sent("moengage", "payloads", lambda expected: expected.get("elements")))
def test_moengage_takes_every_golden_payload_as_it_is(case: dict[str, Any]) -> None:
    """Each element is accepted, and there is nothing in it that the platform would cut, rename or ignore."""
    said = moengage(*expanded(case["expected"])["elements"]).put()
    assert isinstance(said, Accepted), said
    assert list(said.findings) == []
    assert [item.ignored for item in said.items if item.ignored] == []


def _is_known(expected: dict[str, Any]) -> bool:
    """Return whether a request can be accepted by a workspace that has heard of nobody: a deletion cannot."""
    return "request" in expected and not expected["request"]["path"].startswith("/v1/customer/delete")


@pytest.mark.parametrize("case", _sent("moengage", "payloads", _is_known))
def test_moengage_takes_every_golden_request_outside_bulk(case: dict[str, Any]) -> None:
    """Merges and the private route's messages are accepted at the path and query of the golden case."""
    request = expanded(case["expected"])["request"]
    path, _, query = request["path"].partition("?")
    names = dict(pair.split("=") for pair in query.split("&"))
    said = Ask("moengage", path, request["body"], query=names, method=request["method"]).put()
    assert isinstance(said, Accepted), said
