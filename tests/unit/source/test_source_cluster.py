"""The admin client behind our questions: what it logs is heard."""

from __future__ import annotations

import contextlib
import logging

import pytest
from confluent_kafka.admin import AdminClient

from processor.errors import BrokerError
from processor.source.cluster import Cluster
from processor.source.deadline import Deadline
from tests.kafka_harness import random_name, until
from tests.kafka_listeners import free_ports


@pytest.mark.parametrize("question", ["topics", "offsets"])
def test_log_lines_of_the_client_do_not_pile_up(question: str, caplog: pytest.LogCaptureFixture) -> None:
    """While no broker is there each kind of question passes on what the client has to say about that."""
    log = logging.getLogger(random_name("client"))
    caplog.set_level(logging.DEBUG, logger=log.name)
    [port] = free_ports(1)
    cluster = Cluster(AdminClient({"bootstrap.servers": f"127.0.0.1:{port}"}, logger=log))

    def ask() -> bool:
        with contextlib.suppress(BrokerError):
            if question == "topics":
                cluster.topics(["t"], Deadline.after(0.1))
            else:
                cluster.log_ends([("t", 0)], Deadline.after(0.1))
        return any("Connection refused" in record.getMessage() for record in caplog.records)

    until(ask, "the client's log lines are heard")
