"""What differs between the settings that run and those of a changed file, and what of it may be taken over at once.

A decider: it compares and returns values. What a destination's events become and how fast they are sent can change
between two records; connections, limits of requests, topics and keys cannot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from processor.config import Secret
from processor.destinations import destination_class
from processor.destinations.gates import GateSettings
from processor.errors import ConfigError
from processor.settings.destination import DestinationSettings
from processor.settings.root import Settings

ModelT = TypeVar("ModelT", bound=BaseModel)

Steps = tuple[str, ...]
"""Names of keys from the root of the file down."""

_TAKEN: Final = frozenset({"subscriptions", "privacy", "filters"})
"""Keys of a destination that are taken over whole."""
_USERS: Final = "suppressed_users"
"""Another such key, as long as no topic is involved: one is read to its end before the first event."""
_RATES: Final = "rate_limit"
"""The key of `delivery` that is."""


class Changes(NamedTuple):
    """Keys that differ, in the order of the file's models: `taken` need no restart, `left` do."""

    taken: tuple[str, ...]
    left: tuple[str, ...]


def changes(old: Settings, new: Settings, name: str) -> Changes:
    """Return what differs for the process that runs one destination, by `old`; both have it.

    Other destinations are none of its business. A secret differs when it is read from elsewhere, not when it was
    renewed.
    """
    was, now = old.destinations[name], new.destinations[name]
    taken: list[Steps] = []
    left: list[Steps] = []
    if was.type != now.type:
        left.append(("type",))
    else:
        soft = soft_settings(was.type)
        keys = _keys(was, now)
        for steps in _differences(was, now):
            (taken if _is_soft(steps, keys, soft) else left).append(steps)
    own = ("destinations", name)
    others = [
        steps
        for key in type(old).model_fields
        if key != "destinations"
        for steps in _differences(getattr(old, key), getattr(new, key), (key,))
    ]
    return Changes(_written(own + steps for steps in taken), _written([*(own + steps for steps in left), *others]))


def _written(found: Iterable[Steps]) -> tuple[str, ...]:
    """Return places as people write them."""
    return tuple(".".join(steps) for steps in found)


def soft_settings(type_name: str) -> frozenset[str]:
    """Return the vendor's settings that decide only what goes on, what the presets say, and how fast all is sent."""
    vendor = destination_class(type_name)
    return frozenset(GateSettings.model_fields) | vendor.preset_settings | vendor.rate_settings


def taken_over(old: DestinationSettings, new: DestinationSettings) -> DestinationSettings:
    """Return the settings of a destination with what may be taken over from `new`, and everything else as it was.

    Raises:
        ConfigError: what is taken over does not go together with what is not.
    """
    if old.type != new.type:
        return old
    parts = {key: _with_known_secrets(getattr(old, key), getattr(new, key)) for key in _keys(old, new)}
    delivery = old.delivery.model_copy(update={_RATES: new.delivery.rate_limit})
    settings = _vendor_settings(old.settings, new.settings, soft_settings(old.type))
    return old.model_copy(update={**parts, "delivery": delivery, "settings": settings})


def _vendor_settings(old: ModelT, new: BaseModel, soft: frozenset[str]) -> ModelT:
    """Return a vendor's settings, the soft ones as `new` has them; which ones a file says counts, so that is kept."""
    kept = {key: getattr(old, key) for key in old.model_fields_set if key not in soft}
    taken = {key: getattr(new, key) for key in new.model_fields_set if key in soft}
    try:
        return type(old).model_validate(kept | taken)
    except ValidationError as error:
        problems = "; ".join(each["msg"] for each in error.errors(include_input=False, include_url=False))
        raise ConfigError(
            f"settings: the new ones do not go together with those that a restart needs: {problems}"
        ) from None


def _keys(old: DestinationSettings, new: DestinationSettings) -> frozenset[str]:
    """Return the keys of a destination that are taken over whole."""
    lists = (old.suppressed_users, new.suppressed_users)
    return _TAKEN if any(one is not None and one.topic is not None for one in lists) else _TAKEN | {_USERS}


def _is_soft(steps: Steps, keys: frozenset[str], soft: frozenset[str]) -> bool:
    """Return whether a difference within a destination may be taken over."""
    match steps:
        case ("settings", key, *_):
            return key in soft
        case ("delivery", key, *_):
            return key == _RATES
        case _:
            return steps[0] in keys


def _differences(old: Any, new: Any, steps: Steps = ()) -> Iterator[Steps]:  # noqa: ANN401 - any value of the settings
    """Yield where two values differ: the keys of models and mappings, lists and scalars as a whole."""
    if isinstance(old, BaseModel) and type(old) is type(new):
        for key in type(old).model_fields:
            yield from _differences(getattr(old, key), getattr(new, key), (*steps, key))
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            if key in old and key in new:
                yield from _differences(old[key], new[key], (*steps, str(key)))
            else:
                yield (*steps, str(key))
    elif not _same(old, new):
        yield steps


def _same(old: Any, new: Any) -> bool:  # noqa: ANN401 - any value of the settings
    """Return whether two values are the same, where a secret that was only renewed is."""
    if isinstance(old, Secret) and isinstance(new, Secret):
        return old.refers_as(new)
    return bool(old == new)


def _with_known_secrets(old: Any, new: Any) -> Any:  # noqa: ANN401 - any value of the settings
    """Return a new value in which secrets that come from where they came from before are those that were read then."""
    if isinstance(old, Secret) and isinstance(new, Secret):
        return old if old.refers_as(new) else new
    if isinstance(old, BaseModel) and type(old) is type(new):
        kept = {key: _with_known_secrets(getattr(old, key), getattr(new, key)) for key in type(new).model_fields}
        return new.model_copy(update={key: kept[key] for key in new.model_fields_set})
    return new
