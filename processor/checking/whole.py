"""The whole check: the settings compiled, and when asked for, every party that they name."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Final

from processor.building import build_plan
from processor.checking.findings import Findings, Place
from processor.checking.kafka import ask_kafka
from processor.checking.parties import Ask, ask_parties
from processor.checking.registries import ask_registry
from processor.checking.targets import ask_target
from processor.config import Document
from processor.delivery.credentials import Credentials, ask_vendors
from processor.delivery.http_settings import HttpSettings
from processor.destinations.base import Destination
from processor.errors import ConfigError
from processor.settings import Settings
from processor.settings.doubts import doubts, placed, told
from processor.source.deadline import Deadline
from processor.source.decode import Decoder

TIMEOUT_S: Final = 30.0
"""Longest time that all questions together may take, in seconds."""
OUTAGE_S: Final = 86_400.0
"""How long a vendor may be down without a loss, in seconds: shorter retention is warned of."""

_UNTOLD_HELP: Final = (
    "a 429 or 5xx is trouble of the vendor's own, check again later; a 409 or another 4xx says that ids, key and "
    "address in the settings do not go together, or that there is no such route: compare them with the vendor's "
    "dashboard, and see the page of the type in docs/destinations"
)
"""What to make of an answer that is neither yes nor no to a key."""

_Asked = Mapping[str, tuple[Destination, HttpSettings]]


def check(
    settings: Settings,
    *,
    online: bool,
    document: Document | None = None,
    timeout_s: float = TIMEOUT_S,
    outage_s: float = OUTAGE_S,
) -> Findings:
    """Return what only compiling valid settings, or asking Kafka, registries and vendors, can tell about them.

    With the `document` that they were read from, all of it but faults of compiling names file and line.
    Nothing is sent or written; what gave no answer is told as that, beside everything else that was found.
    """
    found = Findings.none()
    sound: dict[str, tuple[Destination, HttpSettings]] = {}
    for name, own in settings.destinations.items():
        try:
            destination, _ = build_plan(name, own)
            Decoder(own.decode, own.event_path)
        except ConfigError as error:
            found.problems.append(str(error))
            continue
        sound[name] = destination, own.delivery.http
        found.warnings.extend(told(name, doubt, document) for doubt in doubts(own, destination))
    if online:
        place = partial(placed, document)
        found.add(ask_parties(_parties(settings, sound, place, outage_s), timeout_s))
    return found


def _parties(settings: Settings, sound: _Asked, place: Place, outage_s: float) -> dict[str, Ask]:
    """Return whom to ask, by the name under which silence is told."""
    parties: dict[str, Ask] = {}
    vendors = {name: one for name, one in sound.items() if one[0].target is None}
    if vendors:
        parties["vendors"] = partial(_ask_vendors, vendors, place)
    for name, (destination, _) in sound.items():
        if destination.target is not None:
            parties[f"destinations.{name}: Kafka"] = partial(ask_target, settings, name, destination.target, place)
    for name, own in settings.destinations.items():
        registry = None if own.decode.avro is None else own.decode.avro.registry
        if registry is not None:
            parties[f"destinations.{name}: schema registry"] = partial(ask_registry, name, registry, place)
    parties["Kafka"] = partial(ask_kafka, settings, place, outage_s)
    return parties


def _ask_vendors(sound: _Asked, place: Place, found: Findings, deadline: Deadline) -> None:
    """Add what vendors say of credentials."""
    for name, asked in asyncio.run(ask_vendors(sound, deadline.left_s)).items():
        said = place(("destinations", name), asked.said)
        match asked.credentials:
            case Credentials.REFUSED:
                found.problems.append(said)
            case Credentials.UNTOLD:
                found.warnings.append(f"{said}: {_UNTOLD_HELP}")
            case Credentials.NO_ANSWER:
                found.silent.append(said)
            case _:
                found.notes.append(f"destinations.{name}: {asked.said}")
