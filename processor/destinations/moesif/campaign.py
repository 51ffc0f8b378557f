"""The campaign of user and company updates.

Source: contract of Moesif, section 4.6; https://github.com/Moesif/moesif-browser-js at `e7140a9`, `src/campaign.js`,
`src/referrer.js`, `src/utm.js`.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qsl

from processor.destinations.addresses import origin_of
from processor.destinations.base import Field
from processor.destinations.moesif.reading import first_id
from processor.destinations.text import id_text

_UTM: Final = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
_GCLID: Final = "gclid"

FIELD: Final = Field(
    "campaign",
    "object",
    "How the person came: `utm_source`, `utm_medium`, `utm_campaign`, `utm_term`, `utm_content`; `referrer` (a list: "
    "the first usable one), left out when it is of the same site as `page_url`; `page_search` and `page_url` are "
    "looked through for `gclid` and not sent themselves. Blank values are left out.",
    default={
        "utm_source": {"@path": "$.context.campaign.source"},
        "utm_medium": {"@path": "$.context.campaign.medium"},
        "utm_campaign": {"@path": "$.context.campaign.name"},
        "utm_term": {"@path": "$.context.campaign.term"},
        "utm_content": {"@path": "$.context.campaign.content"},
        "referrer": [{"@path": "$.context.page.referrer"}, {"@path": "$.context.referrer.url"}],
        "page_url": {"@path": "$.context.page.url"},
        "page_search": {"@path": "$.context.page.search"},
    },
)


def read_campaign(value: Any) -> dict[str, str]:  # noqa: ANN401 - any JSON value
    """Return the campaign object of a mapped `campaign` field, empty when nothing in it is usable."""
    if not isinstance(value, dict):
        return {}
    campaign = {name: text for name in _UTM if (text := id_text(value.get(name))) is not None}
    page_url = value.get("page_url")
    campaign.update(_referrer(first_id(value.get("referrer")), page_url))
    gclid = _gclid(value.get("page_search"), page_url)
    if gclid is not None:
        campaign[_GCLID] = gclid
    return campaign


def _referrer(referrer: str | None, page_url: Any) -> dict[str, str]:  # noqa: ANN401 - any JSON value
    """Return the referrer and its host, nothing when it is the site itself."""
    if referrer is None:
        return {}
    origin = origin_of(referrer)
    if origin is None:
        return {"referrer": referrer}
    if isinstance(page_url, str) and origin_of(page_url) == origin:
        return {}
    return {"referrer": referrer, "referring_domain": origin.host}


def _gclid(search: Any, page_url: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Return the parameter `gclid` of a query, else of an address."""
    queries = (
        search.partition("#")[0].removeprefix("?") if isinstance(search, str) else "",
        page_url.partition("#")[0].partition("?")[2] if isinstance(page_url, str) else "",
    )
    # Most pages have no such parameter, and a look costs a fraction of taking a query apart.
    pairs = (pair for query in queries if _GCLID in query for pair in parse_qsl(query, errors="replace"))
    return next((text for name, value in pairs if name == _GCLID and (text := id_text(value)) is not None), None)
