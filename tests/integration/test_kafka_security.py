"""TLS and SASL against a real broker: events get through, and what is wrong is told in words, without a secret."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.bridge_process import BridgeProcess, Deployment
from tests.kafka_users import BRIDGE
from tests.secured_kafka import SECRETS, SecuredKafka

pytestmark = pytest.mark.kafka

LISTENERS = ("TLS", "MTLS", "PLAIN", "SCRAM", "OAUTH")
WRONG = "wrong-made-up"
SHOWN_NOWHERE = (*SECRETS, WRONG)
REPEAT_COUNT, REPEAT_WINDOW_S = 2, 600
"""How often a line like another may stand in the log: no test lasts that long."""


def deployed(secured: SecuredKafka, folder: Path, kafka: Mapping[str, Any]) -> Deployment:
    """Return a deployment whose bridge reaches Kafka by these settings."""
    logs = {"repeat_count": REPEAT_COUNT, "repeat_window": REPEAT_WINDOW_S}
    return Deployment(secured.cluster, folder, root={"kafka": kafka, "operations": {"logs": logs}})


def require_no_secret(*processes: BridgeProcess) -> None:
    """Fail where a secret stands in what a process has written."""
    for process in processes:
        assert [] == [secret for secret in SHOWN_NOWHERE if secret in process.log()]


@pytest.mark.parametrize("listener", LISTENERS)
def test_events_get_through(listener: str, secured_kafka: SecuredKafka, tmp_path: Path) -> None:
    """Delivered, dead-lettered, committed, and found to be fine by the check, over each way."""
    with deployed(secured_kafka, tmp_path, secured_kafka.settings(listener, tmp_path)) as bridge:
        bridge.create_letter_topic()
        checked = bridge.command("check", "--online")
        assert (checked.ended(), "fine" in checked.log()) == (0, True), checked.log()
        sent = bridge.produce(30)
        bridge.produce_values([b"no JSON"])
        running = bridge.run()
        bridge.until(bridge.is_all_committed, "everything is committed")
        assert set(sent) <= bridge.deliveries().keys()
        assert ["invalid_json"] == [letter.said["reason"] for letter in bridge.letters()]
        assert running.stop() == 0
        require_no_secret(checked, running)


class Fault(NamedTuple):
    """What is wrong with a client, and what is said of it."""

    listener: str
    said: str
    changed: Mapping[str, Any] = {}
    left_out: tuple[str, ...] = ()
    secret: str = ""
    """Name of a file whose secret is another one."""
    stranger: bool = False
    """Whether the client's certificate is signed by nobody whom the broker knows."""


FAULTS = {
    "authority": Fault("TLS", "does `ssl.ca.location` hold the authority", {"ssl.ca.location": "STRANGER"}),
    "expired": Fault("EXPIRED", "its certificate is not accepted: certificate has expired"),
    "host": Fault("ELSEWHERE", "certificate is not valid for '127.0.0.1'; connect by a name that it holds"),
    "no certificate": Fault(
        "MTLS",
        "it wants a certificate from its clients",
        left_out=("ssl.certificate.location", "ssl.key.location", "ssl.key.password"),
    ),
    "other certificate": Fault(
        "MTLS", "it does not accept the certificate of `ssl.certificate.location`", stranger=True
    ),
    "plain password": Fault("PLAIN", "uthentication failed", secret="password"),
    "scram password": Fault("SCRAM", "uthentication failed", secret="password"),
    "mechanism": Fault("SCRAM", "SCRAM-SHA-256", {"sasl.mechanism": "SCRAM-SHA-256"}),
    "no TLS": Fault(
        "SCRAM",
        "does `security.protocol` say what it expects?",
        {"security.protocol": "SASL_PLAINTEXT"},
    ),
    "token": Fault("OAUTH", "token", secret="client-secret"),
}


