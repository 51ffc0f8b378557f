"""What people do with mappings at their desk: look, explain, test, compare, copy. Nothing is sent.

No Kafka is asked, except for the records of a comparison over a time range.

Everything runs on the plan and the decoder that the bridge itself runs on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from pydantic import BaseModel

from processor.building import build_destination, build_plan, listed_users
from processor.config import secrets_in
from processor.config.problems import listed
from processor.destinations import destination_class
from processor.destinations.exports import Imported, destination_ids, imported
from processor.destinations.presets import as_yaml, presets_text
from processor.errors import ConfigError
from processor.model import Record
from processor.pipeline.cases.running import Outcome, outcome_of
from processor.pipeline.cases.settings import load_all
from processor.pipeline.changes.reading import WaitingDecoder, numbered, records_of
from processor.pipeline.changes.tally import Changes, Side, compare
from processor.pipeline.explain import explain_record
from processor.pipeline.preview import preview_line
from processor.settings import DestinationSettings, Settings
from processor.source.clients import KafkaClients
from processor.source.contact import require_contact
from processor.source.deadline import Deadline
from processor.source.decode import Decoder
from processor.source.decode_settings import DecodeSettings
from processor.source.suppressed_topic import SuppressedTopic, read_once
from processor.source.time_range import time_range

USERS_S: Final = 300.0
"""Longest time that a topic of suppressed users may take to be read."""


def preview(settings: Settings, name: str, lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what each event comes to, one JSON line for each line in; the pipeline's own decoder and plan do it."""
    own = settings.destinations[name]
    destination, plan = build_plan(name, own)
    decoder = Decoder(DecodeSettings())
    for record in _read_now(lines, settings.kafka.topics[0]):
        yield msgspec.json.encode(preview_line(destination, plan, decoder, record, record.timestamp_ms))


def explain(settings: Settings, name: str, lines: Iterable[bytes]) -> Iterator[list[dict[str, Any]]]:
    """Yield why each event becomes what it becomes, a list for each line in, an item for each event of the line."""
    own = settings.destinations[name]
    destination, plan = build_plan(name, own)
    decoder = Decoder(DecodeSettings())
    for record in _read_now(lines, settings.kafka.topics[0]):
        yield explain_record(destination, plan, decoder, record, record.timestamp_ms)


