"""Pools of connections that grow old: a fresh one takes over, the old one closes when its requests are done."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from processor.config import secrets_in
from processor.delivery.http_settings import HttpSettings
from processor.errors import ConfigError

PROXY_AUTHORIZATION: Final = "proxy-authorization"

_DNS_CACHE_S: Final = 10


class _Pool:
    """One generation of connections."""

    def __init__(self, transport: AiohttpTransport, born_s: float) -> None:
        """Begin without requests."""
        self.transport = transport
        self.born_s = born_s
        self.request_count = 0
        self.is_retired = False


class Connections:
    """The connections to a vendor. Belongs to one event loop."""

    def __init__(self, settings: HttpSettings, max_connections: int, clock: Callable[[], float]) -> None:
        """Prepare connections; none is opened yet. `clock` gives monotonic seconds.

        Raises:
            ConfigError: a certificate or key file cannot be used.
        """
        self._settings = settings
        self._max_connections = max_connections
        self._clock = clock
        self._ssl_context = ssl_context(settings)
        self._pool: _Pool | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @contextmanager
    def transport(self) -> Iterator[AiohttpTransport]:
        """Lend the transport for one request; it stays open until the request is done, however old it becomes."""
        pool = self._current()
        pool.request_count += 1
        try:
            yield pool.transport
        finally:
            pool.request_count -= 1
            self._close_when_unused(pool)

    async def aclose(self) -> None:
        """Close every connection."""
        if self._pool is not None:
            self._retire(self._pool)
            self._pool = None
        await asyncio.gather(*self._closing)

    def _current(self) -> _Pool:
        """Return the pool for a new request, a fresh one when there is none that is young enough."""
        now_s = self._clock()
        old = self._pool
        if old is not None and now_s - old.born_s < self._settings.max_connection_age_s:
            return old
        if old is not None:
            self._read_files_again()
            self._retire(old)
        self._pool = _Pool(self._fresh_transport(), now_s)
        return self._pool

    def _retire(self, pool: _Pool) -> None:
        pool.is_retired = True
        self._close_when_unused(pool)

    def _close_when_unused(self, pool: _Pool) -> None:
        if pool.is_retired and pool.request_count == 0:
            task = asyncio.ensure_future(pool.transport.aclose())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def _read_files_again(self) -> None:
        """Take over renewed files; files caught in the middle of their renewal leave what is in use."""
        for secret in secrets_in(self._settings):
            secret.reload()
        if self._settings.ca_file is None and self._settings.client_cert_file is None:
            return
        try:
            self._ssl_context = ssl_context(self._settings)
        except ConfigError:
            return

    def _fresh_transport(self) -> AiohttpTransport:
        proxy = proxy_of(self._settings)
        return AiohttpTransport(verify=self._ssl_context, trust_env=False, proxy=proxy, client=self._session)

    def _session(self) -> aiohttp.ClientSession:
        """Return a session that adds nothing of its own: no cookies, no proxy of the environment, no decompression."""
        connector = aiohttp.TCPConnector(
            limit=self._max_connections,
            ssl=self._ssl_context,
            keepalive_timeout=self._settings.idle_connection_s,
            ttl_dns_cache=_DNS_CACHE_S,
        )
        return aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, trust_env=False
        )


def proxy_of(settings: HttpSettings) -> httpx.Proxy | None:
    """Return the proxy that the settings ask for, its credentials as a header of the requests to open a tunnel."""
    if settings.proxy_url is None:
        return None
    proxy = httpx.Proxy(settings.proxy_url)
    if proxy.raw_auth is not None:
        # As a header rather than as the transport's own kind of credentials, which aiohttp has deprecated.
        credentials = b64encode(b":".join(proxy.raw_auth)).decode()
        return httpx.Proxy(proxy.url, headers={PROXY_AUTHORIZATION: f"Basic {credentials}"})
    return proxy


def ssl_context(settings: HttpSettings) -> ssl.SSLContext:
    """Return the TLS context that the settings ask for.

    Raises:
        ConfigError: a file is no certificate, no key, or the two do not belong together.
    """
    try:
        if settings.ca_file is None:
            context = httpx.create_ssl_context(trust_env=False)
        else:
            context = ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        raise ConfigError(f"{settings.ca_file}: no certificates in PEM form: {error.strerror}") from error
    if settings.client_cert_file is not None:
        _add_client_certificate(context, settings)
    return context


def _add_client_certificate(context: ssl.SSLContext, settings: HttpSettings) -> None:
    password = settings.client_key_password
    try:
        context.load_cert_chain(
            str(settings.client_cert_file),
            None if settings.client_key_file is None else str(settings.client_key_file),
            # Always given, or OpenSSL would ask for the password of an encrypted key on the terminal and wait.
            password=lambda: "" if password is None else password.reveal(),
        )
    except OSError as error:
        reason = "the certificate, its key and the key's password do not go together"
        raise ConfigError(f"{settings.client_cert_file}: {reason}: {error.strerror}") from error
