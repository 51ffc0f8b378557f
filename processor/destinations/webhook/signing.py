"""Signatures of requests: an HMAC of the body, or of the time and the body."""

from __future__ import annotations

import hmac
from base64 import b64encode

from processor.destinations.webhook.settings import SignatureSettings


def signed_headers(settings: SignatureSettings, body: bytes, now_ms: int) -> dict[str, str]:
    """Return the headers by which a receiver knows who sent a body, and when where the settings ask for that."""
    headers: dict[str, str] = {}
    content = body
    if settings.timestamp_header is not None:
        seconds = str(now_ms // 1000)
        headers[settings.timestamp_header] = seconds
        content = b"%b.%b" % (seconds.encode(), body)
    digest = hmac.digest(settings.secret.reveal().encode(), content, settings.algorithm)
    text = digest.hex() if settings.encoding == "hex" else b64encode(digest).decode()
    headers[settings.header] = settings.prefix + text
    return headers
