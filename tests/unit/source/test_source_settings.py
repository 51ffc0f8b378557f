"""Settings of the source, and the properties of the clients that follow from them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from pydantic import ValidationError

from processor.config.librdkafka import SUGGESTED, objection_to
from processor.errors import BrokerError
from processor.source.clients import KafkaClients
from processor.source.properties import consumer_properties, producer_properties, reader_properties
from processor.source.settings import REFUSED_PROPERTIES, ConsumerSettings, GroupSettings, KafkaSettings
from processor.source.start import start_time_ms
from processor.source.trouble import FINAL_CODES, broker_error


def kafka(**more: Any) -> KafkaSettings:  # noqa: ANN401 - whatever a test writes
    """Return the smallest settings, with more."""
    return KafkaSettings.model_validate({"bootstrap_servers": "127.0.0.1:1", "topics": ["events"], **more})


@pytest.mark.parametrize("name", sorted(REFUSED_PROPERTIES))
def test_properties_that_the_promise_rests_on_are_refused(name: str) -> None:
    """Each is named in the error, with what to write instead or why."""
    with pytest.raises(ValidationError, match=re.escape(REFUSED_PROPERTIES[name])):
        kafka(properties={name: "x"})


def test_all_refused_properties_are_named_at_once() -> None:
    """Two mistakes give two findings."""
    with pytest.raises(ValidationError) as caught:
        kafka(properties={"group.id": "x", "acks": 1, "client.id": "fine"})
    assert len(caught.value.errors()) == 2


def test_secret_reaches_the_client_and_nothing_else(tmp_path: Path) -> None:
    """A secret from a file is revealed in the client's properties, and masked in every text of the settings."""
    (tmp_path / "password").write_text("hunter2\n")
    settings = kafka(properties={"sasl.password": {"file": str(tmp_path / "password")}})
    assert consumer_properties(settings, "g")["sasl.password"] == "hunter2"
    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump_json()}"


@pytest.mark.parametrize(
    ("name", "value", "objection"),
    [
        (
            "securty.protocol",
            "ssl",
            "unknown property; allowed: those of librdkafka; did you mean 'security.protocol'?",
        ),
        ("zzz", 1, "unknown property; allowed: those of librdkafka"),
        ("error_cb", "x", "unknown property; allowed: those of librdkafka"),
        ("on_commit", "x", "unknown property; allowed: those of librdkafka"),
        ("opaque", "x", "unknown property; allowed: those of librdkafka"),
        ("logger", "x", "unknown property; allowed: those of librdkafka"),
        (
            "fetch.min.bytes",
            -1,
            'found -1; librdkafka says: Configuration property "fetch.min.bytes" value -1 is outside',
        ),
        ("debug", "foo", "found 'foo'; librdkafka says: Invalid value"),
        ("socket.keepalive.enable", "maybe", "found 'maybe'; librdkafka says: Expected bool value"),
    ],
)
def test_properties_that_the_client_does_not_take_are_refused(name: str, value: object, objection: str) -> None:
    """The client itself is asked, before anything starts: what it would say then is said with line and key now."""
    with pytest.raises(ValidationError) as caught:
        kafka(properties={name: value, "client.id": "fine"})
    (error,) = caught.value.errors()
    assert error["loc"] == ("properties", name)
    assert error["msg"].startswith(objection)


def test_misspelled_name_of_a_secret_does_not_show_it() -> None:
    """Neither in the text of the error nor in what the client is told."""
    with pytest.raises(ValidationError, match=r"did you mean 'sasl\.password'") as caught:
        kafka(properties={"sasl.pasword": "hunter2"})
    assert "hunter2" not in caught.value.errors()[0]["msg"]


def test_properties_that_the_client_takes_pass(tmp_path: Path) -> None:
    """Text, numbers and booleans as YAML has them, and references to secrets."""
    (tmp_path / "password").write_text("hunter2\n")
    properties = {
        "security.protocol": "SASL_SSL",
        "socket.keepalive.enable": True,
        "reconnect.backoff.ms": 50,
        "sasl.password": {"file": str(tmp_path / "password")},
    }
    assert set(kafka(properties=properties).properties) == set(properties)


