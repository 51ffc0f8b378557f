"""Addresses of vendors, as settings give them, and web addresses inside events."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

_ABSOLUTE: Final = re.compile(r"([a-zA-Z][a-zA-Z0-9+.\-]*)://([^/?#]+)", re.ASCII)
_OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4: Final = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
_BARE_HOST: Final = re.compile(r"[^/?#:\s]+")
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}


class Origin(NamedTuple):
    """Scheme and host of an absolute address, in lower case."""

    scheme: str
    host: str
    """With the port, if the address names one, and without user name and password."""


def origin_of(url: str) -> Origin | None:
    """Return scheme and host of a text that looks like `scheme://host…`, else None."""
    found = _ABSOLUTE.match(url)
    if found is None:
        return None
    host = found[2].rpartition("@")[2].lower()
    return Origin(found[1].lower(), host) if host else None


def is_absolute(url: str) -> bool:
    """Return whether a text looks like `scheme://host…`."""
    if url[:8] == "https://" and url[8:9] not in "/?#":  # nearly always, and then without an expression
        return True
    return _ABSOLUTE.match(url) is not None


def domain_of(text: str) -> str | None:
    """Return the domain of an address or a bare host: lower case, without port and `www.`; None without a dot in it."""
    origin = origin_of(text)
    host = _BARE_HOST.match(text.lower()) if origin is None else _BARE_HOST.match(origin.host)
    domain = "" if host is None else host[0].removeprefix("www.")
    return domain if "." in domain.strip(".") else None


@lru_cache(maxsize=4096)
def is_ip(text: str) -> bool:
    """Return whether a text is an IPv4 or IPv6 address; cached, for the events of a visit come from one address."""
    return _IPV4.fullmatch(text) is not None or (":" in text and _is_ipv6(text))


def _is_ipv6(text: str) -> bool:
    """Return whether a text is an IPv6 address, with or without a zone."""
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def checked_address(url: str, *, allow_http: bool, allow_query: bool = False) -> str:
    """Return the address unchanged when requests with a key may go there.

    It must be absolute and https. Plain http is for the own machine, and elsewhere only where the settings say so.
    `allow_query` is for addresses that are used as they are.

    Raises:
        ValueError: it is not such an address; the text names what is wrong.
    """
    if any(character.isspace() or not character.isprintable() for character in url):
        raise ValueError("must hold no blanks or control characters")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an absolute https address")
    if not _has_port_in_range(parts):
        raise ValueError("must have a port from 1 to 65535, or none")
    if parts.username is not None or parts.fragment or (parts.query and not allow_query):
        query = "" if allow_query else "nor a query "
        raise ValueError(f"must hold neither a user name {query}nor a fragment")
    if parts.scheme == "http" and not allow_http and not is_loopback(parts.hostname):
        raise ValueError("must be https: a key must not travel in the clear (`allow_http` lifts this)")
    return url


def _has_port_in_range(parts: SplitResult) -> bool:
    """Return whether an address names a port that there is, or none."""
    try:
        return parts.port != 0
    except ValueError:
        return False


def port_of(parts: SplitResult) -> int | None:
    """Return the port of an address, that of its scheme unless it names one; None where neither says any.

    Raises:
        ValueError: It names a port that there is not.
    """
    return parts.port or _DEFAULT_PORTS.get(parts.scheme)


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is the own machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
