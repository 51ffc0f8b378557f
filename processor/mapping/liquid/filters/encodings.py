"""Filters that encode: addresses, slugs, base64, hashes, JSON."""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from processor.mapping.javascript import WHITESPACE, utf16_joined, utf16_split
from processor.mapping.liquid.budget import refuse
from processor.mapping.liquid.context import Context
from processor.mapping.liquid.filters.base import Filter, is_set
from processor.mapping.liquid.values import Value, is_number, number_of, printed, text_of
from processor.mapping.liquid.writer import MAX_INDENT, written
from processor.mapping.values import ABSENT

_COMPONENT_SAFE: Final = "!*'()~"
_ADDRESS_SAFE: Final = _COMPONENT_SAFE + ";/?:@&=+$,#[]"
_ESCAPED: Final = re.compile(r"(?:%[0-9a-fA-F]{2})+")
_BROKEN_ESCAPE: Final = re.compile(r"%(?![0-9a-fA-F]{2})")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]*")
_BASE64_BLANKS: Final = str.maketrans("", "", "\t\n\f\r ")
_BASE64_GROUP: Final = 4

_SLUG_GAPS: Final[Mapping[str, re.Pattern[str]]] = {
    "raw": re.compile(f"[{WHITESPACE}]+"),
    "ascii": re.compile(r"[^A-Za-z0-9]+"),
}
_PRETTY: Final = frozenset("._~!$&'()+,;=@")
_SLUG_KEPT: Final[Mapping[str, frozenset[str]]] = {"default": frozenset(), "latin": frozenset(), "pretty": _PRETTY}
_LATIN: Final = str.maketrans(
    {
        **dict.fromkeys("àáâãäå", "a"),
        **dict.fromkeys("èéêë", "e"),
        **dict.fromkeys("ìíîï", "i"),
        **dict.fromkeys("òóôõöø", "o"),
        **dict.fromkeys("ùúûü", "u"),
        **dict.fromkeys("ýÿ", "y"),
        "æ": "ae",
        "ç": "c",
        "ð": "d",
        "ñ": "n",
        "ß": "ss",
        "œ": "oe",
        "þ": "th",
        "ẞ": "SS",
        "Œ": "OE",
        "Þ": "TH",
    }
)


def _quoted(context: Context, value: Value, safe: str) -> str:
    """Return the text in UTF-8 with everything percent-encoded that is not safe in an address."""
    try:
        return quote(utf16_joined(printed(value, context.budget)), safe=safe)
    except UnicodeEncodeError as error:
        raise refuse("encodes a text for an address that holds half a letter") from error


def _url_encode(context: Context, value: Value) -> str:
    """Return the text as a part of an address, blanks as plus signs."""
    return _quoted(context, value, _COMPONENT_SAFE).replace("%20", "+")


def _cgi_escape(context: Context, value: Value) -> str:
    """Return the text as a value of a form, blanks as plus signs."""
    return _quoted(context, value, "~").replace("%20", "+")


def _uri_escape(context: Context, value: Value) -> str:
    """Return the text as an address, its punctuation kept."""
    return _quoted(context, value, _ADDRESS_SAFE)


def _url_decode(context: Context, value: Value) -> str:
    """Return the text that stands in a part of an address."""
    text = printed(value, context.budget).replace("+", " ")
    if _BROKEN_ESCAPE.search(text):
        raise refuse("decodes a text with a percent sign that is no escape")
    try:
        return _ESCAPED.sub(lambda found: bytes.fromhex(found.group().replace("%", "")).decode(), text)
    except UnicodeDecodeError as error:
        raise refuse("decodes escapes that are no UTF-8") from error


def _slugify(context: Context, value: Value, mode: Value = ABSENT, cased: Value = ABSENT) -> str:
    """Return the text with a dash for each run of characters that the mode does not keep, in small letters."""
    text = printed(value, context.budget)
    name = "default" if mode is ABSENT else text_of(mode, context.budget)
    if name == "latin":
        text = text.translate(_LATIN)
    if name in _SLUG_KEPT:
        context.budget.spend_items(len(text))
        text = _trimmed("".join(_with_gaps(text, _SLUG_KEPT[name])))
    elif name in _SLUG_GAPS:
        text = _trimmed(_SLUG_GAPS[name].sub("-", text))
    return text if is_set(cased) else text.lower()


def _with_gaps(text: str, kept: frozenset[str]) -> list[str]:
    """Return the characters that are letters, marks, digits or kept, and one dash for each run of others."""
    found: list[str] = []
    is_gap = False
    for char in text:
        category = unicodedata.category(char)
        if category[0] in "LM" or category == "Nd" or char in kept:
            found.append(char)
            is_gap = False
        elif not is_gap:
            found.append("-")
            is_gap = True
    return found


def _trimmed(slug: str) -> str:
    """Return the slug without a dash at either end."""
    return slug.removeprefix("-").removesuffix("-")


def utf8(text: str) -> bytes:
    """Return the text in UTF-8; half a letter becomes the replacement character, as in JavaScript."""
    whole = utf16_joined(text)
    return whole.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def _base64_encode(context: Context, value: Value) -> str:
    """Return the text's UTF-8 bytes in base64."""
    return base64.b64encode(utf8(printed(value, context.budget))).decode()


def _base64_decode(context: Context, value: Value) -> str:
    """Return the text that stands in base64, padded or not."""
    text = printed(value, context.budget).translate(_BASE64_BLANKS)
    if len(text) % _BASE64_GROUP == 0:
        text = text.removesuffix("=").removesuffix("=")
    if len(text) % _BASE64_GROUP == 1 or not _BASE64.fullmatch(text):
        raise refuse("decodes a text that is no base64")
    padded = text + "=" * (-len(text) % _BASE64_GROUP)
    return base64.b64decode(padded).decode("utf-8", "replace")


def _sha256(context: Context, value: Value) -> str:
    """Return the SHA-256 of the text's UTF-8 bytes, in hexadecimal digits."""
    return hashlib.sha256(utf8(printed(value, context.budget))).hexdigest()


def _hmac_sha256(context: Context, value: Value, key: Value = ABSENT) -> str:
    """Return the keyed SHA-256 of the text's UTF-8 bytes, in hexadecimal digits."""
    text, secret = printed(value, context.budget), printed(key, context.budget)
    return hmac.new(utf8(secret), utf8(text), hashlib.sha256).hexdigest()


def _json(context: Context, value: Value, space: Value = ABSENT) -> Value:
    """Return the value in JSON, absent for absent; a number of blanks or a text indents it."""
    return written(value, _indent(context, space), context.budget)


def _indent(context: Context, space: Value) -> str:
    """Return the indent of one level."""
    if isinstance(space, str):
        return "".join(utf16_split(space[:MAX_INDENT])[:MAX_INDENT])
    if not is_number(space):
        return ""
    count = number_of(space, context.budget)
    return "" if math.isnan(count) else " " * int(min(max(count, 0.0), MAX_INDENT))


ENCODING_FILTERS: Final[Mapping[str, Filter]] = {
    "base64_decode": Filter(_base64_decode),
    "base64_encode": Filter(_base64_encode),
    "cgi_escape": Filter(_cgi_escape),
    "hmac_sha256": Filter(_hmac_sha256, 1),
    "inspect": Filter(_json, 1),
    "json": Filter(_json, 1),
    "jsonify": Filter(_json, 1),
    "sha256": Filter(_sha256),
    "slugify": Filter(_slugify, 2),
    "uri_escape": Filter(_uri_escape),
    "url_decode": Filter(_url_decode),
    "url_encode": Filter(_url_encode),
}
