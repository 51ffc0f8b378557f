"""The made-up people, companies, screens and words that events are made of.

Nothing here is anybody's: names are invented, addresses are those reserved for documentation (RFC 2606, RFC 5737).
"""

from __future__ import annotations

from random import Random
from typing import Any

from msgspec import Struct

FIRST_NAMES = tuple("Ada Bo Chidi Dilan Eira Femi Goran Hana Ilse Jonas Kaya Liv Mio Zoë".split())  # noqa: SIM905 - short
LAST_NAMES = tuple("Abt Berg Castor Dunmore Eklund Fahr Gable Hollis Iwu Jarvi Luca Łuczak".split())  # noqa: SIM905 - short
COMPANIES = (
    "Lindenhof AG",
    "Orchard Ltd",
    "Kestrel Works",
    "Nordlicht GmbH",
    "Tall Pine Co",
    "Astor Cinemas",
    "Møller & Co",
)
PLANS = ("free", "team", "business")
CAMPAIGNS = (
    ("newsletter", "email", "spring-preview"),
    ("partner", "referral", "cinema-club"),
    ("ads", "cpc", "plans-q2"),
)
PAGES = (("Home", "/"), ("Plans", "/plans"), ("Reports", "/reports"), ("Checkout", "/checkout"), ("Help", "/help"))
SCREENS = ("Home", "Seat Map", "Tickets", "Profile", "Settings")
TRACKS = (
    ("Plan Compared", ("left", "right")),
    ("Report Exported", ("format", "reportId")),
    ("Seat Reserved", ("seatRow", "ticketPrice")),
    ("Order Completed", ("orderId", "total", "currency", "products")),
    ("Trailer Watched", ("trailerLength", "isMuted")),
    ("Invite Sent", ("inviteCount", "channel")),
)
_BROWSERS = ("DemoBrowser/4 (X11; Linux x86_64)", "DemoBrowser/5 (Windows NT 10.0)", "DemoBrowser/5 (Macintosh)")
_PHONES = (("ios", "iOS", "17.4", "iPhone"), ("android", "Android", "15", "Pixel 9"))
_ZONES = ("Europe/Berlin", "Asia/Kolkata", "America/New_York", "Europe/Zurich")


class Person(Struct, gc=False):
    """A user of the made-up product: one device, one company, and a count of what they have done."""

    user_id: str
    anonymous_id: str
    first_name: str
    last_name: str
    company_id: str
    company: str
    plan: str
    context: dict[str, Any]
    is_mobile: bool
    seq: int = 0

    @property
    def email(self) -> str:
        """Return an address at a domain that nobody can own."""
        return f"{self.first_name}.{self.last_name}.{self.user_id}@example.com".lower()


def people(count: int, random: Random) -> list[Person]:
    """Return so many users, each with one device: three in five on the web, the rest mobile or server."""
    return [_person(index, random) for index in range(count)]


def _person(index: int, random: Random) -> Person:
    company = random.randrange(len(COMPANIES))
    kind = random.choices(("web", "mobile", "server"), (60, 30, 10))[0]
    return Person(
        user_id=f"u-{index:05d}",
        anonymous_id=f"anon-{random.getrandbits(64):016x}",
        first_name=random.choice(FIRST_NAMES),
        last_name=random.choice(LAST_NAMES),
        company_id=f"acct-{company:02d}",
        company=COMPANIES[company],
        plan=random.choice(PLANS),
        context=_context(kind, company, random),
        is_mobile=kind == "mobile",
    )


def _context(kind: str, company: int, random: Random) -> dict[str, Any]:
    base: dict[str, Any] = {"groupId": f"acct-{company:02d}", "timezone": random.choice(_ZONES), "locale": "en-GB"}
    if kind == "server":
        return {**base, "library": {"name": "analytics-python", "version": "2.3.2"}}
    base["ip"] = f"198.51.100.{random.randrange(1, 255)}"
    if kind == "web":
        return {
            **base,
            "library": {"name": "analytics.js", "version": "next-1.70.0"},
            "userAgent": random.choice(_BROWSERS),
        }
    device, system, version, model = random.choice(_PHONES)
    return {
        **base,
        "library": {"name": f"analytics-{device}", "version": "4.1.8"},
        "app": {"name": "DemoCinema", "version": f"6.{random.randrange(9)}.0", "build": "610"},
        "device": {"id": f"dev-{random.getrandbits(48):012x}", "type": device, "model": model},
        "os": {"name": system, "version": version},
    }
