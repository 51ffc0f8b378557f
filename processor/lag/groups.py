"""Members of consumer groups and what each owns, all groups in one question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from confluent_kafka.admin import AdminClient

from processor.errors import BrokerError
from processor.source import group_members
from processor.source.deadline import Deadline
from processor.source.partitions import Partition

_NO_GROUP: Final = frozenset({"GROUP_ID_NOT_FOUND", "COORDINATOR_NOT_AVAILABLE", "GROUP_COORDINATOR_NOT_AVAILABLE"})
"""Answers for a group that nobody has joined yet; a cluster without any group has no coordinator either."""
_MARGIN_S: Final = 0.5
"""What a question about members leaves of the time for everything else."""


class Owner(NamedTuple):
    """A member of a group: a process that reads."""

    client_id: str
    host: str
    member_id: str = ""


class Group(NamedTuple):
    """A group: its state in Kafka's words, and who owns what. `trouble` says why that is not known."""

    group_id: str
    state: str = ""
    owners: Mapping[Partition, Owner] = MappingProxyType({})
    member_count: int = 0
    trouble: str = ""

    @property
    def is_known(self) -> bool:
        """Say whether a partition without an owner has none."""
        return not self.trouble


class GroupQuestion:
    """A question about groups that is on its way."""

    def __init__(self, futures: Mapping[str, Future[Any]]) -> None:
        """Take the futures of the admin client, by group."""
        self._futures = dict(futures)

    def groups(self, deadline: Deadline) -> dict[str, Group]:
        """Return the groups by their ids. One that cannot be asked about says why; nothing is raised."""
        return {group_id: _group(group_id, future, deadline) for group_id, future in self._futures.items()}


def question_about(admin: AdminClient, group_ids: Iterable[str], deadline: Deadline) -> GroupQuestion:
    """Return a question about these groups, without waiting.

    Raises:
        BrokerError: The client refuses the question.
    """
    return GroupQuestion(group_members.ask_groups(admin, group_ids, max(deadline.request_s - _MARGIN_S, 0.1)))


def _group(group_id: str, future: Future[Any], deadline: Deadline) -> Group:
    """Return one group as the cluster describes it."""
    try:
        found = group_members.described(group_id, future, deadline)
    except BrokerError as error:
        return Group(group_id, "EMPTY") if error.code in _NO_GROUP else Group(group_id, trouble=str(error))
    owners = {
        (each.topic, each.partition): Owner(member.client_id, group_members.host(member), member.member_id)
        for member in found.members
        for each in (member.assignment.topic_partitions if member.assignment is not None else ())
    }
    return Group(group_id, found.state.name, owners, len(found.members))
