"""Addresses of vendors in settings, and web addresses in events."""

from __future__ import annotations

import pytest

from processor.destinations.addresses import checked_address, domain_of, is_absolute, is_ip, origin_of


@pytest.mark.parametrize(
    "url",
    [
        "https://api.moveo.one/api/x",
        "http://localhost:9500/collector",
        "http://127.0.0.1:8080",
        "http://[::1]:8080/v1",
    ],
)
def test_addresses_for_keys(url: str) -> None:
    """Https anywhere and plain http on the own machine may carry a key."""
    assert checked_address(url, allow_http=False) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://vendor.example/x",
        "ftp://vendor.example",
        "vendor.example",
        "/relative",
        "https://",
        "https://user:key@vendor.example",
        "https://vendor.example/?key=1",
        "https://vendor.example/#x",
        "http://[::1",
        "http://10.0.0.5:8080",
        "https://vendor.example:0",
        "https://vendor.example:65536",
        "https://vendor.example:https",
        "https://vendor .example",
        "https://vendor.example/a\n",
        "https://vendor\u2028.example",
        "",
    ],
)
def test_addresses_that_are_refused(url: str) -> None:
    """A key goes neither in the clear to another machine nor to an address that holds more than a place."""
    with pytest.raises(ValueError, match=r"."):
        checked_address(url, allow_http=False)


def test_plain_http_can_be_allowed() -> None:
    """Inside a private network the settings may lift the rule."""
    assert checked_address("http://sandbox:8080/x", allow_http=True) == "http://sandbox:8080/x"


def test_a_query_passes_only_where_it_is_meant_to() -> None:
    """An address that is used as it is may have one, but never a user or a fragment, which no request carries."""
    url = "https://hooks.shop.example/in?sig=1"
    assert checked_address(url, allow_http=False, allow_query=True) == url
    for refused in ("https://hooks.shop.example/in?sig=1#x", "https://u:p@hooks.shop.example/in?sig=1"):
        with pytest.raises(ValueError, match="must hold neither a user name nor a fragment"):
            checked_address(refused, allow_http=False, allow_query=True)


@pytest.mark.parametrize(
    ("text", "absolute"),
    [
        ("https://shop.example/cart", True),
        ("android-app://com.example", True),
        ("HTTP://X", True),
        ("//shop.example", False),
        ("/cart", False),
        ("shop.example/cart", False),
        ("https://", False),
        ("https:///cart", False),
        (" https://shop.example", False),
        ("1http://x", False),
        ("", False),
    ],
)
def test_absolute_addresses(text: str, absolute: bool) -> None:  # noqa: FBT001 - a table
    """An address is absolute when it names scheme and host."""
    assert is_absolute(text) is absolute


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Blog.Example:8443/post", ("https", "blog.example:8443")),
        ("https://user:pw@shop.example/x", ("https", "shop.example")),
        ("https://user@/x", None),
        ("not an address", None),
    ],
)
def test_origins(url: str, origin: tuple[str, str] | None) -> None:
    """Scheme and host, with its port, in lower case and without a user name."""
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("Orchard.Example", "orchard.example"),
        ("www.orchard.example", "orchard.example"),
        ("https://www.orchard.example:8443/x?y", "orchard.example"),
        ("orchard.example/about", "orchard.example"),
        ("www.localhost", None),
        ("localhost", None),
        ("localhost.", None),
        ("https://intranet/x", None),
        ("/x", None),
        ("", None),
    ],
)
def test_domains(text: str, domain: str | None) -> None:
    """A domain is lower case, without `www.`, port and path, and has a dot."""
    assert domain_of(text) == domain


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("203.0.113.9", True),
        ("2001:db8::5", True),
        ("::ffff:203.0.113.9", True),
        ("fe80::1%en0", True),
        ("203.0.113", False),
        ("203.0.113.999", False),
        ("010.0.0.1", False),
        ("203.0.113.9:443", False),
        (" 203.0.113.9", False),
        ("localhost", False),
        ("", False),
        ("\x00", False),
        ("\ud800", False),
        ("é::1", False),
    ],
)
def test_ip_addresses(text: str, valid: bool) -> None:  # noqa: FBT001 - a table
    """IPv4 and IPv6 addresses and nothing else."""
    assert is_ip(text) is valid
