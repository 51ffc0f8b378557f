"""What the stand-ins know of users can be read back while they run, and nothing that was refused is in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import httpx
import pytest

from processor.sandbox.faults import Drop, Refuse
from processor.sandbox.moveo import MoveoStandIn
from processor.sandbox.settings import SandboxSettings
from processor.sandbox.standins import StandIns
from processor.sandbox.vendor import Accepted, Head, Refused
from tests.standin_requests import Ask, moveo, moveo_event


class _Keeping(MoveoStandIn):
    """A vendor that keeps how many events of a user it took in."""

    def __init__(self, settings: SandboxSettings) -> None:
        super().__init__(settings)
        self._counts: dict[str, int] = {}

    def _full(self, head: Head, body: bytes) -> Accepted | Refused:
        said = super()._full(head, body)
        if isinstance(said, Accepted):
            users = [str(item.user) for item in said.items]
            said.store = lambda: self._counts.update({user: self._counts.get(user, 0) + 1 for user in users})
        return said

    def state(self, user: str | None) -> Iterable[dict[str, Any]]:
        return ({"kind": "user", "id": id_, "count": n} for id_, n in self._counts.items() if user in (None, id_))


@pytest.fixture
def vendors(monkeypatch: pytest.MonkeyPatch) -> Iterable[StandIns]:
    """Running stand-ins of which Moveo One is the vendor above."""
    monkeypatch.setattr("processor.sandbox.server.MoveoStandIn", _Keeping)
    with StandIns() as made:
        yield made


def _send(vendors: StandIns, ask: Ask) -> int:
    return httpx.post(vendors.url + ask.path, content=ask.content, headers=ask.all_headers).status_code


def _shown(vendors: StandIns, **query: str) -> httpx.Response:
    return httpx.get(f"{vendors.url}/_sandbox/state", params=query)


def test_the_state_is_read_back_of_all_and_of_one(vendors: StandIns) -> None:
    """Over the admin route as JSON lines, and in the process as values, running or stopped; a reset forgets it."""
    for user in ("u-1", "u-2", "u-1"):
        assert _send(vendors, moveo(moveo_event(userId=user))) == 200
    one, two = {"kind": "user", "id": "u-1", "count": 2}, {"kind": "user", "id": "u-2", "count": 1}
    assert _shown(vendors, vendor="moveo", user="u-1").json() == one
    everybody = _shown(vendors, vendor="moveo")
    assert everybody.text.count("\n") == 2
    assert everybody.headers["Content-Type"] == "application/x-ndjson"
    assert vendors.state("moveo") == [one, two]
    vendors.stop()
    assert vendors.state("moveo", "u-2") == [two]
    vendors.reset()
    assert vendors.state("moveo") == []


def test_strangers_are_told_apart(vendors: StandIns) -> None:
    """A user that nobody heard of is not found, a vendor that there is not is a wrong question."""
    assert _shown(vendors, vendor="moveo", user="nobody").status_code == 404
    assert _shown(vendors, vendor="moveo").text == ""
    assert _shown(vendors, vendor="acme").status_code == 400
    assert _shown(vendors).status_code == 400
    with pytest.raises(KeyError, match="acme"):
        vendors.state("acme")


def test_only_what_was_taken_in_is_kept(vendors: StandIns) -> None:
    """A request that a fault refused, or cut before acceptance, leaves nothing; one whose answer was lost does."""
    vendors.set_faults(Refuse(ids=frozenset({"m-1"})))
    assert _send(vendors, moveo()) == 400
    vendors.set_faults(Drop(when="before"))
    with pytest.raises(httpx.TransportError):
        _send(vendors, moveo())
    assert vendors.state("moveo") == []
    vendors.set_faults(Drop(when="after"))
    with pytest.raises(httpx.TransportError):
        _send(vendors, moveo())
    assert [line["count"] for line in vendors.state("moveo")] == [1]
