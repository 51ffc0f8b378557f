"""What destinations say that they look into, held against what they do look into.

A member that somebody reads without saying so would be missing, or bytes, in an event that was decoded sparsely.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from processor.destinations import REGISTRY
from processor.destinations.base import Action, Destination
from processor.destinations.gates import Gates, GateSettings
from processor.destinations.reference import example
from processor.model import Event, Record

RECORD = Record("t", 0, 1, 0)
IDS = {"userId": "u", "anonymousId": "a", "event": "E", "groupId": "g", "name": "N"}


class Watched(dict[str, Any]):
    """An object that remembers which of its members were asked for; one that is walked was asked for all."""

    def __init__(self, members: dict[str, Any]) -> None:
        """Start with nothing asked for."""
        super().__init__(members)
        self.asked: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - any JSON value
        """Remember, and answer."""
        self.asked.add(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - any JSON value
        """Remember, and answer."""
        self.asked.add(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        """Remember, and answer."""
        self.asked.add(str(key))
        return super().__contains__(key)

    def __iter__(self) -> Iterator[str]:
        """Remember that all were asked for."""
        self.asked.add("*")
        return super().__iter__()

    def keys(self) -> Any:  # noqa: ANN401 - a view
        """Remember that all were asked for."""
        self.asked.add("*")
        return super().keys()

    def values(self) -> Any:  # noqa: ANN401 - a view
        """Remember that all were asked for."""
        self.asked.add("*")
        return super().values()

    def items(self) -> Any:  # noqa: ANN401 - a view
        """Remember that all were asked for."""
        self.asked.add("*")
        return super().items()


def _actions() -> list[Any]:
    """Return every action of every vendor as a parameter, with a destination of its defaults."""
    return [
        pytest.param(destination, action, id=f"{destination.type}-{action.slug}")
        for destination in map(example, REGISTRY.values())
        for action in destination.actions.values()
    ]


@pytest.mark.parametrize(("destination", "action"), _actions())
@pytest.mark.parametrize("value", ["u1", 7, None, {"id": "x"}, ["a"]], ids=["text", "number", "null", "object", "list"])
@pytest.mark.parametrize("event", [{}, {"messageId": "m", "timestamp": "2026-03-15T12:00:00Z"}], ids=["bare", "timed"])
def test_build_looks_into_what_it_says(destination: Destination, action: Action, value: object, event: Event) -> None:
    """Only its action's fields, for the event may stand for them, and of the event only `reads` where that is said."""
    names = {field.name for field in action.fields}
    fields, watched = Watched({name: IDS.get(name, value) for name in names}), Watched(event)

    action.build(fields, watched, RECORD, 0)

    assert fields.asked <= names
    assert destination.reads is None or watched.asked <= destination.reads


@pytest.mark.parametrize(
    "settings",
    [
        {"respect_integrations": False},
        {"respect_integrations": True, "integration_names": ["A"]},
        {"consent_categories": ["ads"]},
        {"skip_sent_by_device": True, "integration_names": ["A"]},
        {"filter": {"plan": ["team"]}},
    ],
)
@pytest.mark.parametrize("kind", ["track", "identify", "alias", None])
def test_gates_look_into_what_they_say(settings: dict[str, Any], kind: str | None) -> None:
    """Whatever the settings switch on, and with a list of users in front."""
    gates = Gates(GateSettings.model_validate(settings)).suppressing({"x"})
    event = Watched({"type": kind, "userId": "u", "context": {}, "_metadata": {}, "properties": {}, "traits": {}})

    gates.admit(event)

    assert gates.reads is not None
    assert event.asked <= gates.reads
