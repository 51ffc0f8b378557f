"""An identity provider on loopback: a token endpoint for client credentials, and the keys that verify its tokens.

Just enough of OIDC for a Kafka client to fetch a token and for a broker to verify it.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

CLIENT_ID, CLIENT_SECRET = "bridge", "client-secret-made-up"
AUDIENCE = "kafka"
_KEY_ID = "key-1"
_LIFETIME_S = 300


class TokenEndpoint:
    """Serves `/token` and `/jwks`; as a context manager it ends with its block."""

    def __init__(self) -> None:
        """Make a key; nothing is served yet."""
        self._key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        self.issued_count = 0
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                """Issue a token to who knows the secret."""
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, answer = endpoint.answer(self.headers.get("Authorization", ""))
                self._send(status, answer)

            def do_GET(self) -> None:
                """Show the keys."""
                self._send(200, endpoint.keys())

            def _send(self, status: int, answer: object) -> None:
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, authorization: str) -> tuple[int, dict[str, Any]]:
        """Return status and body for a request with these credentials."""
        expected = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if authorization != f"Basic {expected}":
            return 401, {"error": "invalid_client", "error_description": "client authentication failed"}
        self.issued_count += 1
        return 200, {"access_token": self._token(), "token_type": "Bearer", "expires_in": _LIFETIME_S}

    def keys(self) -> dict[str, Any]:
        """Return the public key as a JSON Web Key Set."""
        numbers = self._key.public_key().public_numbers()
        key = {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": _KEY_ID}
        return {"keys": [{**key, "n": _number(numbers.n), "e": _number(numbers.e)}]}

    def _token(self) -> str:
        now_s = int(time.time())
        claims = {
            "iss": self.url,
            "sub": CLIENT_ID,
            "aud": AUDIENCE,
            "scope": "kafka",
            "iat": now_s,
            "exp": now_s + _LIFETIME_S,
        }
        head = {"alg": "RS256", "typ": "JWT", "kid": _KEY_ID}
        signed = f"{_text(json.dumps(head).encode())}.{_text(json.dumps(claims).encode())}"
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_text(signature)}"


def _number(value: int) -> str:
    return _text(value.to_bytes((value.bit_length() + 7) // 8))


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
