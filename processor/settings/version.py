"""The version of the configuration's language, which a file may name at its top."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Strict, WithJsonSchema

CURRENT: Final = 1
"""It grows when a file that nobody has touched would mean something else than before, or not be taken any more."""


def _known(version: int) -> int:
    """Return the version; refuse those that this program does not read."""
    if version > CURRENT:
        raise ValueError(f"this program reads version {CURRENT}: the file is for a newer segment-bridge, install that")
    if version < CURRENT:
        raise ValueError(f"segment-bridge migrate --config FILE --write makes version {CURRENT} of it")
    return version


Version = Annotated[int, Strict(), AfterValidator(_known), WithJsonSchema({"const": CURRENT})]
"""The version that a file is written in."""