def faulty(fault: Fault, secured: SecuredKafka, folder: Path) -> dict[str, Any]:
    """Return settings with the fault in them."""
    settings = secured.settings(fault.listener, folder)
    properties = {**settings["properties"], **fault.changed}
    if properties["ssl.ca.location"] == "STRANGER":
        properties["ssl.ca.location"] = str(secured.authorities("stranger.pem", secured.stranger))
    for name in fault.left_out:
        del properties[name]
    if fault.secret:
        (folder / fault.secret).write_text(WRONG)
    if fault.stranger:
        secured.client_files(folder, secured.stranger)
        del properties["ssl.key.password"]
    return {**settings, "properties": properties}


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_wrong_is_said_in_words(name: str, secured_kafka: SecuredKafka, tmp_path: Path) -> None:
    """By the check and by the log of a bridge, which goes on trying, does not repeat itself, and stops when asked."""
    fault = FAULTS[name]
    with deployed(secured_kafka, tmp_path, faulty(fault, secured_kafka, tmp_path)) as bridge:
        running, found = bridge.run(), bridge.checked()
        assert [] != [text for text in found.silent if fault.said in text], found
        bridge.until(lambda: said_by_bridge(running, fault.said), "the log says what is wrong", 90)
        assert running.stop() == 0
        assert not repeated(running), running.log()
        require_no_secret(running)
        assert [] == [secret for secret in SHOWN_NOWHERE if secret in str(found)]


def lines(process: BridgeProcess) -> list[dict[str, Any]]:
    """Return the lines of a log."""
    return [json.loads(line) for line in process.log().splitlines() if line.startswith("{") and line.endswith("}")]


def said_by_bridge(process: BridgeProcess, text: str) -> bool:
    """Return whether a line of the bridge's own, and not of its client's, says this."""
    return any(text in line["message"] for line in lines(process) if line["logger"].endswith("access_watch"))


def repeated(process: BridgeProcess) -> dict[str, int]:
    """Return lines that say nearly the same more often than they may, by where they come from."""
    counts = Counter(
        f"{line['logger']} {line['message'].split('[', 1)[0]}"
        for line in lines(process)
        if line["level"] in ("warning", "error")
    )
    return {text: count for text, count in counts.items() if count > 2 * REPEAT_COUNT}


def test_renewed_certificates_are_read_by_a_restart(secured_kafka: SecuredKafka, tmp_path: Path) -> None:
    """What was not accepted is accepted once other files stand at the same paths, without a change of settings."""
    settings = secured_kafka.settings("MTLS", tmp_path)
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(secured_kafka.stranger.cert_pem.bytes())
    settings["properties"]["ssl.ca.location"] = str(ca_file)
    del settings["properties"]["ssl.key.password"]
    secured_kafka.client_files(tmp_path, secured_kafka.stranger)
    with deployed(secured_kafka, tmp_path, settings) as bridge:
        bridge.create_letter_topic()
        sent = bridge.produce(10)
        running = bridge.run()
        bridge.until(lambda: said_by_bridge(running, "does `ssl.ca.location` hold"), "the log says what is wrong")
        ca_file.write_bytes(secured_kafka.authority.cert_pem.bytes())
        secured_kafka.client_files(tmp_path)
        assert running.stop() == 0
        renewed = bridge.run()
        bridge.until(bridge.is_all_committed, "everything is committed")
        assert set(sent) == bridge.deliveries().keys()
        assert renewed.stop() == 0


def test_a_user_that_was_renamed_is_no_user(secured_kafka: SecuredKafka, tmp_path: Path) -> None:
    """An unknown user is told like a wrong password: brokers do not say which of the two it is."""
    settings = secured_kafka.settings("SCRAM", tmp_path)
    settings["properties"]["sasl.username"] = f"{BRIDGE}-renamed"
    with deployed(secured_kafka, tmp_path, settings) as bridge:
        assert ["uthentication failed" in text for text in bridge.checked().silent] == [True]
