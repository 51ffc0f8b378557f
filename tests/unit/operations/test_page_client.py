"""The way to a page by its address: which protocol, which port, and below which path its routes are."""

from __future__ import annotations

from contextlib import closing
from http.client import HTTPConnection, HTTPSConnection

import pytest

from processor.operations.page_client import connection_to


@pytest.mark.parametrize(
    ("url", "kind", "port", "path"),
    [
        ("http://127.0.0.1:9464", HTTPConnection, 9464, ""),
        ("http://127.0.0.1:9464/", HTTPConnection, 9464, ""),
        ("https://bridge.example/cdp/", HTTPSConnection, 443, "/cdp"),
        ("http://[::1]", HTTPConnection, 80, ""),
        ("https://[fe80::a]/", HTTPSConnection, 443, ""),
    ],
)
def test_a_page_may_be_behind_tls_and_below_a_path(url: str, kind: type[HTTPConnection], port: int, path: str) -> None:
    """As a proxy in front of it has it."""
    connection, found = connection_to(url, 1.0)
    with closing(connection):
        assert (type(connection), connection.port, found) == (kind, port, path)
