"""What `check` finds beyond a valid file: what only compiling the settings, or asking Kafka and vendors, can tell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final, NamedTuple, TypeAlias

from processor.app import build_plan
from processor.config import Document
from processor.config.problems import Path
from processor.delivery.credentials import Credentials, ask_vendors
from processor.delivery.dead_letter_topic import topic_problems
from processor.delivery.http_settings import HttpSettings
from processor.delivery.target_topic import cluster_id, target_problems
from processor.destinations.base import Destination
from processor.destinations.target import Target
from processor.errors import BrokerError, ConfigError, TransientError
from processor.settings import Settings
from processor.settings.doubts import doubts, placed, told
from processor.settings.fit import Finding
from processor.source import control_topic
from processor.source.clients import KafkaClients
from processor.source.cluster import Cluster
from processor.source.contact import require_contact
from processor.source.deadline import Deadline
from processor.source.decode import Decoder
from processor.source.properties import target_cluster
from processor.source.suppressed_topic import require_compacted

ASK_S: Final = 15.0
"""Longest time that Kafka, or a vendor, may take for each of the questions."""

Place: TypeAlias = Callable[[Path, str], str]
"""Puts file, line and key before what is wrong there."""


class Findings(NamedTuple):
    """What a check found: problems keep the bridge from being started, warnings should be read, notes are good news."""

    problems: list[str]
    warnings: list[str]
    notes: list[str]


def check(settings: Settings, *, online: bool, document: Document | None = None) -> Findings:
    """Return what only compiling valid settings, or asking Kafka and the vendors, can tell about them.

    With the `document` that they were read from, all of it but faults of compiling names file and line.

    Raises:
        BrokerError: Kafka gave no answer, and nothing else is wrong.
        TransientError: A vendor gave none, and nothing else is wrong.
    """
    found = Findings([], [], [])
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
        silent = _ask_vendors({name: one for name, one in sound.items() if one[0].target is None}, found, place)
        try:
            _ask_kafka(settings, found, place)
            for name, (destination, _) in sound.items():
                if destination.target is not None:
                    _ask_target(settings, name, destination.target, found, place)
        except BrokerError as error:
            if not silent:
                raise
            silent.append(f"Kafka: {error}")
        if silent:
            if not found.problems:
                raise TransientError("\n".join(silent), safe="\n".join(silent))
            found.problems.extend(silent)
    return found


def _ask_vendors(sound: Mapping[str, tuple[Destination, HttpSettings]], found: Findings, place: Place) -> list[str]:
    """Add what vendors say of credentials; return those that gave no answer, which says nothing against them."""
    silent = []
    for name, asked in asyncio.run(ask_vendors(sound, ASK_S)).items():
        said = place(("destinations", name), asked.said)
        match asked.credentials:
            case Credentials.REFUSED:
                found.problems.append(said)
            case Credentials.UNTOLD:
                found.warnings.append(said)
            case Credentials.NO_ANSWER:
                silent.append(said)
            case _:
                found.notes.append(f"destinations.{name}: {asked.said}")
    return silent


def _ask_kafka(settings: Settings, found: Findings, place: Place) -> None:
    """Add what Kafka says against these settings. No answer says nothing against them, so that alone is raised."""
    admin = KafkaClients(settings.kafka, f"{settings.kafka.group_prefix}.check").admin()
    try:
        require_contact(settings.kafka)
        missing = _missing_topics(settings, Cluster(admin))
        found.problems.extend(place(("kafka", "topics"), f"topic {topic} does not exist") for topic in missing)
        found.problems.extend(place(path, text) for path, text in _compaction_problems(settings, Cluster(admin)))
        there = [topic for topic in settings.kafka.topics if topic not in missing]
        for problem in topic_problems(admin, settings.dead_letters.topic, there, ASK_S):
            said = place(("dead_letters", "topic"), problem.message)
            (found.problems if problem.severity == "error" else found.warnings).append(said)
    except BrokerError as error:
        if not found.problems:
            raise
        found.problems.append(f"Kafka: {error}")


def _ask_target(settings: Settings, name: str, target: Target, found: Findings, place: Place) -> None:
    """Add what the cluster of a destination's topic says against it. No answer says nothing against it: it is raised.

    Names of brokers tell clusters apart only as far as they go; two names of one cluster would let a loop through.
    """
    cluster = target_cluster(settings.kafka, target.settings)
    require_contact(cluster)
    admin = KafkaClients(cluster, f"{settings.kafka.group_prefix}.check").admin()
    path: Path = ("destinations", name, "settings", "topic")
    own = {*settings.kafka.topics, settings.kafka.control_topic, settings.dead_letters.topic}
    if target.topic in own:
        source = KafkaClients(settings.kafka, f"{settings.kafka.group_prefix}.check").admin()
        if cluster_id(admin, ASK_S) == cluster_id(source, ASK_S):
            text = f"topic {target.topic} is used by this bridge on the same cluster: what it writes would come back"
            found.problems.append(place(path, text))
    for problem in target_problems(admin, target.settings, ASK_S):
        said = place(path, problem.message)
        (found.problems if problem.severity == "error" else found.warnings).append(said)


def _missing_topics(settings: Settings, cluster: Cluster) -> list[str]:
    """Return the topics that do not exist."""
    states = cluster.topics(settings.kafka.topics, Deadline.after(ASK_S))
    return [topic for topic, state in states.items() if state is None]


def _compaction_problems(settings: Settings, cluster: Cluster) -> Iterator[Finding]:
    """Yield what keeps topics from listing suppressed users, and the control topic, once there is one, from use."""
    control = settings.kafka.control_topic
    if cluster.topics([control], Deadline.after(ASK_S))[control] is not None:
        yield from _said(("kafka", "control_topic"), partial(control_topic.require_compacted, cluster, control))
    for name, own in settings.destinations.items():
        topic = None if own.suppressed_users is None else own.suppressed_users.topic
        if topic is not None:
            path = ("destinations", name, "suppressed_users", "topic")
            yield from _said(path, partial(require_compacted, cluster, topic))


def _said(path: Path, require: Callable[[Deadline], object]) -> Iterator[Finding]:
    """Yield what a question to the cluster says that only somebody's act changes; no answer is raised."""
    try:
        require(Deadline.after(ASK_S))
    except BrokerError as error:
        if not error.fatal:
            raise
        yield path, str(error)
