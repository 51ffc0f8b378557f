"""The vendors, by type name.

A vendor is imported when it is asked for, so that a process loads one vendor's code and adding a vendor adds a line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from processor.destinations.base import Destination

_LOCATIONS: Final = {
    "kafka": "processor.destinations.kafka.destination:KafkaTopicDestination",
    "moengage": "processor.destinations.moengage.destination:MoEngageDestination",
    "moesif": "processor.destinations.moesif.destination:MoesifDestination",
    "moveo": "processor.destinations.moveo.destination:MoveoDestination",
    "webhook": "processor.destinations.webhook.destination:WebhookDestination",
}


class _Registry(Mapping[str, "type[Destination]"]):
    """Type names to `Destination` subclasses, imported on first use."""

    def __getitem__(self, type_name: str) -> type[Destination]:
        """Return the class of a vendor; KeyError when there is none of that name."""
        module, _, name = _LOCATIONS[type_name].partition(":")
        found: type[Destination] = getattr(import_module(module), name)
        return found

    def __iter__(self) -> Iterator[str]:
        """Iterate over the type names without importing anything."""
        return iter(_LOCATIONS)

    def __len__(self) -> int:
        """Return how many vendors there are."""
        return len(_LOCATIONS)


REGISTRY: Final[Mapping[str, type[Destination]]] = _Registry()


def destination_class(type_name: str) -> type[Destination]:
    """Return the class of a vendor.

    Raises:
        KeyError: no vendor has that name; `REGISTRY` iterates over those that exist.
    """
    return REGISTRY[type_name]


def vector_result(
    type_name: str,
    event: Any,  # noqa: ANN401 - any JSON value
    settings: Mapping[str, Any],
    record: Mapping[str, Any],
    now: str,
) -> dict[str, Any]:
    """Return what the vendor's presets make of one event, as `processor.destinations.golden.event_result` says."""
    result: dict[str, Any] = _golden("event_result")(type_name, event, settings, record, now)
    return result


def classify(type_name: str, settings: Mapping[str, Any], line: Mapping[str, Any], now: str) -> dict[str, Any]:
    """Return what an answer of a vendor means, as `processor.destinations.golden.answer_result` says."""
    result: dict[str, Any] = _golden("answer_result")(type_name, settings, line, now)
    return result


def request_for(
    type_name: str,
    settings: Mapping[str, Any],
    subscription: Mapping[str, Any],
    event: Any,  # noqa: ANN401 - any JSON value
    now: str | None = None,
) -> dict[str, Any] | None:
    """Return the request that a subscription makes of an event, as `processor.destinations.golden.request_for` says."""
    result: dict[str, Any] | None = _golden("request_for")(type_name, settings, subscription, event, now)
    return result


def _golden(name: str) -> Any:  # noqa: ANN401 - a function of the module, whose own signature holds
    """Return a function of the golden-case runner, which imports more than this registry should."""
    return getattr(import_module("processor.destinations.golden"), name)
