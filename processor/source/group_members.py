"""Who is in a consumer group, by the brokers' account. Asked through the admin client; nobody joins."""

from __future__ import annotations

import time
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from processor.errors import BrokerError
from processor.source.deadline import Deadline
from processor.source.orders import Member
from processor.source.trouble import NO_COORDINATOR_YET, broker_error

_NO_GROUP: Final = "GROUP_ID_NOT_FOUND"
_PAUSE_S: Final = 0.2


def group_members(admin: AdminClient, group_id: str, deadline: Deadline) -> tuple[Member, ...]:
    """Return the members of a group of either protocol; none where there is no such group.

    Raises:
        BrokerError: No answer within the deadline, or the right to describe the group is missing.
    """
    while True:
        try:
            return _members(admin, group_id, deadline)
        except BrokerError as error:
            if error.code == _NO_GROUP:
                return ()
            if error.code not in NO_COORDINATOR_YET or deadline.left_s <= _PAUSE_S:
                raise
        time.sleep(_PAUSE_S)


def _members(admin: AdminClient, group_id: str, deadline: Deadline) -> tuple[Member, ...]:
    doing = f"cannot tell who is in group {group_id}"
    try:
        future = admin.describe_consumer_groups([group_id], request_timeout=deadline.request_s)[group_id]
        found = future.result(deadline.request_s)
    except (KafkaException, ValueError) as error:
        raise broker_error(error, doing) from error
    except TimeoutError as error:
        raise BrokerError(f"{doing}: no answer in time", code="_TIMED_OUT", fatal=False) from error
    return tuple(Member(one.member_id, one.host.lstrip("/")) for one in found.members)
