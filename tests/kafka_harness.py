"""Real Apache Kafka brokers for tests: started on free loopback ports, killed and restarted at will, always removed.

Use the fixtures `kafka` (one broker, shared by the session) and `kafka_cluster` (three brokers of one's own); the
functions of `Kafka` make topics and records. `KAFKA_BOOTSTRAP_SERVERS` names an existing Kafka to use instead of the
shared broker. A guard process outlives even a killed test run: it ends the brokers and removes their data.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from processor.source.deadline import Deadline
from processor.source.group_offsets import GroupOffsets
from processor.source.partitions import Committed, Partition
from tests.kafka_jars import KafkaUnavailableError, jars
from tests.kafka_listeners import Listeners, free_ports, servers_at
from tests.kafka_users import ADMIN, authorizer_properties, sasl_properties

READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
START_ATTEMPT_COUNT = 3
RESTART_SESSION_MS = 6_000
JVM_OPTIONS = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

QUIET = {"log_level": 0, "reconnect.backoff.max.ms": 500}
"""For clients of the harness itself: brokers come and go on purpose, and that is no news."""

FRESH = {"metadata.max.age.ms": 1_000, "topic.metadata.refresh.interval.ms": 500}
"""For the admin client: it would ask a dead leader for a quarter of an hour."""


class BrokerEndedError(RuntimeError):
    """A broker that was to run has ended; the text holds the end of what it printed."""


def random_name(prefix: str = "test") -> str:
    """Return a name that no other test uses."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def until(condition: Callable[[], Any], what: str, timeout_s: float = 30.0, pause_s: float = 0.02) -> Any:  # noqa: ANN401 - whatever the condition gives
    """Return the first true value of `condition`; fail with `what` when none came in time."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(pause_s)
    return value


class Kafka:
    """A Kafka to test against, ours or somebody else's: topics, records, and what an outside reader sees."""

    def __init__(self, bootstrap_servers: str, broker_count: int = 1) -> None:
        """Nothing is connected yet; clients are made when first used."""
        self.bootstrap_servers = bootstrap_servers
        self.broker_count = broker_count
        self.client_properties: Mapping[str, str] = {}
        self._admin: AdminClient | None = None
        self._producer: Producer | None = None

    @property
    def _connection(self) -> dict[str, str]:
        return {**self.client_properties, "bootstrap.servers": self.bootstrap_servers}

    @property
    def admin(self) -> AdminClient:
        """Return one admin client for the whole life of this object."""
        if self._admin is None:
            self._admin = AdminClient({**QUIET, **FRESH, **self._connection})
        return self._admin

    @property
    def producer(self) -> Producer:
        """Return one idempotent producer for the whole life of this object."""
        if self._producer is None:
            self._producer = Producer({**QUIET, **self._connection, "enable.idempotence": True, "linger.ms": 5})
        return self._producer

    def create_topic(
        self,
        name: str | None = None,
        *,
        partitions: int = 1,
        config: Mapping[str, str] | None = None,
    ) -> str:
        """Return the name of a topic that now exists and has leaders; a random name unless one is given."""
        topic = random_name("topic") if name is None else name
        replication = min(3, self.broker_count)
        new = NewTopic(topic, num_partitions=partitions, replication_factor=replication, config=dict(config or {}))
        self.admin.create_topics([new], request_timeout=30)[topic].result(30)
        until(lambda: self.partition_count(topic) == partitions, f"topic {topic} has leaders")
        return topic

    def delete_topic(self, topic: str) -> None:
        """Return when the topic is gone."""
        self.admin.delete_topics([topic], request_timeout=30)[topic].result(30)
        until(lambda: self.partition_count(topic) == 0, f"topic {topic} is gone")

    def partition_count(self, topic: str) -> int:
        """Return how many partitions of the topic have a leader."""
        known = self.admin.list_topics(topic, timeout=10).topics[topic].partitions.values()
        return sum(1 for partition in known if partition.leader >= 0 and partition.error is None)

    def offsets(self, group_id: str) -> GroupOffsets:
        """Return an outside reader of a group's offsets, to be closed."""
        properties = {**QUIET, **self._connection, "group.id": group_id}
        return GroupOffsets(group_id, lambda: Consumer(properties))

    def committed(self, group_id: str) -> dict[Partition, Committed]:
        """Return every offset that the group has committed, of any topic."""
        topics = self.admin.list_topics(timeout=20).topics
        names = [name for name in topics if not name.startswith("__")]
        offsets = self.offsets(group_id)
        try:
            return offsets.committed([(name, n) for name in names for n in topics[name].partitions], Deadline.after(20))
        finally:
            offsets.close()

    def produce(
        self,
        topic: str,
        values: Iterable[bytes | None],
        *,
        key: bytes | Callable[[int], bytes] | None = b"user-1",
        partition: int = -1,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> int:
        """Return how many records the broker has acknowledged: one for each value.

        `key` may be a function of the record's position among the values; `partition` -1 leaves the choice to the key.
        """
        failures: list[object] = []
        count = 0
        for index, value in enumerate(values):
            chosen = key(index) if callable(key) else key
            self._produce_one(topic, chosen, value, partition, headers, failures)
            count += 1
        left = self.producer.flush(60)
        if left or failures:
            raise AssertionError(f"{left} records unacknowledged, failures: {failures[:3]}")
        return count

    def _produce_one(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int,
        headers: Sequence[tuple[str, bytes]],
        failures: list[object],
    ) -> None:
        def acknowledged(error: object, _message: object) -> None:
            if error is not None:
                failures.append(error)

        while True:
            try:
                self.producer.produce(topic, value, key, partition, on_delivery=acknowledged, headers=list(headers))
            except BufferError:
                self.producer.poll(0.1)
            else:
                self.producer.poll(0)
                return


class KafkaCluster(Kafka):
    """One to three brokers of our own, in KRaft mode, each of them broker and controller."""

    def __init__(
        self,
        broker_count: int = 1,
        properties: Mapping[str, str] | None = None,
        *,
        has_authorizer: bool = False,
        listeners: Listeners | None = None,
    ) -> None:
        """Nothing is started yet. `properties` are added to those of every broker.

        With an authorizer clients must say by SASL who they are, and only `ADMIN`, as which the harness speaks, may do
        anything that is not granted by `admin.create_acls`. `listeners` are beside the one that the harness uses.
        """
        super().__init__("", broker_count)
        self._listeners = Listeners() if listeners is None else listeners
        self.addresses: dict[str, str] = {}  # bootstrap servers of the further listeners, by name
        self._has_authorizer = has_authorizer
        if has_authorizer:
            self.client_properties = sasl_properties(ADMIN)
        self._extra = dict(properties or {})
        self._lib = jars()
        self._home = Path(tempfile.mkdtemp(prefix="segment-bridge-kafka-"))
        self._guard = _start_guard(self._home)
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._cluster_id = uuid.uuid4().hex[:22]

    def start(self) -> KafkaCluster:
        """Return when every broker answers; a port that somebody took in between costs another attempt."""
        try:
            for _ in range(START_ATTEMPT_COUNT - 1):
                with contextlib.suppress(BrokerEndedError):
                    self._start_all()
                    return self
                self._end_all()
            self._start_all()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Return when no broker runs and no file of theirs is left; more than one call does no harm."""
        self._end_all()
        if self._guard.stdin is not None and not self._guard.stdin.closed:
            self._guard.stdin.close()
        self._guard.wait(STOP_TIMEOUT_S)

    def kill(self, node: int) -> None:
        """Return when the broker is dead, by SIGKILL: it says goodbye to nobody."""
        process = self._processes.pop(node)
        process.kill()
        process.wait(STOP_TIMEOUT_S)
        self._tell_guard(f"-{process.pid}")

    def restart(self, node: int) -> None:
        """Return when a killed broker answers again, with the data that it had.

        It is let in when the session of the one that was killed is over, so a lone broker's is shorter from here on.
        """
        if self.broker_count == 1:
            with (self._home / f"node-{node}" / "server.properties").open("a") as file:
                file.write(f"broker.session.timeout.ms={RESTART_SESSION_MS}\n")
        self._launch(node)
        self._await_broker(node)

    def freeze(self, node: int) -> None:
        """The broker stands still: its connections stay open and nothing is answered, until `thaw`."""
        self._processes[node].send_signal(signal.SIGSTOP)

    def thaw(self, node: int) -> None:
        """The frozen broker goes on."""
        self._processes[node].send_signal(signal.SIGCONT)

    def _start_all(self) -> None:
        names = list(self._listeners.by_name)
        ports = free_ports((2 + len(names)) * self.broker_count)
        self.bootstrap_servers = servers_at(ports[: self.broker_count])
        for index, name in enumerate(names, start=2):
            self.addresses[name] = servers_at(ports[index * self.broker_count : (index + 1) * self.broker_count])
        for node in range(1, self.broker_count + 1):
            self._configure(node, ports)
        for node in range(1, self.broker_count + 1):
            self._launch(node)
        for node in self._processes:
            self._await_broker(node)

    def _configure(self, node: int, ports: Sequence[int]) -> None:
        folder = self._home / f"node-{node}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        text = "".join(f"{key}={value}\n" for key, value in self._properties(node, ports, folder).items())
        (folder / "server.properties").write_text(text)
        command = self._java("kafka.tools.StorageTool", "format", "-t", self._cluster_id, "-c")
        arguments = [str(folder / "server.properties"), *self._listeners.storage_arguments]
        subprocess.run([*command, *arguments], check=True, capture_output=True, timeout=60)

    def _properties(self, node: int, ports: Sequence[int], folder: Path) -> dict[str, str]:
        controller_ports = ports[self.broker_count : 2 * self.broker_count]
        controllers = [f"{index}@127.0.0.1:{port}" for index, port in enumerate(controller_ports, start=1)]
        protocol = "SASL_PLAINTEXT" if self._has_authorizer else "PLAINTEXT"
        clients = [f"{protocol}://127.0.0.1:{ports[node - 1]}"]
        clients += [f"{name}://{servers.split(',')[node - 1]}" for name, servers in self.addresses.items()]
        protocols = {protocol: protocol, "CONTROLLER": "PLAINTEXT", **self._listeners.protocols}
        replicas, in_sync = str(self.broker_count), str(max(1, self.broker_count - 1))
        return {
            "process.roles": "broker,controller",
            "node.id": str(node),
            "controller.quorum.voters": ",".join(controllers),
            "listeners": ",".join([*clients, f"CONTROLLER://{controllers[node - 1].split('@')[1]}"]),
            "advertised.listeners": ",".join(clients),
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": ",".join(f"{name}:{spoken}" for name, spoken in protocols.items()),
            "log.dirs": str(folder / "data"),
            "default.replication.factor": replicas,
            "min.insync.replicas": in_sync,
            "offsets.topic.replication.factor": replicas,
            "offsets.topic.num.partitions": "3",
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": in_sync,
            "transaction.state.log.num.partitions": "3",
            "share.coordinator.state.topic.replication.factor": replicas,
            "share.coordinator.state.topic.min.isr": in_sync,
            "group.initial.rebalance.delay.ms": "0",
            "group.consumer.min.session.timeout.ms": "2000",
            "group.consumer.min.heartbeat.interval.ms": "500",
            "group.consumer.heartbeat.interval.ms": "1000",
            "group.consumer.session.timeout.ms": "10000",
            "auto.create.topics.enable": "false",
            "delete.topic.enable": "true",
            "log.cleaner.backoff.ms": "500",
            "broker.heartbeat.interval.ms": "500",
            "broker.session.timeout.ms": "3000" if self.broker_count > 1 else "18000",  # a lone silent one is only busy
            **(authorizer_properties() if self._has_authorizer else {}),
            **self._listeners.properties,
            **self._extra,
        }

    def _java(self, main: str, *arguments: str) -> list[str]:
        return ["java", *JVM_OPTIONS, *self._listeners.jvm_options, "-cp", f"{self._lib}/*", main, *arguments]

    def _launch(self, node: int) -> None:
        folder = self._home / f"node-{node}"
        with (folder / "output").open("ab") as output:
            self._processes[node] = subprocess.Popen(
                self._java("kafka.Kafka", str(folder / "server.properties")),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                start_new_session=True,  # an interrupt at the keyboard ends the tests, which then end the broker
            )
        self._tell_guard(f"+{self._processes[node].pid}")

    def _await_broker(self, node: int) -> None:
        """Return when the broker itself answers with at least as many brokers as run."""
        server = self.bootstrap_servers.split(",")[node - 1]
        until(lambda: self._listens(node, server), f"Kafka broker {node} listens", READY_TIMEOUT_S, 0.1)
        client = AdminClient({**QUIET, **self.client_properties, "bootstrap.servers": server})
        count = len(self._processes)
        until(lambda: _broker_count(client) >= count, f"{count} Kafka brokers answer", READY_TIMEOUT_S, 0.1)

    def _listens(self, node: int, server: str) -> bool:
        process = self._processes[node]
        if process.poll() is not None:
            output = (self._home / f"node-{node}" / "output").read_text(errors="replace")
            raise BrokerEndedError(f"Kafka broker {node} ended with {process.returncode}: {output[-2000:]}")
        host, port = server.split(":")
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
            return True
        return False

    def _end_all(self) -> None:
        self._admin = self._producer = None
        for process in self._processes.values():
            process.kill()
        for process in self._processes.values():
            process.wait(STOP_TIMEOUT_S)
            self._tell_guard(f"-{process.pid}")
        self._processes.clear()

    def _tell_guard(self, line: str) -> None:
        if self._guard.stdin is not None and self._guard.poll() is None:
            self._guard.stdin.write(f"{line}\n".encode())
            self._guard.stdin.flush()


def _broker_count(client: AdminClient) -> int:
    try:
        return len(client.list_topics(timeout=2).brokers)
    except KafkaException:
        return 0


def _start_guard(home: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("kafka_guard.py")), str(home)],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )


def kafka_or_reason(
    broker_count: int = 1,
    properties: Mapping[str, str] | None = None,
    *,
    has_authorizer: bool = False,
    listeners: Listeners | None = None,
) -> KafkaCluster | str:
    """Return a cluster that runs, or why none can be started on this machine."""
    try:
        return KafkaCluster(broker_count, properties, has_authorizer=has_authorizer, listeners=listeners).start()
    except KafkaUnavailableError as error:
        return str(error)
