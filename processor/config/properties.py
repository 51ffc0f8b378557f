"""Properties that are handed through to a client, whose secrets must be references.

Which names exist is the client's own knowledge: whoever uses it says what it takes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final

from pydantic import ValidationError, ValidationInfo, ValidatorFunctionWrapHandler, WithJsonSchema, WrapValidator
from pydantic_core import InitErrorDetails

from processor.config.located import carried, located, merged
from processor.config.secret import (
    ALLOWED,
    REFERENCE_SCHEMA,
    SECRET_ERROR,
    SECRET_OR_PLAIN_SCHEMA,
    UNREAD_SECRETS,
    Secret,
    SecretOrPlain,
)

_SECRET_NAME: Final = re.compile(
    r"""
      password | passphrase | secret | token (?! \.endpoint) | private\.key | jaas
    | key\.pem $ | \.pem\.key $
    | oauthbearer\.config $              # its text may hold a client's secret
    | basic\.auth\.user\.info $          # of a schema registry: user and password in one
    """,
    re.VERBOSE | re.IGNORECASE,
)
_NOT_SECRET: Final = re.compile(r"(\.url | \.location | \.file | \.path)$", re.VERBOSE)
"""Names that speak of secrets but say where one lies."""


def is_secret_name(name: str) -> bool:
    """Return whether the value of a property is a secret, judged by its name."""
    return _SECRET_NAME.search(name) is not None and _NOT_SECRET.search(name) is None


Judge = Callable[[str, str | float | None], str | None]
"""Says what there is against a property, None for nothing. The value is None where it is a secret or refers to one."""


def refusing(judge: Judge) -> WrapValidator:
    """Return the mark for an `Annotated` type of properties that refuses those against which `judge` has something.

    Each is refused at its own place, together with whatever else is wrong with the properties.
    """

    def findings(properties: Mapping[Any, Any]) -> Iterator[InitErrorDetails]:
        for name, value in properties.items():
            is_open = isinstance(value, str | int | float) and not is_secret_name(name)
            objection = judge(name, value if is_open else None)
            if objection is not None:
                yield located((name,), objection)

    return _with(findings)


def naming_files(findings: Callable[[Mapping[Any, Any]], Iterator[tuple[str, str]]]) -> WrapValidator:
    """Return the mark for an `Annotated` type of properties in which `findings` looks for files that cannot be used.

    Nobody looks where secrets are not read either: who only previews connects to nobody and may have no such files.
    """

    def found(properties: Mapping[Any, Any]) -> Iterator[InitErrorDetails]:
        yield from (located((name,), text) for name, text in findings(properties))

    return _with(found, is_offline_too=False)


def _literal_secrets(properties: Mapping[Any, Any]) -> Iterator[InitErrorDetails]:
    """Yield the secrets that are written literally, without showing them."""
    for name, value in properties.items():
        if isinstance(name, str) and is_secret_name(name) and not isinstance(value, dict | Secret):
            yield located((name,), f"a secret is written literally; {ALLOWED}", kind=SECRET_ERROR)


def _with(
    findings: Callable[[Mapping[Any, Any]], Iterator[InitErrorDetails]], *, is_offline_too: bool = True
) -> WrapValidator:
    """Return the validator that reports findings about a mapping beside those of its own type."""

    def checked(value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:  # noqa: ANN401 - whatever the file holds
        is_offline = info.context is not None and info.context.get(UNREAD_SECRETS) is True
        is_asked = isinstance(value, Mapping) and (is_offline_too or not is_offline)
        found = list(findings(value)) if is_asked else []
        try:
            result = handler(value)
        except ValidationError as error:
            raise merged([*carried(error), *found]) from None
        if found:
            raise merged(found)
        return result

    return WrapValidator(checked)


_SCHEMA: Final = {
    "type": "object",
    "additionalProperties": SECRET_OR_PLAIN_SCHEMA,
    "patternProperties": {r"(password|passphrase|secret|key\.pem)$": REFERENCE_SCHEMA},
}

Properties = Annotated[dict[str, SecretOrPlain], _with(_literal_secrets), WithJsonSchema(_SCHEMA)]
"""Names to values as librdkafka documents them; names of secrets take references only."""


def revealed(properties: Mapping[str, SecretOrPlain]) -> dict[str, str | int | float | bool]:
    """Return the properties with their secrets in the open: to be handed to the client at once and kept nowhere."""
    return {name: value.reveal() if isinstance(value, Secret) else value for name, value in properties.items()}
