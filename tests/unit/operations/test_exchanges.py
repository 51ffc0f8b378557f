"""The log of requests and answers: what is in it, and what never is."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from processor.model import Answer
from processor.operations.exchanges import MAX_BODY_BYTES, LoggedTransport

HEADERS = {"Authorization": "a-made-up-key", "X-Own": "a-made-up-key", "Content-Type": "application/json"}


class _Transport:
    """Gives one answer."""

    def __init__(self, answer: Answer) -> None:
        """Keep it."""
        self._answer = answer
        self.headers: dict[str, str] = {}

    async def send(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        content: bytes,
        deadline_s: float,
        set_out: Callable[[], None],
    ) -> Answer:
        """Return it."""
        del method, url, content, deadline_s
        self.headers = headers
        set_out()
        return self._answer


async def _logged(answer: Answer, caplog: pytest.LogCaptureFixture) -> str:
    """Return the one line about an answer, which must reach the caller as it is."""
    transport = _Transport(answer)
    set_out: list[bool] = []
    logged = LoggedTransport(transport, lambda text: text.replace("a-made-up-key", "***"))
    url = "https://vendor.example.test/events?key=a-made-up-key"
    came = await logged.send("POST", url, HEADERS, b'{"userId":"u-1"}', 30.0, lambda: set_out.append(True))
    assert (came, transport.headers, set_out) == (answer, HEADERS, [True])
    (record,) = (one for one in caplog.records if one.name == "processor.operations.exchanges")
    assert record.levelno == logging.DEBUG
    text = record.getMessage()
    assert "a-made-up-key" not in text
    assert "u-1" not in text
    return text


async def test_a_request_and_its_answer_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """Address, size, form, status, headers and body are there, the key is not, nor is the event."""
    answer = Answer(200, {"x-request-id": "r-7", "set-cookie": "s"}, b'{"echo":"a-made-up-key","ok":true}')
    text = await _logged(answer, caplog)
    for part in ("POST https://vendor.example.test/events?key=***", "16 bytes", "application/json", "200", "r-7"):
        assert part in text
    assert """'{"echo":"***","ok":true}'""" in text
    assert "set-cookie" not in text


async def test_of_a_long_answer_the_beginning_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """The log does not take in what a vendor has no measure in; bytes that are no text do no harm."""
    text = await _logged(Answer(400, {}, b"\xff" + b"x" * 5000), caplog)
    assert text.endswith(f"{'x' * (MAX_BODY_BYTES - 1)}' …")


async def test_no_answer_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Where nothing came back the log says why."""
    assert (await _logged(Answer(None, error="timeout"), caplog)).endswith("not at all (timeout)")


async def test_it_is_logged_although_the_log_is_quieter(caplog: pytest.LogCaptureFixture) -> None:
    """The setting of the destination is enough; the level of everything else stays as it is."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.WARNING)
    try:
        assert await _logged(Answer(200), caplog)
    finally:
        root.setLevel(level)
