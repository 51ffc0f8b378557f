"""Where the event is inside a record's value, for producers that wrap it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from processor.errors import ConfigError, DecodeError
from processor.source.json_value import json_value

EVENT_MISSING: Final = "event_missing"
NULL_VALUE: Final = "null_value"

_SEGMENT = re.compile(r"(?:\\.|[^.\\])+")


@dataclass(frozen=True, slots=True)
class EventPath:
    """The names that lead from a record's value to the event."""

    names: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> EventPath:
        r"""Return the path that `payload.event` or `$.payload.event` means; `\.` is a dot within a name.

        Raises:
            ConfigError: The text names nothing, or has an empty name in it.
        """
        path = text.removeprefix("$.")
        names = _SEGMENT.findall(path)
        if not names or path == "$" or ".".join(names) != path:
            raise ConfigError(f"event_path {text!r} is no path: write names with dots between, such as payload.event")
        return cls(tuple(re.sub(r"\\(.)", r"\1", name) for name in names))

    def pick(self, value: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Return the value that the path leads to. Text there is read as JSON: outbox tables keep events so.

        Raises:
            DecodeError: `event_missing` when the path leads nowhere, `null_value` when it leads to null (a delete in
                a change stream), `invalid_json` when the text there is no JSON.
        """
        for name in self.names:
            if not isinstance(value, dict) or name not in value:
                raise _error(EVENT_MISSING, "event_path leads nowhere in this value")
            value = value[name]
        if value is None:
            raise _error(NULL_VALUE, "event_path leads to null")
        return json_value(value) if isinstance(value, str) else value


def _error(reason: str, message: str) -> DecodeError:
    return DecodeError(reason, message, safe=message)
