"""The way to the page of a running bridge, for the commands that ask it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

from processor.errors import ConfigError

_KINDS: Final[Mapping[str, type[HTTPConnection]]] = {"http": HTTPConnection, "https": HTTPSConnection}
_SENDABLE: Final = re.compile(r"[!-~]+")
"""What may stand in a request; of anything else the client raises errors of several kinds, and only when it sends."""


def connection_to(url: str, timeout_s: float) -> tuple[HTTPConnection, str]:
    """Return a connection to a page, to be closed, and the path below which its routes are. Nothing is sent yet.

    No proxy is asked for the way, and none of a request's steps may take longer than `timeout_s`.

    Raises:
        ConfigError: `url` is no address of a page, or holds what a request cannot, such as a blank.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host.encode("idna")
    except ValueError as error:
        raise _no_address(url) from error
    kind = _KINDS.get(parts.scheme)
    if not host or kind is None or not _SENDABLE.fullmatch(url):
        raise _no_address(url)
    # Told no port, the client looks for one in the host, and finds one in `::1`.
    return kind(host, kind.default_port if port is None else port, timeout=timeout_s), parts.path.rstrip("/")


def _no_address(url: str) -> ConfigError:
    return ConfigError(f"{url!r} is no address of a page, such as http://127.0.0.1:9464")
