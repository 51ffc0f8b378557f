"""The commands of operators: what they ask for, what they tell, and what they refuse, with a Kafka in memory."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import KafkaError

from processor.cli.main import main
from processor.cli.ordering import own_name
from processor.source import contact, ordering
from processor.source.orders import OBEYED, TRIPPED, Book, Obeyed, Order, Tripped, Wanted, encode_key
from tests.fake_clients import FakeClients
from tests.fake_kafka import FakeKafka

FILE = """
kafka:
  {bootstrap_servers: "k:1", topics: [events], group_protocol: PROTOCOL, properties: {sasl.password: {env: SASL}}}
destinations:
  one: {type: moesif, start: earliest, settings: {application_id: {env: NOT_SET}}}
  two: {type: moesif, start: earliest, settings: {application_id: {env: NOT_SET}}}
"""


class Stage:
    """A cluster in memory, and the program with a file that names it."""

    def __init__(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Write the file."""
        self.kafka = FakeKafka()
        self.kafka.add("events", 1)
        self._file = file
        self._capsys = capsys
        self.write("classic")

    def write(self, protocol: str) -> None:
        """Write the file for groups of a protocol."""
        self._file.write_text(FILE.replace("PROTOCOL", protocol))

    def typed(self, *arguments: str) -> tuple[int, str, str]:
        """Return exit code, output and error output."""
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--config", str(self._file)])
        assert isinstance(ended.value.code, int)
        return ended.value.code, *self._capsys.readouterr()

    def order(self, destination: str = "one") -> Order:
        """Return the order in force."""
        book = Book(f"segment-bridge.{destination}")
        for key, value in self.kafka.control:
            book.take(key, value)
        assert book.order is not None
        return book.order

    def say(self, kind: str, name: str, said: Obeyed | Tripped) -> None:
        """Write what a process of the first destination says."""
        self.kafka.control.append((encode_key("segment-bridge.one", kind, name), msgspec.json.encode(said)))


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Stage:
    """Return a cluster in which nobody was ordered anything."""
    monkeypatch.setenv("SASL", "made-up")
    monkeypatch.delenv("NOT_SET", raising=False)
    stage = Stage(tmp_path / "bridge.yaml", capsys)
    monkeypatch.setattr(contact, "require_contact", lambda _: None)
    monkeypatch.setattr(ordering, "KafkaClients", lambda _kafka, _group: FakeClients(stage.kafka))
    monkeypatch.setattr(ordering, "LOOK_S", 0.01)
    return stage


@pytest.mark.parametrize(
    ("command", "wanted"), [("pause", Wanted.PAUSED), ("drain", Wanted.DRAINED), ("resume", Wanted.RUNNING)]
)
def test_an_order_is_given_and_told(stage: Stage, command: str, wanted: Wanted) -> None:
    """With name and reason, to the group of the one destination, without any secret of a vendor."""
    code, out, _ = stage.typed(command, "one", "--as", "ann", "--reason", "their release")
    order = stage.order()
    assert (code, order.wanted, order.by, order.reason) == (0, wanted, "ann", "their release")
    assert out.startswith(f"one: {wanted.value} by ann (their release) at 20")
    _, out, _ = stage.typed("resume", "one")
    assert f"one: before that it was {wanted.value} by ann (their release) at 20" in out


