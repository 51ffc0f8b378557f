"""Files that properties of the Kafka client name: one that cannot be used is told with its line of the settings.

The client itself opens them only when it is made, and then knows nothing of lines.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal

from processor.config.pem import goes_with
from processor.config.secret import Secret

_CERTIFICATE: Final = "ssl.certificate.location"
_KEY: Final = "ssl.key.location"
_KEY_PASSWORD: Final = "ssl.key.password"  # noqa: S105 - the name of a property
_AUTHORITIES: Final = ("ssl.ca.location", "https.ca.location")
"""May name a folder as well, or be `probe`, which has the client look where systems keep authorities."""
_FILES: Final = (
    _CERTIFICATE,
    _KEY,
    "ssl.keystore.location",
    "ssl.crl.location",
    "sasl.oauthbearer.assertion.file",
    "sasl.oauthbearer.assertion.private.key.file",
    "sasl.oauthbearer.assertion.jwt.template.file",
)

Finding = tuple[str, str]
"""The name of a property, and what is wrong with the file that it names."""


def file_findings(properties: Mapping[Any, Any]) -> Iterator[Finding]:
    """Yield which properties, as they stand in a file, name files that cannot be used.

    A file that may not be read here is left to the start: another user checks than runs.
    """
    for name in _AUTHORITIES:
        if path := _named(properties, name):
            yield from ((name, text) for text in _authority_troubles(path))
    missing = [name for name in _FILES if (path := _named(properties, name)) and not _is_file(path)]
    for name in missing:
        yield name, f"found {_named(properties, name)!r}; allowed: a file that exists"
    if not {_CERTIFICATE, _KEY} & set(missing):
        yield from _pair_findings(properties)


def _named(properties: Mapping[Any, Any], name: str) -> str:
    """Return the path that a property names; empty where it names none, or keeps it elsewhere."""
    value = properties.get(name)
    return value if isinstance(value, str) else ""


def _is_file(path: str) -> bool:
    """Return whether there is such a file; a folder on the way that may not be looked into counts as if."""
    try:
        return Path(path).is_file()
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False


def _authority_troubles(path: str) -> Iterator[str]:
    if path == "probe":
        return
    with suppress(PermissionError):
        if Path(path).is_dir():
            return
    if not _is_file(path):
        yield f"found {path!r}; allowed: a file or a folder that exists"
        return
    try:
        with suppress(PermissionError):
            ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        yield f"found {path!r}, which holds none; allowed: a file of certificates in PEM form"


def _pair_findings(properties: Mapping[Any, Any]) -> Iterator[Finding]:
    """Yield that a certificate and a key that should be one another's are not, or that one of the two is missing.

    The client takes a certificate without a key, and then shows the broker none.
    """
    certificate, key = _named(properties, _CERTIFICATE), _named(properties, _KEY)
    if certificate and not ({_KEY, "ssl.key.pem"} & properties.keys()):
        yield _CERTIFICATE, f"a certificate without its key is never shown to a broker; write {_KEY} as well"
    if key and not ({_CERTIFICATE, "ssl.certificate.pem"} & properties.keys()):
        yield _KEY, f"a key without its certificate is of no use; write {_CERTIFICATE} as well"
    if not (certificate and key):
        return
    has_password, password = _password(properties)
    if has_password and password is None:
        return
    if not goes_with(Path(certificate), Path(key), password):
        what = "not opened by" if has_password else "without"
        text = f"found {key!r}, which does not go with {certificate!r}: not PEM, another certificate's, or encrypted "
        yield _KEY, f"{text}and {what} {_KEY_PASSWORD}"


def _password(properties: Mapping[Any, Any]) -> tuple[bool, str | None]:
    """Return whether there is a password for the key, and the password; None where it cannot be read."""
    match properties.get(_KEY_PASSWORD):
        case None:
            return False, None
        case Secret() as secret:
            return True, secret.reveal()
        case {"env": str() as name}:
            return True, _read("env", name)
        case {"file": str() as name}:
            return True, _read("file", name)
        case _:
            return True, None


def _read(origin: Literal["env", "file"], name: str) -> str | None:
    try:
        return Secret.from_reference(origin, name).reveal()
    except ValueError:
        return None
