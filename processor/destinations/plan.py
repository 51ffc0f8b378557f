"""A destination's plan: its subscriptions and actions, checked against each other, ready to map events."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from processor.config.problems import Path, listed, nearest
from processor.destinations.base import Action, Build, Destination
from processor.destinations.defaults import completed, stands_for_fields
from processor.destinations.filters import Filters, FilterStep
from processor.destinations.privacy import Privacy
from processor.errors import ConfigError, MappingError
from processor.mapping import Subscription, Subscriptions, SubscriptionSettings, compile_subscriptions
from processor.mapping.needs import needs_of
from processor.mapping.subscriptions import RESERVED_KEYS
from processor.model import Built, Event, Mapped, Needs, Payload, Record, Rejected, Skipped

DEFAULT: Final = "default"
"""What `subscriptions` says where the vendor's presets are wanted."""

Finding = tuple[Path, str]
"""A place relative to one destination's part of the file, and what is wrong there."""

_DIRECTIVE_MARKS: Final = ("@", "__")
_NO_SUBSCRIPTION: Final = Skipped("no_subscription")
_TOO_DEEP: Final = Rejected("mapping_failed", "the event is nested too deeply")


class Plan:
    """Everything that decides what an event becomes at one destination. Pure and total on any JSON value."""

    __slots__ = (
        "_copying",
        "_filters",
        "_is_default",
        "_is_untouched",
        "destination",
        "hash",
        "needs",
        "privacy",
        "subscriptions",
    )

    def __init__(
        self,
        destination: Destination,
        subscriptions: Subscriptions,
        *,
        is_default: bool,
        privacy: Privacy | None = None,
        filters: Filters | None = None,
    ) -> None:
        """Keep what was compiled; `Plan.compile` checks and compiles."""
        self.destination = destination
        self.subscriptions = subscriptions
        self.privacy = privacy
        self._is_default = is_default
        self._filters = filters
        self._is_untouched = privacy is None and not (filters is not None and filters.is_changing)
        self._copying = frozenset(one.name for one in subscriptions.all if _copies(one, destination))
        self.needs = None if filters is not None else _needs(destination, subscriptions)
        self.hash = subscriptions.hash
        for part in (privacy, filters):
            if part is not None:
                content = f"{self.hash} {part.fingerprint}"
                self.hash = hashlib.sha256(content.encode()).hexdigest()[: len(self.hash)]

    def filtered(self, event: Event, record: Record) -> Event | Skipped | Rejected:
        """Return an event that a trigger has taken as mappings see it, or why it goes no further."""
        return event if self._filters is None else self._filters.apply(event, record)

    def filter_steps(self, event: Event, record: Record) -> list[FilterStep]:
        """Return what each filter makes of an event that a trigger has taken, up to the first that stops it."""
        return [] if self._filters is None else self._filters.trace(event, record)

    @classmethod
    def compile(
        cls,
        destination: Destination,
        subscriptions: Literal["default"] | Sequence[SubscriptionSettings],
        *,
        privacy: Privacy | None = None,
        filters: Filters | None = None,
    ) -> Plan:
        """Return the plan of a destination with its presets, or with a list of subscriptions.

        With `privacy` nothing behind the destination's gates sees what is private; with `filters` mappings see of an
        event what these leave of it.

        Raises:
            ConfigError: the list does not fit the destination or cannot be compiled; the text names every problem.
        """
        if privacy is not None:
            destination.gates = destination.gates.hiding(privacy.applied)
        if isinstance(subscriptions, str):
            presets = [SubscriptionSettings.model_validate(preset) for preset in destination.presets()]
            compiled = compile_subscriptions(presets)
            return cls(destination, compiled, is_default=True, privacy=privacy, filters=filters)
        found = findings(destination, subscriptions)
        if found:
            raise ConfigError("\n".join(f"{destination.name}: {text}" for _, text in found))
        try:
            compiled = compile_subscriptions([completed(destination.actions, one) for one in subscriptions])
        except MappingError as error:
            raise ConfigError(f"{destination.name}: {error.safe}") from error
        return cls(destination, compiled, is_default=False, privacy=privacy, filters=filters)

    @property
    def letter_privacy(self) -> Privacy | None:
        """Return the privacy that dead letters are to keep, None where they keep the record's bytes."""
        return self.privacy if self.privacy is not None and self.privacy.covers_letters else None

    @property
    def own_subscriptions(self) -> Sequence[Subscription]:
        """Return the subscriptions that the file lists, in order; none where the vendor's presets are in force."""
        return () if self._is_default else self.subscriptions.all

    def admit(self, value: Any) -> Event | Skipped | Rejected:  # noqa: ANN401 - any JSON value
        """Return a value as the event that triggers see, or why it goes no further."""
        return self.destination.admit(value, presets=self._is_default)

    def taken_by(self, value: Any, record: Record) -> tuple[Event, Sequence[Subscription]]:  # noqa: ANN401 - any JSON value
        """Return an event as mappings see it, and the subscriptions whose mappings do; none when none does."""
        event = self.admit(value)
        try:
            matching = self.subscriptions.matching(event) if isinstance(event, dict) else ()
        except MappingError:
            matching = ()
        left = self.filtered(event, record) if isinstance(event, dict) and matching else None
        return (left, matching) if isinstance(left, dict) else ({}, ())

    def map(self, value: Any, record: Record, now_ms: int) -> Mapped:  # noqa: ANN401 - any JSON value
        """Return what one decoded value comes to.

        Each matching subscription adds payloads, a skip or a rejection under its name; an event that is not admitted or
        that no subscription takes adds one skip or rejection without a name.
        """
        (mapped,) = self.map_all(((record, value),), now_ms)
        return mapped

    def map_all(
        self, values: Sequence[tuple[Record, Any]], now_ms: int, *, has_plain_keys: bool = False
    ) -> list[Mapped]:
        """Return what each of several decoded values comes to, each with the record that it is known by.

        The same as `map` of one after the other, at less cost: gates and triggers, then mappings, then the vendor's
        rules run for all of them, so that the code of each stays in the processor's cache. `has_plain_keys` says that
        no key in any of the values is `__proto__`, which saves looking.
        """
        mapped = [Mapped([], [], []) for _ in values]
        jobs: list[_Job] = []
        admit, is_default = self.destination.admit, self._is_default
        for (record, value), comes_to in zip(values, mapped, strict=True):
            event = admit(value, presets=is_default)
            if isinstance(event, dict):
                self._plan(event, record, comes_to, jobs)
            else:
                _add(comes_to, event, "")
        for job in jobs:
            if has_plain_keys and job.subscription.name in self._copying:
                job.fields = job.event
                continue
            try:
                job.fields = job.subscription.fields(job.event, has_plain_keys=has_plain_keys)
            except MappingError as error:
                job.fields = Rejected(error.reason, error.safe)
        for job in jobs:
            built = job.fields if isinstance(job.fields, Rejected) else _built(job, job.fields, now_ms)
            if type(built) is Payload:  # nearly always, and then a call would cost as much as what it does
                force_setattr(built, "subscription", job.subscription.name)
                job.mapped.payloads.append(built)
            else:
                _add(job.mapped, built, job.subscription.name)
        return mapped

    def _plan(self, event: Event, record: Record, mapped: Mapped, jobs: list[_Job]) -> None:
        """Add what is to be done for an admitted event, a job for each subscription that takes it."""
        try:
            matching = self.subscriptions.matching(event)
        except MappingError as error:
            _add(mapped, Rejected(error.reason, error.safe), "")
            return
        if not matching:
            _add(mapped, _NO_SUBSCRIPTION, "")
            return
        if self._filters is not None:
            left = self.filtered(event, record)
            if not isinstance(left, dict):
                _add(mapped, left, "")
                return
            event = left
        actions = self.destination.actions
        if len(matching) == 1:  # nearly always, and then there is nothing to count
            (subscription,) = matching
            action = actions[subscription.action]
            shown = self._shown(record) if action.takes_value else record
            jobs.append(_Job(mapped, event, shown, subscription, action.build))
            return
        # Each payload at an endpoint gets a number of its own, and so an id of its own. Counted by subscription and not
        # by what came of it: an index that depended on an age check would give a payload another id when the record is
        # read again.
        seen: dict[str, int] = {}
        for subscription in matching:
            action = actions[subscription.action]
            index = seen.get(action.endpoints[0], 0)
            seen[action.endpoints[0]] = index + 1
            shown = self._shown(record) if action.takes_value else record
            indexed = replace(shown, payload_index=index) if index else shown
            jobs.append(_Job(mapped, event, indexed, subscription, action.build))

    def _shown(self, record: Record) -> Record:
        """Return a record as `build` may see it: without a value that is more than what is left of the event.

        Where privacy or a filter may take something out, no value is handed on, changed or not: JSON that names a
        member twice holds more than anybody has looked at.
        """
        return record if self._is_untouched and not record.is_part else replace(record, value=None)


