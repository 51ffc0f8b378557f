"""Every exception of the HTTP stack as one of the codes that `processor.model.Answer.error` may hold.

The exception of aiohttp decides where there is one: httpx-aiohttp calls any lost connection a connect timeout, and only
the cause beneath tells a connection that never was from one that broke.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final, Literal

import aiohttp
import httpx
from aiohttp import client_exceptions, http_exceptions

Code = Literal["timeout", "connect", "reset", "tls", "invalid", "unexpected"]
"""`connect`: there was no connection. `reset`: it broke, or what came was no HTTP. `invalid`: the request cannot be put
on the wire as it is. `unexpected`: a fault in this program or its libraries."""

CODES: Final[dict[type[BaseException], Code]] = {
    # aiohttp, which says most exactly what happened
    aiohttp.ClientError: "unexpected",
    aiohttp.ClientResponseError: "reset",
    aiohttp.ContentTypeError: "unexpected",
    aiohttp.WSServerHandshakeError: "unexpected",
    aiohttp.ClientHttpProxyError: "connect",
    aiohttp.TooManyRedirects: "unexpected",
    aiohttp.ClientConnectionError: "reset",
    aiohttp.ClientConnectionResetError: "reset",
    aiohttp.ClientOSError: "reset",
    aiohttp.ClientConnectorError: "connect",
    aiohttp.ClientConnectorDNSError: "connect",
    aiohttp.ClientProxyConnectionError: "connect",
    client_exceptions.UnixClientConnectorError: "connect",
    aiohttp.ServerConnectionError: "reset",
    aiohttp.ServerDisconnectedError: "reset",
    aiohttp.ServerTimeoutError: "timeout",
    aiohttp.ConnectionTimeoutError: "connect",
    aiohttp.SocketTimeoutError: "timeout",
    aiohttp.ServerFingerprintMismatch: "tls",
    aiohttp.ClientPayloadError: "reset",
    aiohttp.UploadAbortedError: "reset",
    aiohttp.InvalidURL: "invalid",
    aiohttp.InvalidUrlClientError: "invalid",
    aiohttp.RedirectClientError: "unexpected",
    aiohttp.NonHttpUrlClientError: "invalid",
    aiohttp.InvalidUrlRedirectClientError: "unexpected",
    aiohttp.NonHttpUrlRedirectClientError: "unexpected",
    aiohttp.ClientSSLError: "tls",
    aiohttp.ClientConnectorSSLError: "tls",
    aiohttp.ClientConnectorCertificateError: "tls",
    aiohttp.WSMessageTypeError: "unexpected",
    http_exceptions.HttpProcessingError: "reset",
    http_exceptions.BadHttpMessage: "reset",
    http_exceptions.HttpBadRequest: "reset",
    http_exceptions.PayloadEncodingError: "reset",
    http_exceptions.ContentEncodingError: "reset",
    http_exceptions.TransferEncodingError: "reset",
    http_exceptions.ContentLengthError: "reset",
    http_exceptions.DecompressSizeError: "unexpected",
    http_exceptions.LineTooLong: "reset",
    http_exceptions.InvalidHeader: "reset",
    http_exceptions.BadStatusLine: "reset",
    http_exceptions.BadHttpMethod: "reset",
    http_exceptions.InvalidURLError: "reset",
    # httpx, whose transport may raise without a cause
    httpx.HTTPError: "unexpected",
    httpx.RequestError: "unexpected",
    httpx.TransportError: "reset",
    httpx.TimeoutException: "timeout",
    httpx.ConnectTimeout: "connect",
    httpx.ReadTimeout: "timeout",
    httpx.WriteTimeout: "timeout",
    httpx.PoolTimeout: "connect",
    httpx.NetworkError: "reset",
    httpx.ConnectError: "connect",
    httpx.ReadError: "reset",
    httpx.WriteError: "reset",
    httpx.CloseError: "reset",
    httpx.ProtocolError: "reset",
    httpx.LocalProtocolError: "invalid",
    httpx.RemoteProtocolError: "reset",
    httpx.ProxyError: "connect",
    httpx.UnsupportedProtocol: "invalid",
    httpx.DecodingError: "reset",
    httpx.TooManyRedirects: "unexpected",
    httpx.HTTPStatusError: "unexpected",
    httpx.InvalidURL: "invalid",
    httpx.CookieConflict: "unexpected",
    httpx.StreamError: "unexpected",
    httpx.StreamConsumed: "unexpected",
    httpx.StreamClosed: "unexpected",
    httpx.ResponseNotRead: "unexpected",
    httpx.RequestNotRead: "unexpected",
    # ssl and the operating system
    ssl.SSLError: "tls",
    ssl.SSLZeroReturnError: "reset",
    ssl.SSLWantReadError: "tls",
    ssl.SSLWantWriteError: "tls",
    ssl.SSLSyscallError: "reset",
    ssl.SSLEOFError: "reset",
    ssl.SSLCertVerificationError: "tls",
    TimeoutError: "timeout",
    OSError: "reset",
    # what aiohttp says to a header or an address that HTTP cannot carry
    ValueError: "invalid",
}
"""The code of each class. One that a library adds takes its parent's code, until the test that names it is heard."""


def error_code(error: BaseException) -> Code:
    """Return the code of an exception that sending or reading raised."""
    causes = list(_causes(error))
    code = _listed(next((cause for cause in causes if isinstance(cause, aiohttp.ClientError)), error))
    if code == "reset":
        # TLS may fail after the handshake too, for instance when the other side refuses our certificate.
        return next((_listed(cause) for cause in causes if isinstance(cause, ssl.SSLError)), code)
    return code


def proxy_refusal(error: BaseException) -> int | None:
    """Return the status by which a proxy asked for other credentials instead of opening a tunnel, None otherwise.

    Like a key that a vendor refuses, this stays so until somebody acts; other refusals of a proxy may pass.
    """
    for cause in _causes(error):
        if isinstance(cause, aiohttp.ClientHttpProxyError) and cause.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            return cause.status
    return None


def tls_reason(error: BaseException) -> str:
    """Return what OpenSSL says of a failure of TLS: of certificates and protocols, never of what was sent."""
    # aiohttp's own classes pass for OpenSSL's without holding what those hold.
    own = (cause for cause in _causes(error) if not isinstance(cause, aiohttp.ClientError))
    found = next((cause for cause in own if isinstance(cause, ssl.SSLError)), None)
    if isinstance(found, ssl.SSLCertVerificationError):
        return str(found.verify_message)
    return "no reason is given" if found is None else str(found.reason)


def _listed(error: BaseException) -> Code:
    return next((CODES[cls] for cls in type(error).__mro__ if cls in CODES), "unexpected")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and what it was raised from."""
    while error is not None:
        yield error
        error = error.__cause__
