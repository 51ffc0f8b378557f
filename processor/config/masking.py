"""Secrets kept out of texts that come from outside, such as an answer that repeats the key it refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import quote, quote_plus

from pydantic import BaseModel

from processor.config.secret import MASK, Secret

_AUTHORIZATION: Final = re.compile(r"\b(basic|bearer)(\s+)[A-Za-z0-9+/=._~-]{8,}", re.IGNORECASE)
"""Credentials in a form in which the secret itself cannot be recognised."""
_ORIGIN: Final = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
_MIN_PART_CHARS: Final = 8
"""Shorter parts of an address are no keys, and words of every text."""


def secrets_in(value: object) -> Iterator[Secret]:
    """Yield every secret of a settings model, however deep."""
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from secrets_in(getattr(value, name))
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from secrets_in(part)
    elif isinstance(value, list | tuple | set | frozenset):
        for part in value:
            yield from secrets_in(part)


def _parts(value: str) -> Iterator[str]:
    """Yield a secret, and of a secret address what a server repeats of it: `Cannot POST /hooks/<key>`."""
    yield value
    origin = _ORIGIN.match(value)
    if origin is not None:
        target = value[origin.end() :]
        parts = {target, *target.split("?"), *re.split(r"[/?&=#]", target)}
        yield from (part for part in parts if len(part) >= _MIN_PART_CHARS)


def _forms(value: str) -> Iterator[str]:
    """Yield a secret as a text may repeat it."""
    yield value
    yield quote(value, safe="")
    yield quote_plus(value)
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]


def masked(text: str, secrets: Iterable[Secret]) -> str:
    """Return a text with secrets replaced by the mask, also where they are escaped for an address or for JSON."""
    forms = {form for secret in secrets for part in _parts(secret.reveal()) for form in _forms(part)}
    # The longest first: a secret that begins another one must not leave the rest of it behind.
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, MASK)
    return _AUTHORIZATION.sub(rf"\1\2{MASK}", text)
