"""The root of the configuration, and how a file becomes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from processor.config import UNREAD_SECRETS, refuse, validate
from processor.delivery.dead_letter_settings import DeadLetterSettings
from processor.destinations import REGISTRY
from processor.destinations.base import Destination
from processor.destinations.target import TargetSettings
from processor.operations.settings import OperationsSettings
from processor.settings.destination import DestinationName, DestinationSettings
from processor.settings.fit import Finding
from processor.settings.from_file import load_configuration
from processor.settings.vendor import ByType
from processor.settings.version import CURRENT, Version
from processor.source.settings import KafkaSettings

_DRAINS_PER_POLL = 3
"""So many drains of a rebalance fit between two polls, or the group throws the process out while it tidies up."""


class Settings(BaseModel):
    """Everything that one file says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Version = Field(
        default=CURRENT,
        description="Version of this file's language. Default 1, today's; a file that says it is not taken for one of "
        "segment-bridge 0.1.0, of which `migrate` makes version 1.",
    )
    kafka: KafkaSettings = Field(description="The Kafka that events come from. Required.")
    destinations: dict[DestinationName, DestinationSettings] = Field(
        min_length=1,
        description="The destinations by name, which is a DNS label: lower-case letters, digits, hyphens. Required.",
        json_schema_extra={"additionalProperties": False},
    )
    dead_letters: DeadLetterSettings = Field(
        default_factory=DeadLetterSettings, description="Where events that cannot be delivered are kept."
    )
    operations: OperationsSettings = Field(
        default_factory=OperationsSettings, description="What operators see: page, logs, restarts."
    )
    reload: bool = Field(
        default=False,
        description="Take over subscriptions, filters, privacy, gates and rates while running, on SIGHUP and when this "
        "file has changed. Default false: a file that is being written, or copied by mistake, changes nothing before "
        "somebody restarts.",
    )

    def group_id(self, name: str) -> str:
        """Return the consumer group of a destination."""
        own = self.destinations[name].group_id
        return f"{self.kafka.group_prefix}.{name}" if own is None else own

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        """Refuse parts that are right alone and wrong together."""
        found = [*self._shared_groups(), *self._circles(), *self._long_drains()]
        if found:
            raise refuse(*found)
        return self

    def _shared_groups(self) -> Iterator[Finding]:
        """Yield destinations of one group: each would see only a part of the events."""
        uses = Counter(map(self.group_id, self.destinations))
        for name in self.destinations:
            group_id = self.group_id(name)
            if uses[group_id] > 1:
                yield ("destinations", name, "group_id"), f"another destination is in the group {group_id!r} as well"

    def _circles(self) -> Iterator[Finding]:
        """Yield topics of one purpose that are read for another."""
        own = {("dead_letters", "topic"): self.dead_letters.topic, ("kafka", "control_topic"): self.kafka.control_topic}
        for path, topic in own.items():
            if topic in self.kafka.topics:
                yield path, f"{topic!r} is among kafka.topics, so what the bridge writes would be read as events"
        for name, destination in self.destinations.items():
            users = destination.suppressed_users
            if users is not None and users.topic in {*self.kafka.topics, *own.values()}:
                place = ("destinations", name, "suppressed_users", "topic")
                yield place, f"{users.topic!r} holds something else already; allowed: a topic of its own"
        yield from self._loops({*self.kafka.topics, *own.values()})

    def _loops(self, taken: set[str]) -> Iterator[Finding]:
        """Yield topics of destinations that the bridge itself reads, as far as the names of clusters tell."""
        lists = {one.suppressed_users.topic for one in self.destinations.values() if one.suppressed_users is not None}
        for name, destination in self.destinations.items():
            target = destination.settings
            if not isinstance(target, TargetSettings) or not target.shares_cluster(self.kafka.bootstrap_servers):
                continue
            if target.topic in taken | lists:
                what = "is read" if target.topic in self.kafka.topics else "holds something else"
                place = ("destinations", name, "settings", "topic")
                yield place, f"{target.topic!r} {what} by this bridge on the same cluster; allowed: a topic of its own"

    def _long_drains(self) -> Iterator[Finding]:
        limit_ms = self.kafka.consumer.max_poll_interval_ms // _DRAINS_PER_POLL
        for name, destination in self.destinations.items():
            drain_ms = destination.delivery.drain_ms
            if drain_ms > limit_ms:
                path = ("destinations", name, "delivery", "drain_ms")
                yield (
                    path,
                    f"found {drain_ms}; allowed: up to {limit_ms}, a third of kafka.consumer.max_poll_interval_ms",
                )


@cache
def _composed(vendors: tuple[tuple[str, type[Destination]], ...]) -> type[Settings]:
    return create_model(
        "Settings",
        __base__=Settings,
        __doc__=Settings.__doc__,
        destinations=(
            dict[DestinationName, Annotated[DestinationSettings, ByType(dict(vendors))]],
            Settings.model_fields["destinations"],
        ),
    )


def settings_model(registry: Mapping[str, type[Destination]] = REGISTRY) -> type[Settings]:
    """Return the root model in which each destination is checked by its vendor."""
    return _composed(tuple(registry.items()))


Choose: TypeAlias = Callable[[Collection[str]], Collection[str]]
"""Says which of a file's destinations are wanted, at least one; may raise `ConfigError`."""


def load_settings(
    path: Path | str, registry: Mapping[str, type[Destination]] = REGISTRY, *, choose: Choose | None = None
) -> Settings:
    """Return the settings that a file holds, or, with `choose`, those of some of its destinations.

    The whole file must be right all the same, except that the secrets of destinations that were not chosen need not be
    there: a process has the keys of what it runs.

    Raises:
        ConfigError: naming what is wrong with the file, each with line, key, what was found and what is allowed.
    """
    model, document = settings_model(registry), load_configuration(path)
    if choose is None:
        return validate(model, document)
    whole = validate(model, document, {UNREAD_SECRETS: True})
    chosen = {name: document.value["destinations"][name] for name in choose(whole.destinations)}
    return validate(model, document, part={**document.value, "destinations": chosen})


def load_without_secrets(path: Path | str, registry: Mapping[str, type[Destination]] = REGISTRY) -> Settings:
    """Return the settings that a file holds, for a program that connects to nobody: no secret need be there.

    Raises:
        ConfigError: naming what is wrong with the file, each with line, key, what was found and what is allowed.
    """
    return validate(settings_model(registry), load_configuration(path), {UNREAD_SECRETS: True})