def test_every_property_that_is_suggested_exists() -> None:
    """A name that the client has dropped would send people astray; one that is refused would as well."""
    assert {name for name in SUGGESTED if (objection_to(name, None) or "").startswith("unknown")} == set()
    assert SUGGESTED & REFUSED_PROPERTIES.keys() == set()


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ("session_timeout_ms", "session.timeout.ms"),
        ("heartbeat_interval_ms", "heartbeat.interval.ms"),
        ("max_poll_interval_ms", "max.poll.interval.ms"),
        ("commit_interval_ms", "auto.commit.interval.ms"),
        ("metadata_refresh_ms", "topic.metadata.refresh.interval.ms"),
        ("queued_max_kbytes", "queued.max.messages.kbytes"),
        ("fetch_max_bytes", "fetch.max.bytes"),
        ("partition_fetch_max_bytes", "fetch.message.max.bytes"),
    ],
)
def test_amounts_end_where_the_clients_do(setting: str, name: str) -> None:
    """The largest that may be written is the largest that the client takes."""
    most = ConsumerSettings.model_json_schema()["properties"][setting]["maximum"]
    assert objection_to(name, most) is None
    assert objection_to(name, most + 1) is not None


@pytest.mark.parametrize(
    "values",
    [
        {"bootstrap_servers": ""},
        {"bootstrap_servers": "a:9092,,b:9092"},
        {"bootstrap_servers": "a b:9092"},
        {"control_topic": "of two words"},
        {"topics": ["^events.*"]},
    ],
)
def test_names_that_kafka_does_not_take_are_refused(values: dict[str, Any]) -> None:
    """Each would only show when the client is made, or never."""
    with pytest.raises(ValidationError, match="match pattern"):
        kafka(**values)


def test_secret_written_literally_is_refused() -> None:
    """A password in the file is an error."""
    with pytest.raises(ValidationError, match="written literally"):
        kafka(properties={"sasl.password": "hunter2"})


def test_consumer_commits_only_what_is_stored_and_chooses_nothing() -> None:
    """The properties that the promise rests on are these, whatever the settings add."""
    found = consumer_properties(kafka(properties={"fetch.wait.max.ms": 50}), "g")
    expected = {
        "bootstrap.servers": "127.0.0.1:1",
        "client.id": "g",
        "group.id": "g",
        "group.protocol": "classic",
        "enable.auto.commit": True,
        "enable.auto.offset.store": False,
        "auto.commit.interval.ms": 250,
        "auto.offset.reset": "error",
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": 10_000,
        "heartbeat.interval.ms": 2_000,
        "max.poll.interval.ms": 300_000,
        "queued.max.messages.kbytes": 16_384,
        "fetch.max.bytes": 8_388_608,
        "fetch.message.max.bytes": 262_144,
        "statistics.interval.ms": 0,
        "allow.auto.create.topics": False,
        "topic.metadata.refresh.interval.ms": 30_000,
        "fetch.wait.max.ms": 50,
    }
    assert found == expected


