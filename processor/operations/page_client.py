"""The way to the page of a running bridge, for the commands that ask it."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

from processor.errors import ConfigError


def connected(url: str, timeout_s: float) -> tuple[http.client.HTTPConnection, str]:
    """Return a connection to a page, to be closed, and the path below which its routes are. Nothing is sent yet.

    No proxy is asked for the way, and none of a request's steps may take longer than `timeout_s`.

    Raises:
        ConfigError: `url` is no address of a page.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None or parts.scheme not in {"http", "https"}:
        raise ConfigError(f"{url!r} is no address of a page, such as http://127.0.0.1:9464")
    made = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return made(host, port, timeout=timeout_s), parts.path.rstrip("/")
