"""Foreign exceptions as codes: every class of the libraries is placed, and causes decide over what wraps them."""

from __future__ import annotations

import asyncio
import ssl
from types import ModuleType

import aiohttp
import httpx
import pytest
from aiohttp import client_exceptions, http_exceptions

from processor.delivery.http_errors import CODES, error_code, tls_reason


def exception_classes(module: ModuleType) -> set[type[BaseException]]:
    """Return the exception classes that a module of these libraries makes public."""
    found = {value for name, value in vars(module).items() if isinstance(value, type) and not name.startswith("_")}
    root = module.__name__.partition(".")[0]
    return {cls for cls in found if issubclass(cls, Exception) and cls.__module__.partition(".")[0] == root}


@pytest.mark.parametrize(
    "module", [httpx, aiohttp, client_exceptions, http_exceptions, ssl], ids=lambda m: str(m.__name__)
)
def test_every_class_of_the_library_has_its_own_code(module: ModuleType) -> None:
    """A class that a new version brings must be placed by a person, not by its parent."""
    unplaced = {cls.__name__ for cls in exception_classes(module) - CODES.keys() if not issubclass(cls, Warning)}
    unplaced -= {"WebSocketError", "EofStream", "PayloadAccessError"}  # of streams and servers: no request raises them
    assert unplaced == set()


@pytest.mark.parametrize("module", [httpx, client_exceptions])
def test_the_search_for_classes_finds_them(module: ModuleType) -> None:
    """The test above would pass on an empty set."""
    assert len(exception_classes(module)) > 20


def raised_from(error: BaseException, *causes: BaseException) -> BaseException:
    """Return an error with a chain of causes beneath it."""
    current = error
    for cause in causes:
        current.__cause__ = cause
        current = cause
    return error


KEY = aiohttp.client_reqrep.ConnectionKey(
    "h", 443, is_ssl=True, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (raised_from(httpx.ConnectTimeout(""), aiohttp.ServerDisconnectedError()), "reset"),
        (raised_from(httpx.ConnectTimeout(""), aiohttp.ClientOSError(), ConnectionResetError()), "reset"),
        (raised_from(httpx.ConnectTimeout(""), aiohttp.ClientOSError(), ssl.SSLError(1, "alert")), "tls"),
        (raised_from(httpx.ConnectTimeout(""), aiohttp.ClientOSError(), ssl.SSLEOFError(8, "eof")), "reset"),
        (raised_from(httpx.ConnectError(""), aiohttp.ClientConnectorError(KEY, OSError(111, "refused"))), "connect"),
        (raised_from(httpx.ConnectError(""), aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "no name"))), "connect"),
        (raised_from(httpx.TimeoutException(""), aiohttp.ConnectionTimeoutError()), "connect"),
        (raised_from(httpx.ReadTimeout(""), aiohttp.SocketTimeoutError()), "timeout"),
        (httpx.ReadTimeout(""), "timeout"),
        (httpx.PoolTimeout(""), "connect"),
        (raised_from(TimeoutError(), asyncio.CancelledError()), "timeout"),
        (BrokenPipeError(), "reset"),
        (UnicodeEncodeError("ascii", "x", 0, 1, "no"), "invalid"),
        (RuntimeError("session is closed"), "unexpected"),
    ],
    ids=repr,
)
def test_causes_decide(error: BaseException, code: str) -> None:
    """What the transport calls a connect timeout may be a broken connection: the difference is whether bytes left."""
    assert error_code(error) == code


def test_what_is_said_of_tls_is_openssls_own_word_and_no_text_of_an_exception() -> None:
    """Certificates that are refused are told in the other test module; alerts by their name, and nothing by nothing."""
    alert = ssl.SSLError(1, "[SSL: A] text")
    alert.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    wrapped = raised_from(httpx.ReadError("text"), aiohttp.ClientOSError("text"), alert)
    assert tls_reason(wrapped) == "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    assert tls_reason(httpx.ReadError("text")) == "no reason is given"
