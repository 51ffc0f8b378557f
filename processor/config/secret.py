"""A secret: named in the file, read from the environment or a mounted file, shown to nobody."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

MASK: Final = "***"
PLAIN_SECRETS: Final = "plain_secrets"
"""Key of the validation context that allows literal secrets: for settings that come from code, never from a file."""

UNREAD_SECRETS: Final = "unread_secrets"
"""Key of the validation context in which a reference to a secret that is not there is no error: for a look at a whole
file by a program that needs the secrets of a part of it. What stands in for the secret is of no use elsewhere."""

SECRET_ERROR: Final = "secret"  # noqa: S105 - the name of a kind of error
"""Type of every validation error raised here. Its text stands alone: the input must not be shown beside it."""

ALLOWED: Final = "allowed: {env: NAME} or {file: PATH}"
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}", re.ASCII)
_HEADER_TEXT: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?", re.ASCII)
_MAX_FILE_BYTES: Final = 65_536

_Origin = Literal["env", "file", "plain"]


class Secret:
    """A value that only `reveal` gives away.

    Everything else that could show it, such as `str`, `repr`, JSON, pickle or a copy, shows the mask or the reference.
    It is the one part of the settings that may change: `reload` reads it again, so that a new key needs no restart.
    """

    __slots__ = ("_name", "_origin", "_value")

    def __init__(self, value: str) -> None:
        """Hold a literal secret; for settings that come from code."""
        self._origin: _Origin = "plain"
        self._name = ""
        self._value = value

    @classmethod
    def from_reference(cls, origin: Literal["env", "file"], name: str) -> Secret:
        """Return the secret that an environment variable or a file holds.

        Raises:
            ValueError: it is missing, unreadable, empty or no UTF-8; the text names the reference, never the value.
        """
        secret = cls(_read(origin, name))
        secret._origin, secret._name = origin, name
        return secret

    @classmethod
    def unread(cls, origin: Literal["env", "file"], name: str) -> Secret:
        """Return what stands in for a secret that nobody is going to use."""
        secret = cls("unread")
        secret._origin, secret._name = origin, name
        return secret

    def reveal(self) -> str:
        """Return the secret itself."""
        return self._value

    def trouble(self) -> str | None:
        """Return why a referenced secret cannot be read at this moment, None when it can; the value is in no text."""
        try:
            if self._origin != "plain":
                _read(self._origin, self._name)
        except ValueError as error:
            return str(error)
        return None

    def refers_as(self, other: Secret) -> bool:
        """Return whether another one comes from the same place; literal ones do when they hold the same value."""
        is_same_place = (self._origin, self._name) == (other._origin, other._name)
        return is_same_place and (self._origin != "plain" or self._value == other._value)

    def reload(self) -> bool:
        """Read a referenced secret again and return whether it has changed.

        What cannot be read at this moment, for instance in the middle of a rotation, leaves the value as it is.
        """
        if self._origin == "plain":
            return False
        try:
            value = _read(self._origin, self._name)
        except ValueError:
            return False
        changed = value != self._value
        self._value = value
        return changed

    def __repr__(self) -> str:
        """Return the mask, with the reference that says where to look."""
        return f"Secret({MASK})" if self._origin == "plain" else f"Secret({self._origin}: {self._name})"

    def __str__(self) -> str:
        """Return the mask."""
        return MASK

    def __eq__(self, other: object) -> bool:
        """Return whether two secrets come from the same place and hold the same value."""
        if not isinstance(other, Secret):
            return NotImplemented
        return (self._origin, self._name, self._value) == (other._origin, other._name, other._value)

    def __hash__(self) -> int:
        """Return a hash of the reference alone: it must stay as it is when the value is read again."""
        return hash((self._origin, self._name))

    def __copy__(self) -> Secret:
        """Return the secret itself, so that a reload reaches every copy of the settings."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        """Return the secret itself, so that a reload reaches every copy of the settings."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the reference alone; whoever unpickles reads it from its own environment."""
        if self._origin == "plain":
            raise TypeError("a literal secret cannot be pickled")
        return Secret.from_reference, (self._origin, self._name)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema by which pydantic accepts references and writes the mask."""
        return core_schema.with_info_plain_validator_function(
            _validated, serialization=core_schema.plain_serializer_function_ser_schema(str, when_used="always")
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the JSON Schema of the two references."""
        return REFERENCE_SCHEMA