def _read_now(lines: Iterable[bytes], topic: str) -> Iterator[Record]:
    """Yield lines as records of a topic that are written at the moment at which they are read."""
    for offset, line in enumerate(lines):
        yield Record(topic, 0, offset, time.time_ns() // 1_000_000, value=line.rstrip(b"\r\n"))


def run_cases(settings: Settings, files: Iterable[Path]) -> Outcome:
    """Return how the golden cases of these files go.

    Raises:
        ConfigError: a file cannot be used; the text lists the problems of all files.
    """
    cases = load_all(files, tuple(settings.destinations))
    return outcome_of(cases, lambda name: build_plan(name, settings.destinations[name]))


def diff(old: Settings, new: Settings, name: str, lines: Iterable[bytes], *, example_limit: int = 3) -> Changes:
    """Return what changes at a destination for recorded events, one a line, between two configurations."""
    before, after = (
        Side(*build_plan(name, settings.destinations[name]), Decoder(DecodeSettings())) for settings in (old, new)
    )
    return compare(before, after, records_of(lines, old.kafka.topics[0]), example_limit=example_limit)


class Recorded:
    """The records of a time range, and the Kafka that they are in. It makes no consumer group."""

    def __init__(
        self, new: Settings, name: str, topics: Sequence[str], start: str, end: str, *, limit: int | None = None
    ) -> None:
        """Ask where the range lies in these topics, in those of the configuration where none is named.

        Raises:
            ConfigError: a secret of the Kafka clients is missing.
            BrokerError: Kafka cannot be reached, or a topic does not exist.
        """
        require_secrets(new.kafka)
        require_contact(new.kafka)
        self._new = new
        self._name = name
        self._clients = KafkaClients(new.kafka, new.group_id(name))
        self._range = time_range(self._clients, topics or new.kafka.topics, start, end, limit=limit)
        self.most = self._range.most
        """How many records there are at most."""

    def records(self) -> Iterator[Record]:
        """Yield the records; they are read as they are asked for."""
        return self._range.records()

    def diff(self, old: Settings, records: Iterable[Record], *, example_limit: int = 3) -> Changes:
        """Return what changes for records, each side reading them, and its suppressed users, as its destination would.

        Raises:
            ConfigError: a secret of a schema registry is missing.
            TransientError: a schema registry cannot be asked.
            BrokerError: a topic of suppressed users cannot be read.
        """
        before, after = self._side(old), self._side(self._new)
        return compare(before, after, numbered(records), example_limit=example_limit)

    def _side(self, settings: Settings) -> Side:
        """Return one of the configurations, with what its records and its suppressed users are read by."""
        own = settings.destinations[self._name]
        require_secrets(own.decode)
        users = listed_users(own, self._clients)
        if isinstance(users, SuppressedTopic):
            read_once(users, Deadline.after(USERS_S))
        return Side(*build_plan(self._name, own, users), WaitingDecoder(own.decode, own.event_path))


def require_secrets(settings: BaseModel) -> None:
    """Refuse settings whose secrets are not there: a file that is read without them has what stands in for them."""
    troubles = [trouble for secret in secrets_in(settings) if (trouble := secret.trouble()) is not None]
    if troubles:
        raise ConfigError("\n".join(troubles))


def vendor_presets(vendor: str) -> str:
    """Return a vendor's presets as its file has them, comments included."""
    return presets_text(destination_class(vendor).__module__.rpartition(".")[0])


def own_presets(name: str, settings: DestinationSettings) -> str:
    """Return the presets of a destination as its settings shape them, as YAML."""
    return as_yaml(build_destination(name, settings).presets())


def import_export(export: bytes | str, destination_id: str | None = None) -> tuple[str, list[str]]:
    """Return YAML for one destination of ours, and what a person should know of it.

    Bytes may be in UTF-8 or, as a shell of Windows writes them, in UTF-16. `destination_id` is Segment's id of the
    destination that is wanted, needed where an export speaks of several: together they would send to the wrong vendor.

    Raises:
        ConfigError: the export is no JSON, there is neither a subscription nor a filter in it, or it does not tell
            which destination is meant.
    """
    try:
        value = json.loads(export)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"this is no JSON: {error}") from error
    _require_one(destination_ids(value), destination_id)
    found = imported(value, destination_id)
    if not (found.subscriptions or found.filters or found.left_out):
        raise ConfigError(
            "there is neither a subscription nor a filter in it; allowed: what Segment's Public API answers for the "
            "subscriptions or filters of a destination, or a Terraform state as JSON"
        )
    return _imported_yaml(found), found.notes


def _require_one(known: Sequence[str], destination_id: str | None) -> None:
    """Refuse an export of several destinations of which none is named, and the name of one that it does not have."""
    if destination_id is None and len(known) > 1:
        raise ConfigError(
            f"it speaks of several destinations; allowed: one of them by --destination-id: {listed(known)}"
        )
    if destination_id is not None and destination_id not in known:
        allowed = listed(known) if known else "no --destination-id, for no destination is named in it"
        raise ConfigError(f"it says nothing of destination {destination_id}; allowed: {allowed}")


def _imported_yaml(found: Imported) -> str:
    """Return an import as YAML, the notes and what is left out as comments above it."""
    lines = [f"# {' '.join(note.split())}" for note in found.notes]  # a name may hold a line end
    lines += [f"# left out: {json.dumps(one)}" for one in found.left_out]
    parts = {"subscriptions": found.subscriptions, "filters": found.filters}
    return "".join(f"{line}\n" for line in lines) + "".join(
        as_yaml({name: part}) for name, part in parts.items() if part
    )
