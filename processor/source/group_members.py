"""Who is in a consumer group, by the brokers' account. Asked through the admin client; nobody joins."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any, Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConsumerGroupDescription, MemberDescription

from processor.errors import BrokerError
from processor.source.coordinator import coordinated
from processor.source.deadline import Deadline
from processor.source.orders import Member
from processor.source.trouble import broker_error

_NO_GROUP: Final = "GROUP_ID_NOT_FOUND"


def group_members(admin: AdminClient, group_id: str, deadline: Deadline) -> tuple[Member, ...]:
    """Return the members of a group of either protocol; none where there is no such group.

    Raises:
        BrokerError: No answer within the deadline, or the right to describe the group is missing.
    """
    try:
        return coordinated(lambda: _members(admin, group_id, deadline), deadline)
    except BrokerError as error:
        if error.code == _NO_GROUP:
            return ()
        raise


def _members(admin: AdminClient, group_id: str, deadline: Deadline) -> tuple[Member, ...]:
    future = ask_groups(admin, [group_id], deadline.request_s)[group_id]
    return tuple(Member(one.member_id, host(one)) for one in described(group_id, future, deadline).members)


def ask_groups(admin: AdminClient, group_ids: Iterable[str], timeout_s: float) -> dict[str, Future[Any]]:
    """Return what will be the brokers' descriptions of these groups, without waiting.

    Raises:
        BrokerError: The client refuses the question.
    """
    try:
        return admin.describe_consumer_groups(list(group_ids), request_timeout=timeout_s)
    except (KafkaException, ValueError) as error:
        raise broker_error(error, "cannot ask about members of groups") from error


def described(group_id: str, future: Future[Any], deadline: Deadline) -> ConsumerGroupDescription:
    """Return a group as the brokers describe it.

    Raises:
        BrokerError: They do not within the deadline, or not to us.
    """
    try:
        found: ConsumerGroupDescription = future.result(deadline.request_s)
    except KafkaException as error:
        raise broker_error(error, f"cannot describe group {group_id}") from error
    except TimeoutError as error:
        raise BrokerError(
            f"cannot describe group {group_id}: no answer in time", code="_TIMED_OUT", fatal=False
        ) from error
    return found


def host(member: MemberDescription) -> str:
    """Return the address that a member of a group connects from."""
    return str(member.host).removeprefix("/")
