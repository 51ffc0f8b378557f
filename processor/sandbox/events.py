"""Realistic Segment events by the thousand, the same ones for the same seed, with some bad ones among them.

Each comes with its category, and `EXPECTED` says what becomes of a category at each vendor under the vendor's presets;
so a summary can be added up without asking the code that is being shown.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from random import Random
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from processor.sandbox.scenes import CAMPAIGNS, PAGES, SCREENS, TRACKS, Person, people

Fate = Literal["delivered", "skipped", "dead_lettered"]

_OVERSIZE_BYTES = 40_000
_SPREAD_MS = 10 * 60 * 1000


class EventSettings(BaseModel):
    """How many events, about whom, and how many of them are bad."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int = Field(default=20_000, ge=0, description="Events to make.")
    user_count: int = Field(default=2_000, ge=1, description="Users they are about; each does ten things by default.")
    bad_share: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Share of records that cannot be delivered; 1 % shows dead letters.",
    )
    seed: int = Field(default=7, description="Seed of every choice: the same seed and time give the same bytes.")
    marked: bool = Field(
        default=False,
        description="Whether events carry `seq` (counts their user's events) and `ledger_id` for tests; off: natural.",
    )


class MadeEvent(NamedTuple):
    """A record for the topic and the category it belongs to."""

    key: bytes | None
    value: bytes | None
    category: str


def _fates(moveo: Fate, moesif: Fate, moengage: Fate) -> Mapping[str, Fate]:
    return {"moveo": moveo, "moesif": moesif, "moengage": moengage}


_ALL: Mapping[str, Fate] = _fates("delivered", "delivered", "delivered")
_NONE: Mapping[str, Fate] = _fates("dead_lettered", "dead_lettered", "dead_lettered")
_NOT_MOENGAGE: Mapping[str, Fate] = _fates("delivered", "delivered", "skipped")
_MOVEO_ONLY: Mapping[str, Fate] = _fates("delivered", "skipped", "skipped")

EXPECTED: Mapping[str, Mapping[str, Fate]] = {
    "track": _ALL,
    "track_anonymous": _NOT_MOENGAGE,
    "track_opted_out": _MOVEO_ONLY,
    "page": _NOT_MOENGAGE,
    "screen": _NOT_MOENGAGE,
    "identify": _ALL,
    "group": _NOT_MOENGAGE,
    "alias": _MOVEO_ONLY,
    "invalid_json": _NONE,
    "not_an_object": _NONE,
    "null_value": _NONE,
    "missing_type": _NONE,
    "unknown_type": _NONE,
    "blank_event_name": _NONE,
    "oversized": _fates("dead_lettered", "delivered", "delivered"),
}
"""What becomes of a record at each vendor. Good ones come first, the bad ones after `alias`."""

_WEIGHTS: Mapping[str, int] = {
    "track": 52,
    "track_anonymous": 8,
    "track_opted_out": 2,
    "page": 14,
    "screen": 8,
    "identify": 10,
    "group": 4,
    "alias": 2,
}
_GOOD = tuple(_WEIGHTS)
_GOOD_UP_TO = tuple(accumulate(_WEIGHTS.values()))
_BAD = tuple(name for name in EXPECTED if name not in _WEIGHTS)


