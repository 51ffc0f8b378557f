"""The rights that the bridge needs, granted by its own script: enough together, and each of them missed and named."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)

from processor.settings import Settings, load_without_secrets
from processor.settings.access import Grant, grants, told
from tests.bridge_process import Deployment
from tests.conftest import required
from tests.kafka_harness import KafkaCluster, kafka_or_reason, until
from tests.kafka_tools import kafka_tool
from tests.kafka_users import ADMIN, BRIDGE, PASSWORDS, sasl_properties
from tests.numbered_events import track

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]  # Kafka's own tool is started for each call

PRINCIPAL = f"User:{BRIDGE}"
SUPPRESSED = b"a-suppressed-user"
RIGHTS = (
    ("topic", "READ"),
    ("control topic", "READ"),
    ("control topic", "WRITE"),
    ("dead-letter topic", "WRITE"),
    ("topic of suppressed users", "READ"),
    ("group of moveo", "READ"),
)
CREATE = ("control topic, where it is missing", "CREATE")


class Guarded(NamedTuple):
    """A cluster that grants nothing by itself, and a deployment on it to which the script has granted its rights."""

    cluster: KafkaCluster
    bridge: Deployment
    folder: Path
    users: str

    @property
    def settings(self) -> Settings:
        """Return the settings of the bridge."""
        return load_without_secrets(self.bridge.config)

    def script(self, action: str) -> None:
        """Have the bridge write its script, and Kafka's own tool do what it says."""
        written = self.bridge.command("acls", "--principal", PRINCIPAL)
        assert written.ended() == 0, written.log()
        (self.folder / "acls.sh").write_text(written.log())
        environ = {
            "PATH": os.environ["PATH"],
            "KAFKA_ACLS": str(self.folder / "kafka-acls.sh"),
            "BOOTSTRAP_SERVERS": self.cluster.bootstrap_servers,
            "COMMAND_CONFIG": str(self.folder / "admin.properties"),
        }
        done = subprocess.run(
            ["sh", str(self.folder / "acls.sh"), action], env=environ, capture_output=True, timeout=200, check=False
        )
        assert done.returncode == 0, done.stderr.decode()

    def granted(self) -> set[tuple[str, str, str]]:
        """Return what the broker says is granted: kind, name and operation."""
        anybody: Any = None
        pattern, permission = ResourcePatternType.ANY, AclPermissionType.ANY
        everything = AclBindingFilter(
            ResourceType.ANY, anybody, pattern, anybody, anybody, AclOperation.ANY, permission
        )
        found = self.cluster.admin.describe_acls(everything, request_timeout=20).result(20)
        assert {(PRINCIPAL, "*", AclPermissionType.ALLOW, ResourcePatternType.LITERAL)} >= {
            (each.principal, each.host, each.permission_type, each.resource_pattern_type) for each in found
        }
        return {(each.restype.name.lower(), each.name, each.operation.name) for each in found}

    def grant_of(self, right: tuple[str, str]) -> Grant:
        """Return the grant that gives a right."""
        purpose, operation = right
        return next(one for one in grants(self.settings) if one.purpose == purpose and operation in one.operations)

    def forget_offsets(self) -> None:
        """Have the group of the bridge begin anew; none of its processes may run."""
        group_id = self.bridge.group_id()
        self.cluster.admin.delete_consumer_groups([group_id], request_timeout=20)[group_id].result(20)

    def take(self, right: tuple[str, str]) -> None:
        """Take one right away; return when that holds."""
        self._until_granted(right, is_granted=False)

    def give(self, right: tuple[str, str]) -> None:
        """Give it back; return when that holds."""
        self._until_granted(right, is_granted=True)

    def _until_granted(self, right: tuple[str, str], *, is_granted: bool) -> None:
        grant = self.grant_of(right)
        place: Any = (
            ResourceType[grant.kind.upper()],
            grant.name,
            ResourcePatternType.LITERAL,
            PRINCIPAL,
            "*",
            AclOperation[right[1]],
            AclPermissionType.ALLOW,
        )
        admin = self.cluster.admin
        if is_granted:
            futures: Any = admin.create_acls([AclBinding(*place)], request_timeout=20)
        else:
            futures = admin.delete_acls([AclBindingFilter(*place)], request_timeout=20)
        for future in futures.values():
            future.result(20)
        one = (grant.kind, grant.name, right[1])
        until(lambda: (one in self.granted()) == is_granted, f"{one} is granted: {is_granted}")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A cluster with an authorizer, and the bridge's own script applied to it."""
    folder = tmp_path_factory.mktemp("acls")
    cluster = required(kafka_or_reason(1, has_authorizer=True))
    try:
        (folder / "password").write_text(PASSWORDS[BRIDGE])
        login = {**sasl_properties(BRIDGE), "sasl.password": {"file": str(folder / "password")}}
        properties = sasl_properties(ADMIN)
        jaas = f'org.apache.kafka.common.security.plain.PlainLoginModule required username="{ADMIN}" password="{{}}";'
        lines = {
            "security.protocol": properties["security.protocol"],
            "sasl.mechanism": properties["sasl.mechanism"],
            "sasl.jaas.config": jaas.format(PASSWORDS[ADMIN]),
        }
        (folder / "admin.properties").write_text("".join(f"{key}={value}\n" for key, value in lines.items()))
        kafka_tool("kafka-acls.sh", folder)
        users = cluster.create_topic(config={"cleanup.policy": "compact"})
        own = {"start": "latest", "suppressed_users": {"topic": users}}
        with Deployment(cluster, folder, own=own, root={"kafka": {"properties": login}}) as bridge:
            bridge.create_letter_topic()
            found = Guarded(cluster, bridge, folder, users)
            found.script("add")
            yield found
    finally:
        cluster.stop()