def test_only_the_member_of_a_group_has_the_name_of_a_member(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may come from the environment, so that each pod has its own; other clients would warn of it."""
    monkeypatch.setenv("POD_NAME", "bridge-0")
    settings = kafka(properties={"group.instance.id": {"env": "POD_NAME"}, "client.rack": "a"})
    found = [make(settings, "g") for make in (consumer_properties, reader_properties, producer_properties)]
    assert ["bridge-0", None, None] == [each.get("group.instance.id") for each in found]
    assert ["a", "a", "a"] == [each["client.rack"] for each in found]


def test_group_of_the_new_protocol_leaves_its_timeouts_to_the_broker() -> None:
    """The three keys that a KIP-848 group refuses are absent."""
    classic, new = (consumer_properties(kafka(group_protocol=each), "g") for each in ("classic", "consumer"))
    assert classic.keys() - new.keys() == {
        "partition.assignment.strategy",
        "session.timeout.ms",
        "heartbeat.interval.ms",
    }


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_client_library_knows_every_property(protocol: str) -> None:
    """All four kinds of client can be made from the properties."""
    settings = kafka(group_protocol=protocol, properties={"log_level": 0})
    clients = KafkaClients(settings, "g")
    consumer, reader = clients.consumer(lambda _error: None, lambda _error, _offsets: None), clients.reader()
    assert isinstance(clients.admin(), AdminClient)
    assert isinstance(clients.producer(), Producer)
    for each in (consumer, reader):
        assert isinstance(each, Consumer)
        each.close()


def test_reader_commits_nothing_and_producer_loses_nothing() -> None:
    """The clients beside the group's consumer cannot disturb it."""
    assert reader_properties(kafka(), "g")["enable.auto.commit"] is False
    producer = producer_properties(kafka(), "g.dead-letters")
    assert (producer["enable.idempotence"], producer["acks"], producer["client.id"]) == (True, "all", "g.dead-letters")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"heartbeat_interval_ms": 4_000}, "at most a third of session_timeout_ms"),
        ({"max_poll_interval_ms": 60_000, "session_timeout_ms": 61_000}, "at least session_timeout_ms"),
        ({"max_poll_interval_ms": 30_000}, "start_timeout_ms must be at most a third"),
    ],
)
def test_times_must_fit_each_other(values: dict[str, int], message: str) -> None:
    """Times that would make a process lose its partitions are refused."""
    with pytest.raises(ValidationError, match=message):
        ConsumerSettings.model_validate(values)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("earliest", None),
        ("latest", None),
        ("1970-01-01T00:00:01Z", 1_000),
        ("1970-01-01T02:00:00.5+02:00", 500),
        ("2026-01-31T08:00:00Z", int(datetime(2026, 1, 31, 8, tzinfo=UTC).timestamp() * 1000)),
    ],
)
def test_start_is_a_word_or_a_time(start: str, expected: int | None) -> None:
    """Times are exact to the millisecond, with their zone."""
    assert start_time_ms(start) == expected


@pytest.mark.parametrize("start", ["", "newest", "2026-01-31T08:00:00", "31.01.2026", "1969-12-31T23:59:59.999Z"])
def test_start_that_is_neither_is_refused(start: str) -> None:
    """A time without a zone could mean several moments; one before 1970 would mean the end of the log to Kafka."""
    with pytest.raises(ValidationError):
        GroupSettings.model_validate({"destination": "d", "group_id": "g", "start": start})


def test_start_is_required() -> None:
    """Nobody's whole history goes anywhere by accident."""
    with pytest.raises(ValidationError, match="start"):
        GroupSettings.model_validate({"destination": "d", "group_id": "g"})


def test_offsets_command_pasted_as_it_stands_moves_nothing() -> None:
    """To a shell it is one command without pipes or redirections, and its placeholder is no position."""
    group = GroupSettings(destination="vendor", group_id="g", start="latest")
    assert group.offsets_command == "segment-bridge offsets vendor --to POSITION --config FILE"
    assert set(group.offsets_command) & set("|&;<>()$`\"'*?[]{}~#!") == set()
    with pytest.raises(ValueError, match="POSITION"):
        start_time_ms("POSITION")


def test_every_final_code_is_one_that_the_client_knows() -> None:
    """A misspelled code would be retried for ever."""
    assert {name for name in FINAL_CODES if not hasattr(KafkaError, name)} == set()


@pytest.mark.parametrize(
    ("code", "is_fatal"),
    [(KafkaError.TOPIC_AUTHORIZATION_FAILED, True), (KafkaError._TIMED_OUT, False), (KafkaError._TRANSPORT, False)],
)
def test_client_errors_become_ours(code: int, is_fatal: bool) -> None:  # noqa: FBT001 - a table
    """What another try does not change is fatal; the safe text is the code's name."""
    found = broker_error(KafkaException(KafkaError(code)), "cannot do it")
    assert (found.fatal, found.safe, found.code) == (is_fatal, KafkaError(code).name(), KafkaError(code).name())
    assert str(found).startswith("cannot do it: ")


def test_no_error_of_the_client_repeats_a_secret() -> None:
    """The client shows what it does not understand of this property, to its end."""
    text = "No token: Unrecognized sasl.oauthbearer.config beginning at: hunter2"
    found = broker_error(KafkaError(KafkaError._AUTHENTICATION, text), "client")
    assert str(found) == "client: No token: Unrecognized sasl.oauthbearer.config is not understood (_AUTHENTICATION)"


def test_error_without_a_code_is_translated_too() -> None:
    """An exception of the client that carries no error of its own becomes one all the same."""
    assert isinstance(broker_error(ValueError("odd"), "cannot do it"), BrokerError)
