"""Schemas by their id, fetched from a schema registry when first needed and kept.

Decoding is synchronous and asks `SchemaRegistry.schema`; an id that was not seen yet raises `SchemaNeeded`. Whoever
decodes then awaits `fetch`, which asks the registry in a thread, and decodes again. So the event loop never waits for
the registry, and a registry that cannot be reached is an error of the way, not of the record.
"""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from processor.errors import DecodeError, ProcessorError, TransientError
from processor.source.avro_schema import AvroSchema
from processor.source.deadline import Deadline
from processor.source.decode_settings import RegistrySettings

if TYPE_CHECKING:
    from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

UNKNOWN_SCHEMA: Final = "unknown_schema"

_NOT_FOUND: Final = range(40400, 40500)
"""Error codes that only a registry gives. A plain 404 may be a wrong path, and costs no record its delivery."""
_ACCESS_REFUSED: Final = (401, 403)


class SchemaNeeded(ProcessorError):  # noqa: N818 - a signal that asks for something, not a fault
    """A value cannot be decoded before `fetch(schema_id)` was awaited."""

    def __init__(self, schema_id: int) -> None:
        """Keep the id to fetch."""
        super().__init__(f"schema {schema_id} is needed", safe=f"schema {schema_id} is needed")
        self.schema_id = schema_id


class AccessRefusedError(TransientError):
    """The registry refuses our credentials, or this schema to them."""

    def __init__(self, status: int) -> None:
        """Keep the HTTP status: 401 is about the credentials, 403 may be about what was asked for."""
        message = f"the schema registry refused access with status {status}: check its credentials"
        super().__init__(message, safe=message)
        self.status = status


class SchemaRegistry:
    """The schemas fetched so far, and for a while the ids that turned out to name none.

    All methods are for the event loop's thread. `clock` gives monotonic seconds.
    """

    def __init__(self, settings: RegistrySettings, clock: Callable[[], float]) -> None:
        """Nothing is connected until the first `fetch`."""
        self._settings = settings
        self._clock = clock
        self._schemas: dict[int, AvroSchema] = {}
        self._unknown: dict[int, tuple[float, str]] = {}
        self._client_class = _client_class()

    def schema(self, schema_id: int) -> AvroSchema:
        """Return the schema with this id.

        Raises:
            SchemaNeeded: The id was not fetched yet, or so long ago that it is worth asking again.
            DecodeError: `unknown_schema`; the registry does not know the id, or what it gave is no Avro schema.
        """
        known = self._schemas.get(schema_id)
        if known is not None:
            return known
        until_s, message = self._unknown.get(schema_id, (float("-inf"), ""))
        if self._clock() >= until_s:
            raise SchemaNeeded(schema_id)
        raise DecodeError(UNKNOWN_SCHEMA, message, safe=message)

    async def fetch(self, schema_id: int) -> None:
        """Return when `schema` can answer for this id, with a schema or with why there is none.

        Raises:
            TransientError: The registry did not answer, refused access or is not at this address. Every call makes a
                client of its own with the secrets as they are now, so that trying again also helps after a rotation.
        """
        try:
            async with asyncio.timeout(self._settings.fetch_timeout_s):
                text, references = await asyncio.to_thread(self._texts, schema_id)
            _keep(self._schemas, schema_id, AvroSchema.parse(text, references), self._settings.max_schema_count)
        except TimeoutError:
            raise _transient("did not answer in time") from None
        except _UnusableError as error:
            self._refuse(schema_id, str(error))
        except ValueError as error:
            self._refuse(schema_id, f"what the registry holds as schema {schema_id} is {error}")

    def _refuse(self, schema_id: int, message: str) -> None:
        entry = (self._clock() + self._settings.unknown_schema_s, message)
        self._unknown.pop(schema_id, None)
        _keep(self._unknown, schema_id, entry, self._settings.max_schema_count)

    def _texts(self, schema_id: int) -> tuple[str, list[str]]:
        """Return the text of a schema and of those that it builds on. Runs in a thread."""
        try:
            with self._client_class(_client_properties(self._settings)) as client:
                schema = client.get_schema(schema_id)
                deadline = Deadline.after(self._settings.fetch_timeout_s, self._clock)
                references = list(_reference_texts(client, schema, set(), deadline))
        except Exception as error:  # translated here; the client documents no closed set
            raise _translated(error, schema_id) from error
        if schema.schema_type != "AVRO":
            raise _UnusableError(f"schema {schema_id} is of type {schema.schema_type}, not Avro")
        return _text(schema), references


