"""What `check` finds beyond a valid file: what only compiling the settings, or asking Kafka, can tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, NamedTuple

from processor.app import build_plan
from processor.config import Document
from processor.config.problems import Path
from processor.delivery.dead_letter_topic import topic_problems
from processor.errors import BrokerError, ConfigError
from processor.settings import Settings
from processor.settings.doubts import doubts, placed, told
from processor.settings.fit import Finding
from processor.source.clients import KafkaClients
from processor.source.cluster import Cluster
from processor.source.contact import require_contact
from processor.source.deadline import Deadline
from processor.source.decode import Decoder
from processor.source.suppressed_topic import require_compacted

ASK_S: Final = 15.0
"""Longest time that Kafka may take for each of the questions."""


class Findings(NamedTuple):
    """What a check found: problems keep the bridge from being started, warnings should be read."""

    problems: list[str]
    warnings: list[str]


def check(settings: Settings, *, online: bool, document: Document | None = None) -> Findings:
    """Return what only compiling valid settings, or asking Kafka, can tell about them.

    With the `document` that they were read from, all of it but faults of compiling names file and line.

    Raises:
        BrokerError: Kafka gave no answer, and nothing else is wrong.
    """
    found = Findings([], [])
    for name, own in settings.destinations.items():
        try:
            destination, _ = build_plan(name, own)
            Decoder(own.decode, own.event_path)
        except ConfigError as error:
            found.problems.append(str(error))
            continue
        found.warnings.extend(told(name, doubt, document) for doubt in doubts(own, destination))
    if online:
        _ask_kafka(settings, found, partial(placed, document))
    return found


def _ask_kafka(settings: Settings, found: Findings, place: Callable[[Path, str], str]) -> None:
    """Add what Kafka says against these settings. No answer says nothing against them, so that alone is raised."""
    admin = KafkaClients(settings.kafka, f"{settings.kafka.group_prefix}.check").admin()
    try:
        require_contact(settings.kafka)
        missing = _missing_topics(settings, Cluster(admin))
        found.problems.extend(place(("kafka", "topics"), f"topic {topic} does not exist") for topic in missing)
        found.problems.extend(place(path, text) for path, text in _users_problems(settings, Cluster(admin)))
        there = [topic for topic in settings.kafka.topics if topic not in missing]
        for problem in topic_problems(admin, settings.dead_letters.topic, there, ASK_S):
            said = place(("dead_letters", "topic"), problem.message)
            (found.problems if problem.severity == "error" else found.warnings).append(said)
    except BrokerError as error:
        if not found.problems:
            raise
        found.problems.append(f"Kafka: {error}")


def _missing_topics(settings: Settings, cluster: Cluster) -> list[str]:
    """Return the topics that do not exist."""
    states = cluster.topics(settings.kafka.topics, Deadline.after(ASK_S))
    return [topic for topic, state in states.items() if state is None]


def _users_problems(settings: Settings, cluster: Cluster) -> Iterator[Finding]:
    """Yield what keeps topics from listing suppressed users."""
    for name, own in settings.destinations.items():
        topic = None if own.suppressed_users is None else own.suppressed_users.topic
        if topic is not None:
            try:
                require_compacted(cluster, topic, Deadline.after(ASK_S))
            except BrokerError as error:
                if not error.fatal:
                    raise
                yield ("destinations", name, "suppressed_users", "topic"), str(error)