def made_events(settings: EventSettings, now_ms: int) -> Iterator[MadeEvent]:
    """Yield the events in order of time, the last of them just before `now_ms`."""
    random = Random(settings.seed)  # noqa: S311 - made-up data, not secrets
    writer = _Writer(random, people(settings.user_count, random), settings)
    for index in range(settings.count):
        bad = random.random() < settings.bad_share
        # The bad kinds take turns, so that even a small run shows each of them.
        category = _BAD[writer.next_bad()] if bad else random.choices(_GOOD, cum_weights=_GOOD_UP_TO)[0]
        yield writer.record(category, now_ms - _SPREAD_MS + index * _SPREAD_MS // max(1, settings.count))


_VALUES: Mapping[str, Callable[[Random], Any]] = {
    "total": lambda random: random.randrange(100, 20_000) / 100,
    "ticketPrice": lambda random: random.randrange(100, 5_000) / 100,
    "products": lambda random: [{"sku": f"sku-{random.randrange(50)}", "quantity": random.randrange(1, 5)}],
    "isMuted": lambda random: random.random() < 0.5,  # noqa: PLR2004 - a coin
    "currency": lambda random: random.choice(("EUR", "USD", "CHF")),
    "orderId": lambda random: f"o-{random.getrandbits(32):08x}",
    "reportId": lambda random: f"r-{random.getrandbits(32):08x}",
    "left": lambda random: random.choice(("free", "team")),
    "right": lambda random: random.choice(("team", "business")),
    "format": lambda random: random.choice(("csv", "pdf")),
    "channel": lambda random: random.choice(("mail", "link")),
}
"""How the value of a property is drawn; a small count where none is given."""


class _Writer:
    """Writes records about a set of people."""

    def __init__(self, random: Random, everybody: list[Person], settings: EventSettings) -> None:
        self._random = random
        mobile = [person for person in everybody if person.is_mobile] or everybody
        others = [person for person in everybody if not person.is_mobile] or everybody
        self._cast = {"screen": mobile, "page": others}
        self._everybody = everybody
        self._marked = settings.marked
        self._encode = msgspec.json.Encoder().encode
        self._bad_count = 0
        self._spoil: Mapping[str, Callable[[dict[str, Any]], bytes | None]] = {
            "invalid_json": lambda event: self._encode(event)[:-2],
            "not_an_object": lambda event: self._encode([event["messageId"], "not", "an", "object"]),
            "null_value": lambda _: None,
            "missing_type": lambda event: self._encode({name: event[name] for name in event if name != "type"}),
            "unknown_type": lambda event: self._encode({**event, "type": "purchase"}),
            "blank_event_name": lambda event: self._encode({**event, "event": "  "}),
            "oversized": self._oversized,
        }

    def next_bad(self) -> int:
        """Return the place of the next bad category."""
        self._bad_count += 1
        return (self._bad_count - 1) % len(_BAD)

    def record(self, category: str, at_ms: int) -> MadeEvent:
        """Return a record of this category about somebody."""
        person = self._random.choice(self._cast.get(category, self._everybody))
        spoil = self._spoil.get(category)
        event = self._event("track" if spoil is not None else category, person, at_ms)
        key = event.get("userId") or event["anonymousId"]
        return MadeEvent(key.encode(), self._encode(event) if spoil is None else spoil(event), category)

    def _event(self, category: str, person: Person, at_ms: int) -> dict[str, Any]:
        call = category.partition("_")[0]
        event: dict[str, Any] = {
            "type": call,
            "messageId": str(UUID(int=self._random.getrandbits(128), version=4)),
            "anonymousId": person.anonymous_id,
            "userId": person.user_id,
            "timestamp": _iso(at_ms),
            "sentAt": _iso(at_ms + 400),
            "receivedAt": _iso(at_ms + 520),
            "context": person.context,
            "integrations": {},
            **getattr(self, f"_{call}")(person),
        }
        if category == "track_anonymous":
            del event["userId"]
        elif category == "track_opted_out":
            event["integrations"] = {"All": True, "Moesif API Analytics": False, "MoEngage": False}
        if self._marked:
            self._mark(event, person)
        return event

    def _mark(self, event: dict[str, Any], person: Person) -> None:
        """Count the event among its user's, where it has a bag to carry the count."""
        bag = event.get("traits" if event["type"] in {"identify", "group"} else "properties")
        if bag is not None:
            person.seq += 1
            bag["seq"], bag["ledger_id"] = person.seq, event["messageId"]

    def _track(self, person: Person) -> dict[str, Any]:
        name, keys = self._random.choice(TRACKS)
        context = person.context if person.is_mobile else self._on_page(person)
        return {"event": name, "properties": {key: self._value(key) for key in keys}, "context": context}

    def _page(self, person: Person) -> dict[str, Any]:
        context = self._on_page(person)
        return {"name": context["page"]["title"], "properties": dict(context["page"]), "context": context}

    def _screen(self, person: Person) -> dict[str, Any]:  # noqa: ARG002 - screens look alike to all
        return {"name": self._random.choice(SCREENS), "properties": {"scrollDepth": self._random.randrange(100)}}

    def _identify(self, person: Person) -> dict[str, Any]:
        return {
            "traits": {
                "firstName": person.first_name,
                "lastName": person.last_name,
                "email": person.email,
                "plan": person.plan,
                "createdAt": "2026-01-02T03:04:05.000Z",
                "company": {"id": person.company_id, "name": person.company},
                "loginCount": self._random.randrange(1, 90),
            }
        }

    def _group(self, person: Person) -> dict[str, Any]:
        traits = {
            "name": person.company,
            "domain": f"{person.company_id}.example",
            "employees": 40,
            "plan": person.plan,
        }
        return {"groupId": person.company_id, "traits": traits}

    def _alias(self, person: Person) -> dict[str, Any]:
        return {"previousId": person.anonymous_id}

    def _on_page(self, person: Person) -> dict[str, Any]:
        title, path = self._random.choice(PAGES)
        url = f"https://app.cinema.example{path}"
        context = {**person.context, "page": {"url": url, "path": path, "title": title, "referrer": ""}}
        if self._random.random() < 0.2:  # noqa: PLR2004 - one visit in five comes from a campaign
            source, medium, name = self._random.choice(CAMPAIGNS)
            context["campaign"] = {"source": source, "medium": medium, "name": name}
        return context

    def _value(self, key: str) -> Any:  # noqa: ANN401 - JSON of any kind
        make = _VALUES.get(key)
        return self._random.randrange(1, 120) if make is None else make(self._random)

    def _oversized(self, event: dict[str, Any]) -> bytes:
        return self._encode({**event, "properties": {**event["properties"], "note": "x" * _OVERSIZE_BYTES}})


def _iso(at_ms: int) -> str:
    seconds, ms = divmod(at_ms, 1000)
    return f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y-%m-%dT%H:%M:%S}.{ms:03d}Z"
