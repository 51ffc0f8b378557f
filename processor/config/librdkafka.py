"""What a file may say to the Kafka client.

Whether the client knows a property and takes its value is asked of librdkafka itself, without making a client.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from confluent_kafka import KafkaException, Producer

from processor.config.problems import nearest
from processor.config.properties import Judge

TOPIC_PATTERN: Final = r"^[A-Za-z0-9._-]{1,249}$"
"""What Kafka takes for the name of a topic."""

_NO_PROPERTY: Final = "segment-bridge.no.property"
"""Set behind the property in question: whatever is said about that one, no client is ever made."""

_UNKNOWN: Final = ("No such configuration property", "dedicated", "not settable", "requires a callable")
"""What the client says of names that mean nothing in a file: misspelled ones, and those that only a program can set."""
_ONLY_OF_THE_BINDING: Final = frozenset({"logger"})
"""Taken by the Python client, which would make no use of a text there."""

SUGGESTED: Final = frozenset(
    """
    api.version.fallback.ms api.version.request api.version.request.timeout.ms batch.num.messages batch.size
    broker.address.family broker.address.ttl broker.version.fallback check.crcs client.dns.lookup client.id
    client.rack compression.codec compression.level compression.type connections.max.idle.ms
    coordinator.query.interval.ms debug enable.metrics.push enable.sasl.oauthbearer.unsecure.jwt
    enable.ssl.certificate.verification fetch.error.backoff.ms fetch.min.bytes fetch.queue.backoff.ms
    fetch.wait.max.ms group.instance.id group.remote.assignor https.ca.location https.ca.pem log.connection.close
    log_level message.copy.max.bytes metadata.max.age.ms metadata.recovery.rebootstrap.trigger.ms
    metadata.recovery.strategy plugin.library.paths queue.buffering.backpressure.threshold
    queue.buffering.max.messages queued.min.messages receive.message.max.bytes reconnect.backoff.jitter.ms
    reconnect.backoff.max.ms reconnect.backoff.ms request.timeout.ms retry.backoff.max.ms retry.backoff.ms
    sasl.kerberos.keytab sasl.kerberos.kinit.cmd sasl.kerberos.min.time.before.relogin sasl.kerberos.principal
    sasl.kerberos.service.name sasl.mechanism sasl.mechanisms sasl.oauthbearer.assertion.algorithm
    sasl.oauthbearer.assertion.claim.aud sasl.oauthbearer.assertion.claim.exp.seconds
    sasl.oauthbearer.assertion.claim.iss sasl.oauthbearer.assertion.claim.jti.include
    sasl.oauthbearer.assertion.claim.nbf.seconds sasl.oauthbearer.assertion.claim.sub
    sasl.oauthbearer.assertion.file sasl.oauthbearer.assertion.jwt.template.file
    sasl.oauthbearer.assertion.private.key.file sasl.oauthbearer.assertion.private.key.passphrase
    sasl.oauthbearer.assertion.private.key.pem sasl.oauthbearer.client.credentials.client.id
    sasl.oauthbearer.client.credentials.client.secret sasl.oauthbearer.client.id sasl.oauthbearer.client.secret
    sasl.oauthbearer.config sasl.oauthbearer.extensions sasl.oauthbearer.grant.type
    sasl.oauthbearer.metadata.authentication.type sasl.oauthbearer.method sasl.oauthbearer.scope
    sasl.oauthbearer.sub.claim.name sasl.oauthbearer.token.endpoint.url sasl.password sasl.username
    security.protocol socket.blocking.max.ms socket.connection.setup.timeout.ms socket.keepalive.enable
    socket.max.fails socket.nagle.disable socket.receive.buffer.bytes socket.send.buffer.bytes socket.timeout.ms
    ssl.ca.certificate.stores ssl.ca.location ssl.ca.pem ssl.certificate.location ssl.certificate.pem
    ssl.cipher.suites ssl.crl.location ssl.curves.list ssl.endpoint.identification.algorithm ssl.engine.id
    ssl.engine.location ssl.key.location ssl.key.password ssl.key.pem ssl.keystore.location ssl.keystore.password
    ssl.providers ssl.sigalgs.list statistics.interval.ms sticky.partitioning.linger.ms
    topic.metadata.propagation.max.ms topic.metadata.refresh.fast.cnt topic.metadata.refresh.fast.interval.ms
    topic.metadata.refresh.sparse
    """.split()  # noqa: SIM905 - a list literal would take a line for each
)
"""Properties that a file may set, for the hint beside a misspelled one; the client itself decides which ones there are.

Source: what librdkafka 2.16.0 prints of its own properties (`rd_kafka_conf_properties_show`).
"""


REFUSED_EVERYWHERE: Final[Mapping[str, str]] = {
    "transactional.id": "the bridge writes no transactions",
    "allow.auto.create.topics": "a misspelled topic would be made instead of reported",
    "test.mock.num.brokers": "each client would have a cluster of its own that keeps nothing",
}
"""Properties that no client of the bridge takes from a file, and why."""


def taking_all_but(refused: Mapping[str, str]) -> Judge:
    """Return what takes every property that the client takes, but for these, each with what to write instead or why."""

    def judge(name: str, value: str | float | None) -> str | None:
        reason = refused.get(name)
        return objection_to(name, value) if reason is None else f"this property cannot be set here: {reason}"

    return judge


def objection_to(name: str, value: str | float | None) -> str | None:
    """Return what the client has against a property, None when it takes it.

    Only the name is looked at where `value` is None: it may be a secret, and the client's text may repeat a value.
    """
    text = _answer(name, "" if value is None else value)
    if name in _ONLY_OF_THE_BINDING or any(sign in text for sign in _UNKNOWN):
        near = nearest(name, SUGGESTED)
        hint = "" if near is None else f"; did you mean {near!r}?"
        return f"unknown property; allowed: those of librdkafka{hint}"
    return f"found {value!r}; librdkafka says: {text}" if text and value is not None else None


def _answer(name: str, value: str | float) -> str:
    """Return what the client says to a property, empty text when it takes it."""
    text = _UNKNOWN[0]
    try:
        Producer({name: value, _NO_PROPERTY: ""})
    except KafkaException as error:
        text = str(error.args[0].str()).strip()
    except (AttributeError, TypeError, ValueError):
        pass  # a name of the Python client, which wants a function there
    return "" if _NO_PROPERTY in text else text
