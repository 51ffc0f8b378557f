"""What a running bridge says of a Kafka that it cannot use: one line for each change."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import pytest

from processor.errors import BrokerError, ConfigError
from processor.source.access_watch import AccessWatch
from processor.source.deadline import Deadline
from tests.kafka_harness import until

SILENT = BrokerError("no answer in time", code="_TIMED_OUT", fatal=False)


class Cluster:
    """Answers by script; each question takes the next answer, and the last one stays."""

    def __init__(self, *answers: list[str] | Exception) -> None:
        """Answer so."""
        self._answers = list(answers)
        self.asked = threading.Event()

    def lacking(self, deadline: Deadline) -> list[str]:
        """Return the next answer."""
        assert deadline.left_s > 0
        self.asked.set()
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def failing(error: Exception) -> Callable[[], None]:
    """Return a contact that fails so."""

    def contact() -> None:
        raise error

    return contact


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Return level and text of what was logged."""
    return [(record.levelname, record.getMessage()) for record in caplog.records]


@pytest.fixture(autouse=True)
def _everything_is_seen(caplog: pytest.LogCaptureFixture) -> None:
    """See every level."""
    caplog.set_level(logging.DEBUG, "processor.source.access_watch")


def test_rights_are_said_when_they_change(caplog: pytest.LogCaptureFixture) -> None:
    """All that is missing in one line, once; then what is still missing; then that nothing is."""
    cluster = Cluster(
        ["a: not granted", "b: not granted"], ["a: not granted", "b: not granted"], ["b: not granted"], []
    )
    watch = AccessWatch(cluster.lacking, failing(AssertionError()))
    for _ in range(5):
        watch.look()
    assert lines(caplog) == [
        ("ERROR", "Kafka: a: not granted; b: not granted"),
        ("ERROR", "Kafka: b: not granted"),
        ("INFO", "Kafka answers, and grants what the settings need"),
    ]


def test_nothing_is_said_while_all_is_well(caplog: pytest.LogCaptureFixture) -> None:
    """Not even at the start."""
    watch = AccessWatch(Cluster([]).lacking, failing(AssertionError()))
    watch.look()
    watch.look()
    assert lines(caplog) == []


@pytest.mark.parametrize(
    "error",
    [
        BrokerError("b:1 cannot be used: expired", code="_SSL", fatal=False),
        BrokerError("b:1 cannot be used: password", code="_AUTHENTICATION", fatal=False),
        BrokerError("b:1 cannot be used: it closes the connection", code="_DISCONNECTED", fatal=False),
        ConfigError("the client cannot be made"),
    ],
    ids=str,
)
def test_what_somebody_must_mend_is_said(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """Once, however long it lasts; and that it is mended."""
    watch = AccessWatch(Cluster(SILENT, SILENT, []).lacking, failing(error))
    for _ in range(3):
        watch.look()
    assert lines(caplog) == [
        ("ERROR", f"Kafka: {error}"),
        ("INFO", "Kafka answers, and grants what the settings need"),
    ]


def test_a_broker_that_is_down_is_told_by_others(caplog: pytest.LogCaptureFixture) -> None:
    """It comes back by itself."""
    down = BrokerError("b:1 cannot be used: Connection refused", code="_TRANSPORT", fatal=False)
    AccessWatch(Cluster(SILENT).lacking, failing(down)).look()
    assert lines(caplog) == []


def test_a_cluster_that_does_not_tell_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    """Brokers that answer otherwise, such as old ones that know no rights, are nothing to say."""
    watch = AccessWatch(Cluster(SILENT).lacking, lambda: None)
    watch.look()
    assert lines(caplog) == []


def test_it_looks_by_itself_until_it_is_stopped(caplog: pytest.LogCaptureFixture) -> None:
    """From a thread of its own, which a bug in it ends with a line, and nothing else."""
    cluster = Cluster(["a: not granted"])
    watch = AccessWatch(cluster.lacking, failing(AssertionError()))
    watch.start()
    until(lambda: lines(caplog) == [("ERROR", "Kafka: a: not granted")], "it has looked")
    watch.stop()
    watch._thread.join(5)
    assert not watch._thread.is_alive()
    broken = AccessWatch(Cluster(ValueError("a bug")).lacking, lambda: None)
    broken.start()
    broken._thread.join(5)
    assert ("ERROR", "what Kafka grants is not looked at any more") in lines(caplog)
