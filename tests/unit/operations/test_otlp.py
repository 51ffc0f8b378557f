"""How it is told that what is sent by OTLP does not arrive."""

from __future__ import annotations

import logging

import pytest

from processor.operations.otlp import Delivery


def test_a_failure_is_told_with_what_its_latest_try_met(caplog: pytest.LogCaptureFixture) -> None:
    """The library says of the whole only that it has given up; each further failure is the same news."""
    caplog.set_level(logging.INFO)
    library = logging.getLogger("library.of.exporters")
    delivery = Delivery(library.name, "cannot be sent", "is sent again")
    try:
        for _ in range(2):
            library.warning("first try: refused")
            library.warning("second try: refused")
            library.error("given up.")
            delivery.note(is_taken=False)
        delivery.note(is_taken=True)
    finally:
        delivery.close()
    library.warning("speaks for itself again")
    assert caplog.messages == [
        "cannot be sent: given up. second try: refused",
        "is sent again",
        "speaks for itself again",
    ]
