"""Moveo One: what its settings say of delivery, and what is said when it refuses everything."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from processor.config.secret import PLAIN_SECRETS
from processor.delivery.schedule import effective_settings
from processor.delivery.settings import DeliverySettings
from processor.destinations.moveo.destination import MoveoDestination
from processor.destinations.moveo.settings import MoveoSettings
from processor.model import Answer, Decision


def _destination(**settings: Any) -> MoveoDestination:  # noqa: ANN401 - any setting
    """Return the destination with these settings."""
    model = MoveoSettings.model_validate({"api_key": "k"} | settings, context={PLAIN_SECRETS: True})
    return MoveoDestination("moveo", model)


def test_retries_are_attempts_after_the_first() -> None:
    """The vendor's 10 retries are 11 attempts; by default there is no end to them."""
    assert effective_settings(_destination(maxRetries=10), DeliverySettings()).max_attempts == 11
    assert effective_settings(_destination(max_retries=0), DeliverySettings()).max_attempts == 1
    assert effective_settings(_destination(), DeliverySettings()).max_attempts is None


def test_the_buffer_bounds_what_is_in_memory() -> None:
    """The vendor's bound is the window's, unless the window has one of its own."""
    assert effective_settings(_destination(), DeliverySettings()).max_window_bytes == 5_000_000
    assert effective_settings(_destination(maxQueueBytes=8_000_000), DeliverySettings()).max_window_bytes == 8_000_000
    own = DeliverySettings(max_window_bytes=48_000_000)
    assert effective_settings(_destination(), own).max_window_bytes == 48_000_000


@pytest.mark.parametrize(
    "settings",
    [{"max_retries": -1}, {"max_buffer_bytes": 1000}, {"max_retries": 1, "maxRetries": 1}, {"debug": "loud"}],
)
def test_settings_that_are_refused(settings: dict[str, Any]) -> None:
    """Values that mean nothing are errors at load."""
    with pytest.raises(ValidationError):
        _destination(**settings)


def test_debug_is_off_unless_asked_for() -> None:
    """Answers are in the log only on demand."""
    assert not _destination().is_debugging
    assert _destination(debug=True).is_debugging


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "copy it again from the Integrations page"), (403, "copy it again"), (404, "`endpoint` is wrong")],
)
def test_a_hold_says_what_to_do(status: int, words: str) -> None:
    """The vendor's own advice stands where an operator looks first: in the log line and on the status page."""
    destination = _destination()
    (endpoint,) = destination.endpoints.values()
    verdict = destination.classify(endpoint, Answer(status), 5, 0, compressed=False)
    assert verdict.decision is Decision.HOLD
    assert words in verdict.message
