"""The steps from one version of the configuration to the next: what each adds, so that a file means what it meant.

A decider: values of a file in, changes out. No key was renamed so far, so each change adds one. What a file of an
older version cannot hold, such as `from_file`, no step touches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from processor.config import UNREAD_SECRETS
from processor.destinations import REGISTRY
from processor.destinations.addresses import is_loopback
from processor.destinations.defaults import completed
from processor.errors import ConfigError
from processor.mapping import SubscriptionSettings
from processor.mapping.pasted import is_pasted
from processor.settings.from_file import FROM_FILE
from processor.settings.version import CURRENT

Path = tuple[str | int, ...]

VERSION: Final = "version"
OLDEST: Final = 0
"""What a file without `version` is taken for: that of segment-bridge 0.1.0."""
_REGISTRY: Final = ("decode", "avro", "registry")


class Change(NamedTuple):
    """A key that is added to an object of the file, behind a key that it has, and why."""

    path: Path
    key: str
    value: bool | int
    after: str
    why: str


class Step(NamedTuple):
    """What leads to a version from the one before it."""

    version: int
    changes: Callable[[Mapping[str, Any]], Iterator[Change]]


def _to_1(value: Mapping[str, Any]) -> Iterator[Change]:
    """Yield what version 0 meant where version 1 means something else."""
    destinations = value.get("destinations")
    for name, own in destinations.items() if isinstance(destinations, dict) else ():
        if isinstance(own, dict):
            yield from _without_defaults(("destinations", name), own)
            yield from _readable_registry(("destinations", name), own)


def _without_defaults(place: Path, own: Mapping[str, Any]) -> Iterator[Change]:
    """Yield `use_defaults: false` for subscriptions to which today's program would add fields."""
    subscriptions = own.get("subscriptions")
    for index, one in enumerate(subscriptions if isinstance(subscriptions, list) else ()):
        is_known = isinstance(one, dict) and not is_pasted(one) and not {"use_defaults", FROM_FILE} & one.keys()
        if is_known and "mapping" in one and _would_be_completed(own, one):
            why = "fields that a mapping does not name were not sent; now they take the action's default mappings"
            yield Change((*place, "subscriptions", index), "use_defaults", value=False, after="action", why=why)


def _would_be_completed(own: Mapping[str, Any], subscription: Mapping[str, Any]) -> bool:
    """Return whether default mappings would be added to a subscription; where that cannot be told, they may be."""
    try:
        vendor = REGISTRY[own["type"]]
        settings = vendor.settings_model.model_validate(own.get("settings"), context={UNREAD_SECRETS: True})
        actions = vendor.create("any", settings).actions
        found = SubscriptionSettings.model_validate(subscription)
    except (KeyError, TypeError, ValidationError, ConfigError):
        return True
    return completed(actions, found).mapping != found.mapping


def _readable_registry(place: Path, own: Mapping[str, Any]) -> Iterator[Change]:
    """Yield `allow_http: true` for registries to which credentials travelled readable."""
    registry: Any = own
    for key in (*_REGISTRY, None):
        if not isinstance(registry, dict):
            return
        registry = registry if key is None else registry.get(key)
    url = registry.get("url")
    has_credentials = any(registry.get(key) is not None for key in ("password", "token", "client_cert_file"))
    if has_credentials and "allow_http" not in registry and isinstance(url, str) and _is_readable(url):
        why = "credentials may travel readable to another machine only where the file says so; better make it https"
        yield Change((*place, *_REGISTRY), "allow_http", value=True, after="url", why=why)


def _is_readable(url: str) -> bool:
    """Return whether an address is plain http on another machine."""
    scheme, _, rest = url.strip().partition("://")
    authority = rest.partition("/")[0].rpartition("@")[2]
    host = authority.partition("]")[0].removeprefix("[") if authority.startswith("[") else authority.partition(":")[0]
    return scheme.lower() == "http" and not is_loopback(host)


STEPS: Final = (Step(1, _to_1),)


def version_of(value: object) -> object:
    """Return the version that a file names, whatever it is; the oldest where it names none."""
    return value.get(VERSION, OLDEST) if isinstance(value, dict) else OLDEST


def changes_of(value: Mapping[str, Any]) -> list[Change]:
    """Return what a file of an older version lacks, its `version` not included; nothing for one of today.

    Raises:
        ConfigError: The version is newer than this program, or none.
    """
    version = version_of(value)
    if type(version) is not int or version < OLDEST:
        raise ConfigError(f"version: found {version!r}; allowed: {OLDEST} to {CURRENT}")
    if version > CURRENT:
        raise ConfigError(
            f"version: found {version}; this program reads versions up to {CURRENT}: the file is for a newer "
            "segment-bridge, so use the migrate of that one"
        )
    return [change for step in STEPS if step.version > version for change in step.changes(value)]
