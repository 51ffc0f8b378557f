"""The exception tree.

ProcessorError
├─ ConfigError            before start; names file, line and key; exit code 2
├─ RecordError            about one record; ends as a dead letter
│  ├─ DecodeError
│  ├─ MappingError
│  └─ OversizedError
├─ DeliveryError          about one attempt
│  ├─ ThrottledError
│  ├─ TransientError
│  ├─ RejectedError
│  └─ HeldError
├─ BrokerError            the Kafka client's code, fatal or not
└─ InvariantError         a bug: stop, commit nothing further

In the hot path outcomes are values (see `processor.model`); these are raised at the edges.
Every error keeps a `safe` text that holds no event data and no secret, so that logs and metrics may print it;
`str(error)` is the full text and may go only to the person who owns the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class ProcessorError(Exception):
    """Base of every error that this program raises on purpose."""

    def __init__(self, message: str, *, safe: str | None = None) -> None:
        """Keep `message` as the full text; `safe` is what logs and metrics may print (default: the class name)."""
        super().__init__(message)
        self.safe = type(self).__name__ if safe is None else safe


class ConfigError(ProcessorError):
    """The configuration cannot be used. Raised before anything is started."""

    def __init__(self, message: str, *, problems: Sequence[Any] = ()) -> None:
        """Keep `message`; configuration errors hold no secret, so the whole text is safe.

        `problems` are the single findings (`processor.config.Problem`) where the text lists several of a file.
        """
        super().__init__(message, safe=message)
        self.problems = tuple(problems)


class RecordError(ProcessorError):
    """One record cannot be processed; `reason` is the code under which it is dead-lettered."""

    def __init__(self, reason: str, message: str, *, safe: str | None = None) -> None:
        """Keep the reason code beside the text."""
        super().__init__(message, safe=reason if safe is None else safe)
        self.reason = reason


class DecodeError(RecordError):
    """The value of a record is not what its format promises."""


class MappingError(RecordError):
    """A mapping cannot be applied to an event, or is not a mapping."""

    def __init__(self, message: str, *, reason: str = "mapping_failed", safe: str | None = None) -> None:
        """Keep the text; the reason code is `mapping_failed` unless the caller knows a better one."""
        super().__init__(reason, message, safe=safe)


class OversizedError(RecordError):
    """A record or payload is larger than a limit allows."""


class DeliveryError(ProcessorError):
    """One attempt to deliver a batch did not succeed."""


class ThrottledError(DeliveryError):
    """The vendor asked for a pause."""


class TransientError(DeliveryError):
    """The vendor or the way to it failed; the same request may succeed later."""


class RejectedError(DeliveryError):
    """The vendor refused a payload for good."""


class HeldError(DeliveryError):
    """The vendor refuses everything until somebody acts: key, account or address."""


class BrokerError(ProcessorError):
    """The Kafka client reported an error."""

    def __init__(self, message: str, *, code: str, fatal: bool) -> None:
        """Keep the client's error code (its name, such as `_ALL_BROKERS_DOWN`) and whether the client is lost."""
        super().__init__(message, safe=code)
        self.code = code
        self.fatal = fatal


class InvariantError(ProcessorError):
    """The program contradicts itself. Nothing further may be committed."""
