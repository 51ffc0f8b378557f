"""The status page for people: one HTML file with its style and script in it, served as it stands.

It holds no values; its script asks for `/status` and puts every value in as text. The policy that goes with it lets
the browser run this style and this script, known by their hashes, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_name("front.html")


class Front:
    """The file as it is served, and the policy for it."""

    def __init__(self) -> None:
        """Read the file; it belongs to the package."""
        text = FILE.read_text(encoding="utf-8")
        self.body = text.encode()
        self.policy = policy(text)


def policy(html: str) -> str:
    """Return the content security policy for a page with one inline style and one inline script.

    Values can only become text: without trusted types the browser refuses what would make markup of them.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_hash(html, 'style')}'",
            f"script-src '{_hash(html, 'script')}'",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def _hash(html: str, element: str) -> str:
    """Return the hash source of what stands in the only element of this name."""
    (content,) = re.findall(f"<{element}>(.*?)</{element}>", html, re.DOTALL)
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode("ascii")