def test_whose_word_it_is_unless_told(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """User and host; a user without a name, as in a container, is told by number."""
    stage.typed("pause", "one")
    assert stage.order().by == own_name()

    def nameless() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert own_name().startswith("uid-")


@pytest.mark.parametrize(
    "arguments",
    [
        ("pause",),
        ("pause", "three"),
        ("pause", "one", "--as", "ann\nbob"),
        ("pause", "one", "--reason", "x" * 201),
        ("drain", "one", "--wait", "soon"),
        ("drain", "one", "--wait", "30"),
        ("resume",),
    ],
)
def test_what_cannot_be_meant_is_refused(stage: Stage, arguments: tuple[str, ...]) -> None:
    """As every wrong command line, with exit code 2, and nothing is ordered."""
    assert stage.typed(*arguments)[0] == 2
    assert stage.kafka.control == []


def test_a_secret_of_kafka_must_be_there(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named: the client would only be refused."""
    monkeypatch.delenv("SASL")
    code, _, error = stage.typed("pause", "one")
    assert (code, error) == (2, "environment variable SASL is not set\n")


def test_waiting_for_nobody_ends_at_once(stage: Stage) -> None:
    """What starts will obey."""
    code, out, _ = stage.typed("drain", "one", "--wait", "1m")
    assert (code, out.splitlines()[-1]) == (0, "one: no process is in the group; what starts will obey")


def happens(stage: Stage, monkeypatch: pytest.MonkeyPatch, happening: Callable[[], object]) -> None:
    """Let something happen once the order is given."""
    given = ordering.Desk.give

    def giving(self: ordering.Desk, *values: object) -> object:
        result = given(self, *values)  # type: ignore[arg-type]  # passed through
        monkeypatch.setattr(ordering.Desk, "give", given)
        happening()
        return result

    monkeypatch.setattr(ordering.Desk, "give", giving)
    del stage


def test_waiting_names_who_has_not_obeyed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """In time, too late, and when another order came in between."""
    stage.kafka.members = {"m1": "host-1", "m2": "host-2"}

    def obey(*members: str) -> Callable[[], None]:
        def say() -> None:
            for member in members:
                stage.say(OBEYED, member, Obeyed(stage.order().id, member, "h", 7, 0, ("events:0",)))

        return say

    happens(stage, monkeypatch, obey("m1"))
    code, out, error = stage.typed("pause", "one", "--wait", "0.1s")
    assert (code, out.count("\n"), error) == (1, 1, "one: 1 of 2 processes have obeyed; not yet: host-2 (m2)\n")
    happens(stage, monkeypatch, obey("m1", "m2"))
    code, out, _ = stage.typed("pause", "one", "--wait", "1m")
    assert (code, out.splitlines()[-1]) == (0, "one: done by 2 processes")
    happens(stage, monkeypatch, lambda: stage.typed("resume", "one", "--as", "bob"))
    code, _, error = stage.typed("pause", "one", "--wait", "1m")
    assert (code, "one: another order was given meanwhile: it is now running by bob" in error) == (1, True)


def test_waiting_without_members_is_about_partitions(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where brokers do not describe groups of Kafka 4's protocol."""
    stage.write("consumer")
    stage.kafka.errors["describe_consumer_groups"] = [KafkaError.UNSUPPORTED_VERSION] * 100
    code, _, error = stage.typed("pause", "one", "--wait", "0.1s")
    assert (code, error) == (1, "one: 0 processes have obeyed, and they do not own all partitions\n")
    happens(
        stage,
        monkeypatch,
        lambda: stage.say(OBEYED, "p", Obeyed(stage.order().id, "m", "h", 7, 0, ("events:0",))),
    )
    code, out, _ = stage.typed("pause", "one", "--wait", "1m")
    assert (code, out.splitlines()[-1]) == (0, "one: done by 1 process")


def test_the_list_tells_what_is_in_force_and_changes_nothing(stage: Stage) -> None:
    """Of all destinations, or of one."""
    assert stage.typed("pause", "--list")[1] == "one: not paused\ntwo: not paused\n"
    assert (stage.kafka.control, "create_topics" in stage.kafka.calls) == ([], False)
    stage.kafka.members = {"m1": "host-1"}
    stage.typed("pause", "one", "--as", "ann")
    stage.typed("resume", "two", "--as", "bob")
    stage.say(TRIPPED, "h1", Tripped("m1", "host-1", 7, "100 refused", 0))
    first, second, third = stage.typed("pause", "--list")[1].splitlines()
    assert first.startswith("one: paused by ann at 20")
    assert first.endswith("; 0 of 1 processes have obeyed; not yet: host-1 (m1)")
    assert second == (
        "one: the guard holds process 7 on host-1 since 1970-01-01T00:00:00Z: 100 refused; to lift it: "
        "segment-bridge resume one --accept-rejections"
    )
    assert third.startswith("two: not paused (running by bob at 20")
    assert stage.typed("pause", "two", "--list")[1] == f"{third}\n"


def test_accepting_refusals_lifts_the_guard_and_any_pause(stage: Stage) -> None:
    """With nothing to accept nothing is changed."""
    stage.kafka.members = {"m1": "host-1"}
    stage.typed("pause", "one")
    code, out, error = stage.typed("resume", "one", "--accept-rejections")
    assert (code, out, error) == (1, "", "one: no guard holds it, so there is nothing to accept\n")
    assert stage.order().wanted is Wanted.PAUSED
    stage.say(TRIPPED, "h1", Tripped("m1", "host-1", 7, "100 refused", 0))
    code, out, _ = stage.typed("resume", "one", "--as", "bob")
    assert (code, "to lift it: segment-bridge resume one --accept-rejections" in out) == (0, True)
    stage.typed("pause", "one")
    code, out, _ = stage.typed("resume", "one", "--accept-rejections", "--as", "ann")
    assert code == 0
    assert out.startswith("one: accepted by ann: the guard holds process 7 on host-1 since 1970-01-01T00:00:00Z: 100")
    assert stage.order().wanted is Wanted.RUNNING
    assert stage.typed("resume", "one", "--accept-rejections")[0] == 1
