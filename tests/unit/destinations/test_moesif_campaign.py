"""Where a visit comes from, as Moesif's updates of users and companies say it."""

from __future__ import annotations

from typing import Any

import pytest

from processor.destinations.moesif.campaign import read_campaign


@pytest.mark.parametrize(
    ("fields", "campaign"),
    [
        ({"referrer": ["https://shop.example/a"], "page_url": "https://Shop.example/b"}, {}),
        (
            {"referrer": "http://shop.example/a", "page_url": "https://shop.example/b"},
            {"referrer": "http://shop.example/a", "referring_domain": "shop.example"},
        ),
        (
            {"referrer": ["https://shop.example.evil/"], "page_url": "https://shop.example/b"},
            {"referrer": "https://shop.example.evil/", "referring_domain": "shop.example.evil"},
        ),
        ({"referrer": ["", "https://b.example/"]}, {"referrer": "https://b.example/", "referring_domain": "b.example"}),
        ({"referrer": "a friend"}, {"referrer": "a friend"}),
        ({"page_search": "?x=1&gclid=A", "page_url": "https://x.example/?gclid=B"}, {"gclid": "A"}),
        ({"page_search": "gclid=A#gclid=C"}, {"gclid": "A"}),
        ({"page_search": "?notgclid=A", "page_url": "https://x.example/?gclid=B#gclid=C"}, {"gclid": "B"}),
        ({"page_search": "?gclid=", "page_url": "https://x.example/gclid=B"}, {}),
        ({"page_search": ["?gclid=A"], "page_url": 7}, {}),
        ("text", {}),
        (None, {}),
    ],
)
def test_campaign_rules(fields: Any, campaign: dict[str, str]) -> None:  # noqa: ANN401 - any JSON value
    """The own site is no referrer, the search comes before the address, and blanks are left out."""
    assert read_campaign(fields) == campaign