class _UnusableError(Exception):
    """The registry answered, and its answer is that there is no such Avro schema."""


def _reference_texts(
    client: SchemaRegistryClient, schema: Schema, seen: set[tuple[Any, Any]], deadline: Deadline
) -> Iterator[str]:
    """Yield the texts that a schema builds on, each after what it needs itself.

    Whoever asked has stopped waiting at the deadline; so does the thread, or references without end would keep it.
    """
    for reference in schema.references or ():
        if deadline.is_over:
            raise TimeoutError
        name = (reference.subject, reference.version)
        if name in seen:
            continue
        seen.add(name)
        referred = client.get_version(str(reference.subject), int(reference.version or 0)).schema
        yield from _reference_texts(client, referred, seen, deadline)
        yield _text(referred)


def _text(schema: Schema) -> str:
    """Return the text of a schema. An answer without one is no registry's: something on the way has answered."""
    if not isinstance(schema.schema_str, str) or not schema.schema_str:
        raise _transient("gave no schema: check its address")
    return schema.schema_str


def _translated(error: Exception, schema_id: int) -> Exception:
    """Return what a failure of the client means; everything but a clear "not found" may be better next time."""
    if isinstance(error, TransientError):
        return error
    status = getattr(error, "http_status_code", None)
    if status is None:
        return _transient(f"could not be asked: {_way_trouble(error)}")
    if status == 404 and getattr(error, "error_code", None) in _NOT_FOUND:  # noqa: PLR2004 - HTTP's own number
        return _UnusableError(f"the schema registry does not know schema {schema_id}")
    if status in _ACCESS_REFUSED:
        return AccessRefusedError(status)
    return _transient(f"answered with status {status}: check its address")


def _way_trouble(error: Exception) -> str:
    """Return what kind of failure it is, with what OpenSSL or the operating system says: never what was sent."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__ or cause.__context__  # the client's transport raises from nothing
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"TLS fails: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError):
        return f"TLS fails: {cause.reason}"
    kind = type(error).__name__
    return kind if cause is None or cause.strerror is None else f"{kind} ({cause.strerror})"


def _transient(what: str) -> TransientError:
    message = f"the schema registry {what}"
    return TransientError(message, safe=message)


def _keep(kept: dict[int, Any], key: int, value: Any, limit: int) -> None:  # noqa: ANN401 - whatever the mapping holds
    """Make `kept` hold this entry and at most `limit` in all; the oldest make room."""
    kept[key] = value
    while len(kept) > limit:
        del kept[next(iter(kept))]


def _client_properties(settings: RegistrySettings) -> dict[str, Any]:
    files = {
        "ssl.ca.location": settings.ca_file,
        "ssl.certificate.location": settings.client_cert_file,
        "ssl.key.location": settings.client_key_file,
    }
    return {
        "url": str(settings.url),
        "timeout": settings.request_timeout_s,
        "max.retries": 0,  # who asks decides when to ask again, and can be stopped meanwhile
        **{name: str(path) for name, path in files.items() if path is not None},
        **_key_password(settings),
        **_credentials(settings),
    }


def _key_password(settings: RegistrySettings) -> dict[str, str]:
    """Return the password of our key, always one beside a certificate.

    Without any, OpenSSL would ask for the password of an encrypted key on the terminal and wait.
    """
    if settings.client_cert_file is None:
        return {}
    if settings.client_key_password is None:
        return {"ssl.key.password": ""}
    settings.client_key_password.reload()
    return {"ssl.key.password": settings.client_key_password.reveal()}


def _credentials(settings: RegistrySettings) -> dict[str, Any]:
    if settings.password is not None:
        settings.password.reload()
        return {"basic.auth.user.info": f"{settings.username}:{settings.password.reveal()}"}
    if settings.token is not None:
        settings.token.reload()
        return {
            "bearer.auth.credentials.source": "STATIC_TOKEN",
            "bearer.auth.token": settings.token.reveal(),
            "bearer.auth.logical.cluster": settings.logical_cluster,
        }
    return {}


def _client_class() -> type[SchemaRegistryClient]:
    """Return the registry client's class. It costs memory and most of a second: only who uses a registry pays."""
    with warnings.catch_warnings(record=True):
        # When imported, its OAuth library announces a successor of httpx, past every filter: no user can act on it.
        from confluent_kafka.schema_registry import SchemaRegistryClient  # noqa: PLC0415 - see above
    return SchemaRegistryClient