REFERENCE_SCHEMA: Final[JsonSchemaValue] = {
    "type": "object",
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 1,
    "properties": {
        "env": {
            "type": "string",
            "minLength": 1,
            "pattern": f"^{_VARIABLE.pattern}$",
            "description": "Name of the environment variable that holds the secret.",
        },
        "file": {
            "type": "string",
            "minLength": 1,
            "description": "Path of the file that holds the secret; one line end at its end is left out.",
        },
    },
}
"""One object instead of a choice between two: of a literal secret a validator then says that it wants an object, where
a choice would say no more than that none of two forms fits."""

SECRET_OR_PLAIN_SCHEMA: Final[JsonSchemaValue] = {
    "anyOf": [{"type": ["string", "number", "boolean"]}, REFERENCE_SCHEMA],
}


def refusal(problem: str) -> PydanticCustomError:
    """Return a validation error about a secret. `problem` must not hold the value."""
    return PydanticCustomError(SECRET_ERROR, "{problem}", {"problem": problem})


def _validated(value: Any, info: ValidationInfo) -> Secret:  # noqa: ANN401 - whatever the file holds
    """Return the secret that a value of the settings stands for."""
    match value:
        case Secret():
            return value
        case str() if info.context is not None and info.context.get(PLAIN_SECRETS) is True:
            return Secret(value)
        case {"env": str() as name} if len(value) == 1:
            return _referenced("env", name, info)
        case {"file": str() as name} if len(value) == 1:
            return _referenced("file", name, info)
        case dict():
            raise refusal(f"this is no reference to a secret; {ALLOWED}")
        case None:
            raise refusal(f"the secret is empty; {ALLOWED}")
        case _:
            raise refusal(f"a secret is written literally; {ALLOWED}")


def _referenced(origin: Literal["env", "file"], name: str, info: ValidationInfo) -> Secret:
    try:
        return Secret.from_reference(origin, name)
    except ValueError as error:
        is_name = origin == "file" or _VARIABLE.fullmatch(name) is not None
        if is_name and info.context is not None and info.context.get(UNREAD_SECRETS) is True:
            return Secret.unread(origin, name)
        raise refusal(str(error)) from None


def _read(origin: Literal["env", "file"], name: str) -> str:
    """Return what a reference holds; ValueError without the value when it holds nothing usable."""
    value = _read_variable(name) if origin == "env" else _read_file(name)
    if not value or value.isspace():
        raise ValueError(f"{_described(origin, name)} is empty")
    return value


def _read_variable(name: str) -> str:
    if _VARIABLE.fullmatch(name) is None:
        # Whoever writes the key itself here must not find it in the log.
        raise ValueError("the text after env: is no name of an environment variable; allowed: letters, digits and _")
    value = os.environ.get(name)
    if value is None:
        raise ValueError(f"{_described('env', name)} is not set")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{_described('env', name)} is not UTF-8") from None
    return value


def _read_file(name: str) -> str:
    try:
        with Path(name).open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "the path holds a null character"
        raise ValueError(f"{_described('file', name)} cannot be read: {reason}") from None
    if len(content) > _MAX_FILE_BYTES:
        raise ValueError(f"{_described('file', name)} is too large; allowed: up to {_MAX_FILE_BYTES} bytes")
    try:
        return content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ValueError(f"{_described('file', name)} is not UTF-8") from None


def _described(origin: _Origin, name: str) -> str:
    if origin == "plain":
        return "the secret"
    return f"environment variable {name}" if origin == "env" else f"secret file {name!r}"


def _fitting_header(secret: Secret) -> Secret:
    """Return a secret that a header can carry; refuse another one, such as one with an empty line behind it."""
    if _HEADER_TEXT.fullmatch(secret.reveal()) is None:
        where = _described(secret._origin, secret._name)  # noqa: SLF001 - this module is the class's own
        raise refusal(
            f"{where} holds what no HTTP header can carry; allowed: one line of ASCII, without blanks around it"
        )
    return secret


HeaderSecret = Annotated[Secret, AfterValidator(_fitting_header)]
"""A secret that is sent in a header: one that fits none would fail with every request, and nobody would know why."""


def _secret_or_plain(value: Any, info: ValidationInfo) -> Secret | bool | int | float | str:  # noqa: ANN401 - as above
    """Return a scalar as it is, and a reference as the secret that it stands for."""
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict | Secret):
        return _validated(value, info)
    kind = "nothing" if value is None else "a list"
    raise refusal(f"found {kind}; allowed: text, a number, true or false, {{env: NAME}} or {{file: PATH}}")


SecretOrPlain = Annotated[
    Secret | bool | int | float | str,
    PlainValidator(_secret_or_plain),
    WithJsonSchema(SECRET_OR_PLAIN_SCHEMA),
]
"""A value that may be secret: written as it is, or by reference. Whoever uses it says what must be a reference."""
