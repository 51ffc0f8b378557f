"""Asks the cluster of a destination that writes to a topic: whether it may, and whether the topic is fit for it."""

from __future__ import annotations

from processor.checking.findings import Findings, Place
from processor.config.problems import Path
from processor.delivery.target_topic import cluster_id, target_problems
from processor.destinations.target import Target
from processor.errors import BrokerError
from processor.settings import Settings
from processor.source.clients import KafkaClients
from processor.source.contact import CONTACT_TIMEOUT_S, require_contact
from processor.source.deadline import Deadline
from processor.source.properties import target_cluster


def ask_target(
    settings: Settings, name: str, target: Target, place: Place, found: Findings, deadline: Deadline
) -> None:
    """Add what the cluster of a destination's topic says for and against it.

    Names of brokers tell clusters apart only as far as they go; two names of one cluster would let a loop through.

    Raises:
        ConfigError: The client refuses its properties.
    """
    try:
        _ask(settings, ("destinations", name, "settings", "topic"), target, place, found, deadline)
    except BrokerError as error:
        found.silent.append(f"destinations.{name}: Kafka: {error}")


def _ask(settings: Settings, path: Path, target: Target, place: Place, found: Findings, deadline: Deadline) -> None:
    cluster, client_id = target_cluster(settings.kafka, target.settings), f"{settings.kafka.group_prefix}.check"
    require_contact(cluster, min(CONTACT_TIMEOUT_S, deadline.left_s))
    admin = KafkaClients(cluster, client_id).admin()
    own = {*settings.kafka.topics, settings.kafka.control_topic, settings.dead_letters.topic}
    if target.topic in own:
        source = KafkaClients(settings.kafka, client_id).admin()
        if cluster_id(admin, deadline.request_s) == cluster_id(source, deadline.request_s):
            text = f"topic {target.topic} is used by this bridge on the same cluster: what it writes would come back"
            found.problems.append(place(path, text))
    for problem in target_problems(admin, target.settings, deadline.request_s):
        said = place(path, problem.message)
        (found.problems if problem.severity == "error" else found.warnings).append(said)
