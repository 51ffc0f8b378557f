"""Which rights the settings need on topics and groups, and which of them are not granted.

One table serves the script that grants them, `check --online`, and a running destination that lacks one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, TypeAlias

from confluent_kafka.admin import AdminClient

from processor.config.problems import Path, path_text
from processor.destinations.target import TargetSettings
from processor.settings.fit import Finding
from processor.settings.root import Settings
from processor.source.deadline import Deadline
from processor.source.rights import Operations, TopicView, group_operations, topic_views

READ: Final = frozenset({"READ"})
WRITE: Final = frozenset({"WRITE"})
CREATE: Final = frozenset({"CREATE"})

Kind: TypeAlias = Literal["topic", "group"]


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


class Grant(NamedTuple):
    """A right as Kafka grants it: operations on one topic or group, and what for."""

    kind: Kind
    name: str
    operations: Operations
    purpose: str


def needs(settings: Settings) -> Iterator[Need]:
    """Yield the topics that the settings name, but for those that destinations write to."""
    for topic in settings.kafka.topics:
        yield Need(("kafka", "topics"), topic, "topic", READ)
    yield Need(("kafka", "control_topic"), settings.kafka.control_topic, "control topic", READ | WRITE, is_made=True)
    yield Need(("dead_letters", "topic"), settings.dead_letters.topic, "dead-letter topic", WRITE, is_examined=True)
    for name, own in settings.destinations.items():
        users = None if own.suppressed_users is None else own.suppressed_users.topic
        if users is not None:
            path = ("destinations", name, "suppressed_users", "topic")
            yield Need(path, users, "topic of suppressed users", READ, is_examined=True)


def grants(settings: Settings) -> list[Grant]:
    """Return everything that must be granted on the cluster of events, each topic and group once, and no more.

    Read and Write bring Describe with them. The right to make the control topic stands alone: who makes the topic
    beforehand does not grant it.
    """
    found = [Grant("topic", need.topic, need.operations, need.called) for need in needs(settings)]
    found += [
        Grant("topic", need.topic, CREATE, f"{need.called}, where it is missing")
        for need in needs(settings)
        if need.is_made
    ]
    found += [Grant("group", settings.group_id(name), READ, f"group of {name}") for name in settings.destinations]
    found += [
        Grant("topic", target.topic, WRITE, f"topic of {name}")
        for name, target in targets(settings)
        if target.bootstrap_servers is None
    ]
    return _once(found)


def targets(settings: Settings) -> Iterator[tuple[str, TargetSettings]]:
    """Yield the destinations that write to topics."""
    for name, own in settings.destinations.items():
        if isinstance(own.settings, TargetSettings):
            yield name, own.settings


def _once(grants: list[Grant]) -> list[Grant]:
    """Return the grants without those that another one gives already, as where destinations share a topic."""
    kept: dict[tuple[Kind, str, Operations], Grant] = {}
    for grant in grants:
        kept.setdefault(grant[:3], grant)
    return list(kept.values())


def lacking(settings: Settings, admin: AdminClient, deadline: Deadline) -> list[str]:
    """Return which rights a principal lacks on what is there, each with the key of the settings that needs it.

    A topic that does not exist is not told: others do that, and the bridge waits for it.

    Raises:
        BrokerError: The cluster does not answer within the deadline.
    """
    wanted = list(needs(settings))
    views = topic_views(admin, (need.topic for need in wanted), deadline)
    there = [need for need in wanted if not views[need.topic].is_missing]
    said: list[Finding] = [(need.path, text) for need in there for text in said_of_topic(need, views[need.topic])]
    for name in settings.destinations:
        group_id = settings.group_id(name)
        granted = group_operations(admin, group_id, deadline)
        said += [(("destinations", name), text) for text in said_of_group(group_id, granted)]
    return [f"{path_text(path)}: {text}" for path, text in said]


def said_of_topic(need: Need, view: TopicView) -> Iterator[str]:
    """Yield what keeps the bridge from using a topic."""
    if view.is_missing:
        if not need.is_made and not need.is_examined:
            yield f"{need.called} {need.topic} does not exist: create it, or mend the name"
        return
    if view.operations is None:
        return
    missing = told(need.operations - view.operations)
    if view.is_hidden:
        yield f"{need.called} {need.topic} may not be seen, be there one or not: grant {missing} on it"
    elif missing:
        yield f"{need.called} {need.topic}: not granted: {missing}; grant it on this topic"


def said_of_group(group_id: str, granted: Operations | None) -> Iterator[str]:
    """Yield that a consumer group may not be used."""
    if granted is not None and not granted >= READ:
        yield f"consumer group {group_id}: not granted: {told(READ)}; grant it on this group"


def told(operations: Operations) -> str:
    """Return operations as Kafka's own tools spell them."""
    return " and ".join(spelt(operations))


def spelt(operations: Operations) -> list[str]:
    """Return the names of operations as Kafka's own tools spell them."""
    return sorted(operation.replace("_", " ").title().replace(" ", "") for operation in operations)
