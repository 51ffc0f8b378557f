"""Files of certificates and keys: what cannot work is told with the settings, not when they are first used."""

from __future__ import annotations

import ssl
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, FilePath

from processor.config.secret import Secret


def _authorities(path: Path) -> Path:
    """Return the file; refuse one that holds no certificate. One that may not be read here is left to the start."""
    try:
        with suppress(PermissionError):
            ssl.create_default_context(cafile=path)
    except ssl.SSLError as error:
        raise ValueError("must hold certificates in PEM form") from error
    return path


Authorities = Annotated[FilePath, AfterValidator(_authorities)]
"""A file of certificates in PEM form; a wrong one is refused with the settings."""


def require_pair(cert_file: Path | None, key_file: Path | None, password: Secret | None) -> None:
    """Return when `client_cert_file` and its key go together, or only the start can tell.

    The start tells of files that may not be read here, and of a password that is not there.

    Raises:
        ValueError: A key or its password without a certificate, or files that do not go together.
    """
    if cert_file is None:
        if (key_file, password) != (None, None):
            raise ValueError("`client_key_file` and `client_key_password` need `client_cert_file`")
        return
    if password is not None and password.trouble() is not None:
        return
    if not goes_with(cert_file, key_file, None if password is None else password.reveal()):
        key = "`client_cert_file`" if key_file is None else "`client_key_file`"
        what = "without" if password is None else "not opened by"
        raise ValueError(
            f"`client_cert_file` does not go with a key in {key}: not PEM, another certificate's, or encrypted and "
            f"{what} `client_key_password`"
        )


def goes_with(cert_file: Path, key_file: Path | None, password: str | None) -> bool:
    """Return whether a certificate and its key, in one file or in two, go together, or may not be read here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        with suppress(PermissionError):
            # Always given, or OpenSSL would ask for the password of an encrypted key on the terminal and wait.
            context.load_cert_chain(cert_file, key_file, password="" if password is None else password)
    except ssl.SSLError:
        return False
    return True
