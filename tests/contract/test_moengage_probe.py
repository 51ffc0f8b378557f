"""What a held MoEngage destination asks: the stand-in takes the right key on either endpoint, and no other."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from multidict import CIMultiDict

from processor.sandbox.server import judged
from processor.sandbox.vendor import Accepted, Head, Refused
from tests.odd_records import KEYS
from tests.standin_requests import NOW_S, standin
from tests.vendor_bench import make_destination

ENDPOINTS = pytest.mark.parametrize(
    "settings", [{}, {"mode": "segment_private"}, {"profile": "actions"}], ids=["bulk", "segment", "actions"]
)


def _said(**settings: Any) -> Accepted | Refused:  # noqa: ANN401 - any setting
    """Return what the stand-in says to a destination's probe, sent with the headers of its first endpoint."""
    destination = make_destination("moengage", {**KEYS["moengage"], **settings})
    probe = destination.probe
    assert probe is not None
    headers = destination.headers(next(iter(destination.endpoints.values())), probe.body, 0)
    address, vendor = urlsplit(probe.url), standin("moengage")
    route = vendor.route(address.path)
    assert route is not None
    query = dict(parse_qsl(address.query))
    return judged(vendor, route, Head(probe.method, address.path, query, CIMultiDict(headers), NOW_S), probe.body)


@ENDPOINTS
def test_the_right_key_is_taken(settings: dict[str, Any]) -> None:
    """Without this a destination that was held for its key would stay so when the key is right again."""
    assert isinstance(_said(**settings), Accepted)


@ENDPOINTS
def test_a_wrong_key_is_refused(settings: dict[str, Any]) -> None:
    """A probe that anybody passes would end a hold too early."""
    said = _said(**settings, api_key="wrong")
    assert isinstance(said, Refused)
    assert said.status == 401