class _Job(Struct, gc=False):
    """An event that a subscription takes, what its mapping gives, and where to put what comes of it."""

    mapped: Mapped
    event: Event
    record: Record
    subscription: Subscription
    build: Build
    fields: dict[str, Any] | Rejected = _TOO_DEEP


def _built(job: _Job, fields: dict[str, Any], now_ms: int) -> Built:
    """Return what the vendor's rules make of the fields; depth that the stack cannot hold is the event's fault."""
    try:
        return job.build(fields, job.event, job.record, now_ms)
    except MappingError as error:
        return Rejected(error.reason, error.safe)
    except RecursionError:
        return _TOO_DEEP


def _add(mapped: Mapped, built: Built, name: str) -> None:
    """Put what was built into its list, under the subscription's name."""
    if isinstance(built, Payload):
        # It was made for this event and nobody else has seen it; a copy would cost as much as mapping a field.
        force_setattr(built, "subscription", name)
        mapped.payloads.append(built)
    elif isinstance(built, tuple):
        for payload in built:
            _add(mapped, payload, name)
    elif isinstance(built, Skipped):
        mapped.skipped.append(Skipped(built.reason, name))
    else:
        mapped.rejected.append(Rejected(built.reason, built.message, name))


def _copies(subscription: Subscription, destination: Destination) -> bool:
    """Return whether the event itself can stand for the fields: `build` reads these alone, each as the event has it."""
    return subscription.copies([field.name for field in destination.actions[subscription.action].fields])


