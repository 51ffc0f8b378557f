"""Whether Kafka can be reached at all, and if not, why: asked before a command asks anything else."""

from __future__ import annotations

import re
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException

from processor.errors import BrokerError
from processor.source.clients import admin_client
from processor.source.deadline import Deadline
from processor.source.settings import KafkaSettings
from processor.source.tls_trouble import speaks_tls, tls_trouble
from processor.source.trouble import broker_error, told

CONTACT_TIMEOUT_S: Final = 10.0
_POLL_S: Final = 0.1
_CLOSED: Final = "it closes the connection; does `security.protocol` say what it expects?"
_SILENT: Final = "no answer in time"
_MOMENT: Final = re.compile(r" \(after \d{1,9}ms in state [A-Z_]{1,40}(?:, \d{1,9} identical error\(s\) suppressed)?\)")
"""How long a step took: it differs each time that the same is wrong."""
_DISCONNECTED: Final = "_DISCONNECTED"
REFUSED_CODES: Final = frozenset({"_AUTHENTICATION", "_SSL", _DISCONNECTED})
"""Codes of what trying again does not mend: credentials, certificates, the listener of another protocol."""


class _Heard:
    """What the client said of its connections, newest last."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.cause: str | None = None
        self.code = "_TRANSPORT"
        self.is_down = False

    def __call__(self, error: KafkaError) -> None:
        """Keep a cause, or that no broker is left to try."""
        if error.code() == KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - the client's own spelling of a constant
            self.is_down = True
        elif self.code != "_AUTHENTICATION":  # what follows it is only that no connection is left
            self.cause, self.code = _MOMENT.sub("", told(error)), error.name()

    @property
    def text(self) -> str:
        """Return the cause as far as it is known."""
        if self.cause is not None:
            return self.cause
        return _CLOSED if self.is_down else _SILENT


def require_contact(kafka: KafkaSettings, timeout_s: float = CONTACT_TIMEOUT_S) -> None:
    """Return when a broker has answered.

    The client itself would go on trying for its whole timeout and then say only that time ran out; this ends as soon as
    every bootstrap server has failed once, and says of what.

    Raises:
        ConfigError: The client refuses its properties.
        BrokerError: None of the bootstrap servers can be used; the text names them and the client's last error.
    """
    heard = _Heard()
    # The errors come through `heard`, and are raised: the client need not write each try to the log as well.
    own: dict[str, Any] = {"error_cb": heard, "log_level": 0}
    client = admin_client(kafka, f"{kafka.group_prefix}.contact", **own)
    deadline = Deadline.after(timeout_s)
    answer = client.describe_cluster(request_timeout=2 * timeout_s)  # the deadline is the wait below
    while not answer.done() and not heard.is_down and deadline.left_s > 0:
        client.poll(_POLL_S)
    if not answer.done():
        raise _unusable(kafka, heard)
    try:
        answer.result()
    except KafkaException as error:
        raise broker_error(error, f"{kafka.bootstrap_servers} cannot be used") from error


def _unusable(kafka: KafkaSettings, heard: _Heard) -> BrokerError:
    """Return why no broker can be used: what TLS says, where it is at fault, and else what the client says."""
    trouble = tls_trouble(kafka) if speaks_tls(kafka) and heard.code != "_AUTHENTICATION" else None
    code = heard.code if trouble is None else "_SSL"
    if trouble is None and heard.text == _CLOSED:
        code = _DISCONNECTED
    text = heard.text if trouble is None else trouble
    return BrokerError(f"{kafka.bootstrap_servers} cannot be used: {text}", code=code, fatal=False)
