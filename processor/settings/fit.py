"""What in a destination's settings does not fit its vendor, although each part alone is right."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from processor.config.problems import Path, listed, nearest
from processor.destinations.base import Destination
from processor.destinations.plan import Plan, findings
from processor.errors import ConfigError, MappingError
from processor.settings.destination import DestinationSettings
from processor.source.decode import Decoder
from processor.source.suppressed import SuppressedUsers

Finding = tuple[Path, str]
"""A place relative to the settings in question, and what is wrong there."""


def misfits(vendor: type[Destination], settings: DestinationSettings) -> Iterator[Finding]:
    """Yield what in valid settings cannot be read or does not fit the vendor: endpoints, limits, actions, fields."""
    yield from _unreadable_schema(settings)
    yield from _unreadable_users(settings)
    yield from _limits_said_twice(vendor, settings)
    try:
        destination = vendor.create(settings.type, settings.settings)
    except ConfigError as error:
        yield ("settings",), error.safe
        return
    yield from _unknown_endpoints(destination, settings)
    yield from _batches_of_singles(destination, settings)
    yield from _plan_findings(destination, settings)


def _unreadable_schema(settings: DestinationSettings) -> Iterator[Finding]:
    """Yield that the file with the schema of the records holds none."""
    avro = settings.decode.avro
    if avro is None or avro.schema_file is None:
        return
    try:
        Decoder(settings.decode)
    except ConfigError as error:
        yield ("decode", "avro", "schema_file"), f"{error.safe}; allowed: a file that holds an Avro schema"


def _unreadable_users(settings: DestinationSettings) -> Iterator[Finding]:
    """Yield that the file of suppressed users cannot be read: without it, what must not be sent would be."""
    listed_in = settings.suppressed_users
    if listed_in is None or listed_in.file is None:
        return
    try:
        SuppressedUsers(listed_in.file)
    except ConfigError as error:
        yield ("suppressed_users", "file"), f"{error.safe}; allowed: a UTF-8 file with one id a line"


def _limits_said_twice(vendor: type[Destination], settings: DestinationSettings) -> Iterator[Finding]:
    """Yield the limits that a file gives in the vendor's spelling and in ours: which one holds would be a guess."""
    for endpoint, limits in settings.delivery.endpoints.items():
        for theirs, ours in vendor.limit_settings.items():
            if ours in limits.model_fields_set and theirs in settings.settings.model_fields_set:
                path = ("delivery", "endpoints", endpoint, ours)
                yield path, f"the same limit stands in settings.{theirs}; allowed: one of the two"
    for theirs, ours in vendor.delivery_settings.items():
        if ours in settings.delivery.model_fields_set and theirs in settings.settings.model_fields_set:
            yield ("delivery", ours), f"the same limit stands in settings.{theirs}; allowed: one of the two"


def _unknown_endpoints(destination: Destination, settings: DestinationSettings) -> Iterator[Finding]:
    for endpoint in settings.delivery.endpoints:
        if endpoint not in destination.endpoints:
            near = nearest(endpoint, destination.endpoints)
            hint = "" if near is None else f"; did you mean {near!r}?"
            allowed = listed(destination.endpoints)
            yield ("delivery", "endpoints", endpoint), f"unknown endpoint; allowed: {allowed}{hint}"


def _batches_of_singles(destination: Destination, settings: DestinationSettings) -> Iterator[Finding]:
    """Yield the endpoints that are to get several payloads a request and take one: its body would be no JSON."""
    for name, limits in settings.delivery.endpoints.items():
        endpoint = destination.endpoints.get(name)
        if endpoint is not None and endpoint.is_single and (limits.max_batch_count or 1) > 1:
            place = ("delivery", "endpoints", name, "max_batch_count")
            yield place, f"found {limits.max_batch_count}; allowed: 1, for this endpoint takes one payload a request"


def _plan_findings(destination: Destination, settings: DestinationSettings) -> Iterator[Finding]:
    """Yield what keeps the subscriptions from being compiled for this destination."""
    if not isinstance(settings.subscriptions, str):
        found = findings(destination, settings.subscriptions)
        yield from found
        if found:
            return
    try:
        Plan.compile(destination, settings.subscriptions)
    except ValidationError as error:
        yield ("subscriptions",), f"the presets cannot be used with these settings: {error.errors()[0]['msg']}"
    except (ConfigError, MappingError) as error:
        yield ("subscriptions",), error.safe
