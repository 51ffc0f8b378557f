"""MoEngage's answers: the forms of its error bodies, and the words by which it sorts its refusals.

Source: MoEngage's OpenAPI at commit 0adc5260, its Data API overview, and its page on allow-lists of addresses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from processor.sandbox.moengage_settings import Account
from processor.sandbox.shapes import Breach

NO_ADDRESS = "IP Validation Required"
DELETE_RATE = "Rate limit exceeded"

_TYPES: Mapping[int, str] = {
    400: "ValueError",
    401: "Authentication required",
    403: "Account Suspended",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "PayloadTooLarge",
    415: "MediaTypeError",
    429: "Rate Limits Exceeded",
}
_BREACHES: Mapping[str, str] = {
    "required": "MissingAttributeError",
    "additionalProperties": "AttributeError",
    "minItems": "ArrayFieldError",
    "maxItems": "ArrayFieldError",
}
ACCOUNTS: Mapping[Account, tuple[int, str]] = {
    "suspended": (403, "Account Suspended"),
    "temporarily_suspended": (403, "Account Temporarily Suspended"),
    "blocked_client": (403, "BlockedClient"),
    "blacklisted": (400, "Blacklisted"),
    "secret_not_set": (409, "Conflict"),
}
"""What an account in each state is answered, whatever it sends."""


def type_of(status: int) -> str:
    """Return the word that goes with a status."""
    return _TYPES.get(status, "ServerError")


def type_of_breach(breach: Breach) -> str:
    """Return the word for a mistake in a body."""
    if breach.keyword == "type":
        return "ArrayFieldError" if breach.demand == "array" else "TypeError"
    return _BREACHES.get(breach.keyword, "ValueError")


def error_body(kind: str, message: str, request_id: str, attribute: str = "") -> bytes:
    """Return the body of a refusal. Two words have a form of their own: addresses, and the rate of deletions."""
    if kind == NO_ADDRESS:
        return msgspec.json.encode({"error": kind, "message": message})
    if kind == DELETE_RATE:
        return msgspec.json.encode({"title": kind, "description": message})
    error: dict[str, Any] = {"type": kind, "message": message, "request_id": request_id}
    if attribute:
        error["attribute"] = attribute
    return msgspec.json.encode({"status": "fail", "error": error})


def success_body(request_id: str) -> bytes:
    """Return the body of an acceptance, which promises nothing about what becomes of it."""
    return (
        b'{"status":"success","message":"Your request has been accepted and will be processed soon.","request_id":"'
        + request_id.encode()
        + b'"}'
    )
