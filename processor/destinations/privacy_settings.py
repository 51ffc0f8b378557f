"""What the YAML says about personal values that a vendor must not get."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from processor.config import Secret
from processor.mapping.paths import parse_dollar_path

_WHOLE_EVENT: Final = "this path names the whole event; allowed: a path to something in it, such as $.context.ip"
_BLANKS: Final = "the path has a blank at its beginning or end, which no key of an event has; allowed: none there"
_TYPE: Final = "`type` says what the event is and cannot be changed"
_DOLLAR: Final = "a path begins with `$.`; `$` with anything else behind it would name a key that no event has"
_BRACKETS: Final = "a path goes through the items of a list by itself; leave `[]` and `*` out"


def _path(text: str) -> str:
    """Return a path of the mapping language; refuse one that could not do what its writer expects.

    A mapping that reads nothing is seen in its result; a value that is not hidden is seen by nobody. So what would
    silently match nothing is refused here, although the mapping language takes it.
    """
    if text != text.strip():
        raise ValueError(_BLANKS)
    keys = parse_dollar_path(text)
    if not keys or keys == ("$",):
        raise ValueError(_WHOLE_EVENT)
    if keys == ("type",):
        raise ValueError(_TYPE)
    if keys[0].startswith("$"):
        raise ValueError(_DOLLAR)
    if any(key == "*" or "[" in key or "]" in key for key in keys):
        raise ValueError(_BRACKETS)
    return text


EventPath = Annotated[str, AfterValidator(_path)]
"""A path to something in an event."""


class HashSettings(BaseModel):
    """Values that are replaced by their SHA-256, in hexadecimal digits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    paths: tuple[EventPath, ...] = Field(
        min_length=1,
        description="Paths of the values, in the mapping language. Required. Texts are hashed, and numbers as the text "
        "that JavaScript prints. Null and empty text stay, for they hide nothing; what cannot be hashed (true, false, "
        "objects, lists) is dropped.",
    )
    salt: Secret | None = Field(
        default=None,
        description="Put in front of each value before it is hashed, so that nobody can hash a list of addresses and "
        "compare. Default none: vendors that match hashed addresses want them without.",
    )
    normalise: bool = Field(
        default=False,
        description="Trim texts and put them in lower case first, as vendors that match hashed addresses ask for. "
        "Default false: the value as it is.",
    )


class TruncateSettings(BaseModel):
    """A text that is cut."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: EventPath = Field(description="Path of the text, in the mapping language. Required.")
    length: int = Field(ge=1, description="Characters (Unicode code points) that are kept. Required.")


class PrivacySettings(BaseModel):
    """What is taken out of every event before triggers and mappings see it: dropped, then hashed, then cut."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    drop: tuple[EventPath, ...] = Field(
        default=(),
        description="Paths of what is left out, in the mapping language. Default none.",
    )
    hash: HashSettings | None = Field(
        default=None,
        description="What is replaced by its hash. Default none.",
    )
    truncate: tuple[TruncateSettings, ...] = Field(
        default=(),
        description="Texts that are cut. Default none.",
    )
    dead_letters: bool = Field(
        default=False,
        description="Whether dead letters are covered too: their value is then the event after all this, and key, "
        "headers and values that are no event are left out. Default false: they keep the record's bytes, so that it "
        "can be sent again.",
    )
