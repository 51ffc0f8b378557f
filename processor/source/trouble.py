"""Where the Kafka client's errors become this program's: each is translated once, here."""

from __future__ import annotations

from confluent_kafka import KafkaError

from processor.errors import BrokerError

FINAL_CODES = frozenset(
    {
        "TOPIC_AUTHORIZATION_FAILED",
        "GROUP_AUTHORIZATION_FAILED",
        "CLUSTER_AUTHORIZATION_FAILED",
        "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
        "SECURITY_DISABLED",
        "POLICY_VIOLATION",
        "INVALID_CONFIG",
        "INVALID_REPLICATION_FACTOR",
        "INVALID_PARTITIONS",
        "TOPIC_EXCEPTION",
        "UNSUPPORTED_VERSION",
        "_UNSUPPORTED_FEATURE",
        "_INVALID_ARG",
        "NON_EMPTY_GROUP",
        "OFFSET_METADATA_TOO_LARGE",
    }
)
"""Answers that another try does not change: somebody must act. Everything else is retried."""

NO_COORDINATOR_YET = frozenset(
    {"COORDINATOR_NOT_AVAILABLE", "COORDINATOR_LOAD_IN_PROGRESS", "NOT_COORDINATOR", "GROUP_COORDINATOR_NOT_AVAILABLE"}
)
"""Answers of a cluster whose first group this is, whose brokers have just started, or whose groups move: ask again."""

NOT_GRANTED = frozenset({"TOPIC_AUTHORIZATION_FAILED", "CLUSTER_AUTHORIZATION_FAILED", "GROUP_AUTHORIZATION_FAILED"})
"""Answers of a cluster that does not let this principal do what it asks for."""

LOST_CODES = frozenset({"_AUTO_OFFSET_RESET", "OFFSET_OUT_OF_RANGE", "_LOG_TRUNCATION"})
"""Errors of a partition whose records at the position are gone: reading does not go on by itself without a loss."""


def kafka_error(error: BaseException) -> KafkaError:
    """Return the client's own error of an exception that it raised."""
    found = error.args[0] if error.args else None
    return found if isinstance(found, KafkaError) else KafkaError(KafkaError._FAIL, str(error))  # noqa: SLF001 - the client's own spelling of a constant


def broker_error(error: KafkaError | BaseException, doing: str) -> BrokerError:
    """Return the error with what was being done; `fatal` says that trying again does not help."""
    own = error if isinstance(error, KafkaError) else kafka_error(error)
    is_final = own.fatal() or own.name() in FINAL_CODES
    return BrokerError(f"{doing}: {told(own)} ({own.name()})", code=own.name(), fatal=is_final)


def told(error: KafkaError) -> str:
    """Return what the client says, without what it repeats of a property that may hold a secret."""
    text = str(error.str())
    before, name, _ = text.partition("sasl.oauthbearer.config")
    return f"{before}{name} is not understood" if name else text
