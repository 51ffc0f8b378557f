"""What a destination's part of the settings comes to: a destination, its plan, and who is suppressed."""

from __future__ import annotations

from collections.abc import Container

from processor.destinations import destination_class
from processor.destinations.base import Destination
from processor.destinations.filters import Filters
from processor.destinations.plan import Plan
from processor.destinations.privacy import Privacy
from processor.settings import DestinationSettings
from processor.source.clients import Clients
from processor.source.cluster import Cluster
from processor.source.suppressed import SuppressedUsers
from processor.source.suppressed_topic import SuppressedTopic


def build_destination(name: str, settings: DestinationSettings) -> Destination:
    """Return a destination for its part of the file."""
    return destination_class(settings.type).create(name, settings.settings)


def suppressed_users(settings: DestinationSettings) -> SuppressedUsers | None:
    """Return the users of whom nothing is sent, as their file has them now; None where no file is set.

    Raises:
        ConfigError: the file cannot be read.
    """
    listed_in = settings.suppressed_users
    return None if listed_in is None or listed_in.file is None else SuppressedUsers(listed_in.file)


def listed_users(settings: DestinationSettings, clients: Clients) -> SuppressedUsers | SuppressedTopic | None:
    """Return the list of a file, or that of a topic, of which nothing is known yet; None where neither is set."""
    users = settings.suppressed_users
    if users is None or users.topic is None:
        return suppressed_users(settings)
    return SuppressedTopic(
        users.topic, users.max_bytes, Cluster(clients.admin()), lambda: clients.topic_reader("suppressed-users")
    )


def build_plan(
    name: str, settings: DestinationSettings, suppressed: Container[str] | None = None
) -> tuple[Destination, Plan]:
    """Return a destination and its compiled plan.

    Unless `suppressed` users are given, they are read from their file; what a topic lists nobody is asked for here.

    Raises:
        ConfigError: the subscriptions do not fit the destination, or the file of suppressed users cannot be read.
    """
    destination = build_destination(name, settings)
    suppressed = suppressed_users(settings) if suppressed is None else suppressed
    if suppressed is not None:
        destination.gates = destination.gates.suppressing(suppressed)
    privacy = None if settings.privacy is None else Privacy(settings.privacy)
    filters = Filters(settings.filters) or None
    return destination, Plan.compile(destination, settings.subscriptions, privacy=privacy, filters=filters)