def names(text: str, right: tuple[str, str], resource: str) -> bool:
    """Return whether a line of the text says that this right on this topic or group is not granted."""
    operation = told(frozenset({right[1]}))
    said = (f"not granted: {operation};", f"grant {operation} on it")
    return any(resource in line and any(each in line for each in said) for line in text.splitlines())


def test_the_script_grants_exactly_the_table(guarded: Guarded) -> None:
    """What the broker has is what the table says, and the tests below miss each of it."""
    table = grants(guarded.settings)
    assert {(one.kind, one.name, operation) for one in table for operation in one.operations} == guarded.granted()
    assert {*RIGHTS, CREATE} == {(one.purpose, operation) for one in table for operation in one.operations}


def test_with_exactly_these_rights_everything_works(guarded: Guarded) -> None:
    """The control topic is made, a start at the end is committed, users are suppressed, letters are written."""
    bridge = guarded.bridge
    guarded.cluster.produce(guarded.users, [b""], key=SUPPRESSED)
    before = bridge.produce(10)
    running = bridge.run()
    bridge.until(bridge.is_all_committed, "the end is committed as the start")
    sent = bridge.produce(20)
    bridge.produce_values([b"no JSON", track(10_000, userId=SUPPRESSED.decode())])
    bridge.until(bridge.is_all_committed, "everything is committed")
    delivered = bridge.deliveries().keys()
    assert set(sent) == delivered
    assert not set(before) & delivered
    assert ["invalid_json"] == [letter.said["reason"] for letter in bridge.letters()]
    assert bridge.kafka.partition_count(f"{bridge.prefix}.control") == 1
    assert running.stop() == 0
    assert "not granted" not in running.log()
    checked = bridge.command("check", "--online")
    assert (checked.ended(), "fine" in checked.log()) == (0, True), checked.log()


@pytest.mark.parametrize("right", RIGHTS, ids=" ".join)
def test_without_one_right_that_one_is_named(guarded: Guarded, right: tuple[str, str]) -> None:
    """By the check, as an error, and by the log of a bridge."""
    bridge, resource = guarded.bridge, guarded.grant_of(right).name
    guarded.take(right)
    try:
        running, found = bridge.run(), bridge.checked()
        assert [] != [text for text in found.problems if names(text, right, resource)], found
        until(lambda: names(running.log(), right, resource), f"the log names {right}: {running.log()}", 90)
        running.stop()
        assert PASSWORDS[BRIDGE] not in f"{found}{running.log()}"
    finally:
        guarded.give(right)


def test_a_pause_that_may_not_be_read_is_waited_for(guarded: Guarded) -> None:
    """Who starts without Read on the control topic reads no event, lives, stops when told, and obeys later."""
    bridge, read = guarded.bridge, ("control topic", "READ")
    assert bridge.command("pause", "moveo").ended() == 0
    sent = bridge.produce(10)
    guarded.take(read)
    try:
        first = bridge.run()
        bridge.until(lambda: first.state() == ("starting", "control_topic_unread"), "it waits for the right")
        assert (first.get("/livez")[0], first.stop()) == (200, 0)
        second = bridge.run()
        bridge.until(lambda: names(second.log(), read, f"{bridge.prefix}.control"), "the log names the right")
        guarded.give(read)
        bridge.until(lambda: second.state() == ("paused", ""), "it obeys")
        assert not bridge.deliveries().keys() & set(sent)
    finally:
        guarded.give(read)
    assert bridge.command("resume", "moveo").ended() == 0
    bridge.until(bridge.is_all_committed, "everything is committed")
    assert set(sent) <= bridge.deliveries().keys()
    assert second.stop() == 0


def test_without_the_right_to_make_the_control_topic_that_one_is_named(guarded: Guarded) -> None:
    """The topic is missing: the check says that it cannot tell, and the bridge ends with what it needs."""
    bridge, control = guarded.bridge, f"{guarded.bridge.prefix}.control"
    guarded.cluster.delete_topic(control)
    guarded.take(CREATE)
    try:
        guarded.forget_offsets()
        running, found = bridge.run(), bridge.checked()
        assert found.problems == []
        said = [text for text in found.notes if f"control topic {control} does not exist yet" in text]
        assert ["grant Create on it" in text for text in said] == [True], found
        assert running.ended() == 1
        assert f"cannot create control topic {control} (the bridge needs the rights Create" in running.log()
    finally:
        guarded.give(CREATE)


def test_what_was_granted_is_taken_back_by_the_same_script(guarded: Guarded) -> None:
    """The script leaves nothing behind."""
    guarded.script("remove")
    assert set() == guarded.granted()
