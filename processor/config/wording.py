"""Pydantic's errors in the words of somebody who edits YAML, without a secret in them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from pydantic_core import ErrorDetails

from processor.config.located import REFUSED
from processor.config.problems import Path
from processor.config.secret import SECRET_ERROR

_TYPES: Final = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "dict_type": "a mapping of keys to values",
    "float_parsing": "a number",
    "float_type": "a number",
    "frozen_set_type": "a list",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "int_type": "a whole number",
    "list_type": "a list",
    "mapping_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "none_required": "nothing",
    "path_not_directory": "a folder that exists",
    "path_not_file": "a file that exists",
    "path_type": "a path",
    "set_type": "a list",
    "string_type": "text (numbers, true and false are text only in quotes)",
    "time_delta_parsing": "a number of seconds",
    "time_delta_type": "a number of seconds",
    "tuple_type": "a list",
}
"""Where pydantic speaks of Python."""

_TEMPLATES: Final = {
    "string_pattern_mismatch": "text that matches {pattern}",
    "string_too_long": "text of at most {max_length} characters",
    "string_too_short": "text of {min_length} or more characters",
    "too_long": "at most {max_length} entries",
    "too_short": "{min_length} or more entries",
    "union_tag_invalid": "{discriminator} as one of {expected_tags}",
    "union_tag_not_found": "{discriminator}, which says what it is",
}
"""The same where its text repeats what was found, counts, or chooses among models."""

_SHOWS_TEXT: Final = re.compile(
    r"literal_error|enum|url_.*|path_.*|.*_parsing|string_pattern_mismatch|string_too_.*|value_error"
)
"""Types of errors for which text that was found is shown. Text in place of a mapping or a list may be anything."""

_SENSITIVE: Final = re.compile(
    r"secret|passw|passphrase|token|credential|auth|api.?id|application.?id|key|jaas", re.IGNORECASE
)
"""Keys whose value is never shown, whatever is wrong with it."""

_USER_INFO: Final = re.compile(r"//[^/@\s]*@")
_QUOTED: Final = re.compile(r"'([^']*)'")
_MAX_SHOWN: Final = 60


def is_complete(error: ErrorDetails, value: object) -> bool:
    """Return whether the text of an error stands alone, with what was found and what is allowed in it.

    So it does where a validator speaks of several keys of a mapping or a list, or repeats the value.
    """
    if error["type"] in (REFUSED, SECRET_ERROR):
        return True
    return is_own(error) and (isinstance(value, dict | list | None) or repr(value) in error["msg"])


def is_own(error: ErrorDetails) -> bool:
    """Return whether a validator of our own wrote the text."""
    return error["type"] in ("value_error", "assertion_error")


def joined(texts: Iterable[str]) -> str:
    """Return alternatives as one text, each once."""
    return " or ".join(dict.fromkeys(texts))


def message_text(error: ErrorDetails) -> str:
    """Return the text of an error as its validator wrote it."""
    return error["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")


def allowed_text(error: ErrorDetails) -> str:
    """Return what is allowed where this error is."""
    known = _TYPES.get(error["type"])
    if known is not None:
        return known
    if error["type"] in _TEMPLATES:
        return _TEMPLATES[error["type"]].format(**error["ctx"])
    text = message_text(error).removeprefix("Input should be ")
    return text if is_own(error) else text[:1].lower() + text[1:]


def choices(error: ErrorDetails) -> list[str]:
    """Return the words of which one had to be chosen."""
    expected = error.get("ctx", {}).get("expected", "")
    return _QUOTED.findall(expected) if error["type"] in ("literal_error", "enum") else []


def shows_text(error: ErrorDetails) -> bool:
    """Return whether text that earns this error is short and no secret, so that seeing it helps."""
    return _SHOWS_TEXT.fullmatch(error["type"]) is not None


def found_text(value: Any, path: Path, *, is_text_shown: bool) -> str:  # noqa: ANN401 - any JSON value
    """Return what was found, shown only where it cannot be a secret."""
    is_open = not any(isinstance(part, str) and _SENSITIVE.search(part) for part in path)
    if isinstance(value, str):
        return f"found {_shortened(value)!r}" if is_open and is_text_shown else "found text"
    return f"found {_described(value, is_open=is_open)}"


def _described(value: Any, *, is_open: bool) -> str:  # noqa: ANN401 - any JSON value but text
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        kind = "mapping" if isinstance(value, dict) else "list"
        return f"a {kind}" if value else f"an empty {kind}"
    if not is_open:
        return "a value"
    return str(value).lower() if isinstance(value, bool) else f"the number {value}"


def _shortened(text: str) -> str:
    """Return text fit to be shown: credentials and query of an address masked, and not too much of it."""
    masked = _USER_INFO.sub("//***@", text)
    address, mark, query = masked.partition("?")
    if query and "//" in address:
        masked = f"{address}{mark}***"
    return masked if len(masked) <= _MAX_SHOWN else f"{masked[:_MAX_SHOWN]}…"
