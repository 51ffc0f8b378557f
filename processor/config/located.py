"""Validation errors at places that a validator knows better than pydantic does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from processor.config.problems import Path

REFUSED = "refused"
"""Type of the errors that `refuse` raises. Their text is complete: neither found nor allowed is added."""


def refuse(*findings: tuple[Path, str]) -> ValidationError:
    """Return the error by which a validator refuses several places at once; raise it from the validator.

    Each finding is a path, relative to the value that the validator sees, and a text `what was found; what is allowed`.
    The texts are shown as they are, so they must not hold a secret. Pydantic merges the paths into its own.
    """
    return merged(located(path, text) for path, text in findings)


def located(path: Path, text: str, *, kind: str = REFUSED) -> InitErrorDetails:
    """Return one finding as pydantic carries it."""
    return InitErrorDetails(type=PydanticCustomError(kind, "{text}", {"text": text}), loc=path, input=None)


def carried(error: ValidationError) -> list[InitErrorDetails]:
    """Return the findings of an error, so that more can be laid beside them."""
    return [_carried(**details) for details in error.errors(include_url=False)]


def merged(findings: Iterable[InitErrorDetails]) -> ValidationError:
    """Return one error of many findings."""
    return ValidationError.from_exception_data("settings", list(findings), hide_input=True)


def _carried(**details: Any) -> InitErrorDetails:  # noqa: ANN401 - pydantic's own mixture
    """Return one finding with its type, place, input and context kept."""
    kind = PydanticCustomError(details["type"], "{text}", {**details.get("ctx", {}), "text": details["msg"]})
    return InitErrorDetails(type=kind, loc=details["loc"], input=details["input"])