def _needs(destination: Destination, subscriptions: Subscriptions) -> Needs | None:
    """Return what a destination with these subscriptions needs of an event; None: all of it."""
    own = destination.reads
    gates = None if own is None else destination.gates.reads
    if own is None or gates is None:
        return None
    read, handed_on = set(own | gates), set[str]()
    for subscription in subscriptions.all:
        fields = destination.actions[subscription.action].fields
        needs = needs_of(subscription, {field.name for field in fields if field.is_handed_on})
        if needs is None:
            return None
        read |= needs.read
        handed_on |= needs.handed_on
    return Needs(frozenset(read), frozenset(handed_on - read))


def findings(destination: Destination, subscriptions: Sequence[SubscriptionSettings]) -> list[Finding]:
    """Return what in a list of subscriptions does not fit the destination, with the place of each finding."""
    found: list[Finding] = [
        (("settings", name), f"settings.{name} only shapes the presets; a list of subscriptions says it itself")
        for name in sorted(destination.preset_settings & destination.settings.model_fields_set)
    ]
    for index, subscription in enumerate(subscriptions):
        if not subscription.enabled:
            continue
        for path, text in _subscription_findings(destination.actions, subscription):
            place: Path = ("subscriptions", index, *path)
            found.append((place, f"subscription {subscription.name!r}: {text}"))
    return found


def _subscription_findings(actions: Mapping[str, Action], subscription: SubscriptionSettings) -> Iterator[Finding]:
    """Yield what in one subscription does not fit the actions of its destination."""
    action = actions.get(subscription.action)
    if action is None:
        yield ("action",), f"unknown action {_word(subscription.action, actions)}; allowed: {listed(actions)}"
        return
    asks_for_defaults = subscription.use_defaults and "use_defaults" in subscription.model_fields_set
    if asks_for_defaults and stands_for_fields(subscription.mapping):
        yield ("use_defaults",), "a directive stands for the fields here, so none can be added; allowed: false"
    keys = [key for key in completed(actions, subscription).mapping if key not in RESERVED_KEYS]
    if any(key.startswith(_DIRECTIVE_MARKS) for key in keys):
        return  # a directive stands for the whole mapping: only the event tells which fields it gives
    names = [field.name for field in action.fields]
    for key in keys:
        if key not in names:
            text = f"action {action.slug!r} has no field {_word(key, names)}; allowed: {listed(names)}"
            yield ("mapping", key), text
    for field in action.fields:
        if field.required and field.name not in keys:
            yield ("mapping",), f"action {action.slug!r} needs the field {field.name!r}"


def _word(word: str, known: Iterable[str]) -> str:
    """Return a word in quotes, with the nearest known one as a hint where one is near."""
    near = nearest(word, known)
    return repr(word) if near is None else f"{word!r} (did you mean {near!r}?)"
