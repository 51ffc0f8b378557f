"""Which rights the settings need on topics and groups, and which of them are not granted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from processor.config.problems import Path
from processor.settings import Settings
from processor.source.rights import Operations, TopicView

READ: Final = frozenset({"READ"})
WRITE: Final = frozenset({"WRITE"})


class Need(NamedTuple):
    """A topic that the settings name, and what the bridge does with it."""

    path: Path
    topic: str
    called: str
    operations: Operations
    is_made: bool = False
    """Whether the bridge makes it where it is missing."""
    is_examined: bool = False
    """Whether another question tells that it is missing."""


def needs(settings: Settings) -> Iterator[Need]:
    """Yield the topics that the settings name."""
    for topic in settings.kafka.topics:
        yield Need(("kafka", "topics"), topic, "topic", READ)
    yield Need(("kafka", "control_topic"), settings.kafka.control_topic, "control topic", READ | WRITE, is_made=True)
    yield Need(("dead_letters", "topic"), settings.dead_letters.topic, "dead-letter topic", WRITE, is_examined=True)
    for name, own in settings.destinations.items():
        users = None if own.suppressed_users is None else own.suppressed_users.topic
        if users is not None:
            path = ("destinations", name, "suppressed_users", "topic")
            yield Need(path, users, "topic of suppressed users", READ, is_examined=True)


def said_of_topic(need: Need, view: TopicView) -> Iterator[str]:
    """Yield what keeps the bridge from using a topic."""
    if view.is_missing:
        if not need.is_made and not need.is_examined:
            yield f"{need.called} {need.topic} does not exist: create it, or mend the name"
        return
    if view.operations is None:
        return
    lacking = told(need.operations - view.operations)
    if view.is_hidden:
        yield f"{need.called} {need.topic} may not be seen, be there one or not: grant {lacking} on it"
    elif lacking:
        yield f"{need.called} {need.topic}: not granted: {lacking}; grant it on this topic"


def said_of_group(group_id: str, granted: Operations | None) -> Iterator[str]:
    """Yield that a consumer group may not be used."""
    if granted is not None and not granted >= READ:
        yield f"consumer group {group_id}: not granted: {told(READ)}; grant it on this group"


def told(operations: Operations) -> str:
    """Return operations as Kafka's own tools spell them."""
    return " and ".join(sorted(operation.replace("_", " ").title().replace(" ", "") for operation in operations))
