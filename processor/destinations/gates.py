"""The gates in front of every destination: what an event must pass before triggers see it.

In this order: an object, a known `type`, suppressed users, consent, already delivered on the device, the integrations
object, the filter. Privacy comes between the last two: what an event says about itself is read as it was written, and
from the filter on nobody sees a value that is to be hidden.
The rules are those of the Segment contract (sections 1.6 and 1.7) and, for the filter, of Moveo One's (section 10).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from copy import copy
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr

from processor.destinations.text import BLANKS, id_text, js_number
from processor.mapping.javascript import is_falsy
from processor.model import Event, Rejected, Skipped

CALLS: Final = frozenset({"track", "page", "screen", "identify", "group", "alias"})
"""Segment's six calls. A seventh type, `delete`, exists for deletion requests."""

Scalar = StrictBool | StrictInt | StrictFloat | StrictStr | None
"""What a filter may list. Strict, so that `true`, `1` and "1" stay what was written."""

_NOT_AN_OBJECT: Final = Rejected("not_an_object", "the value is not a JSON object")
_MISSING_TYPE: Final = Rejected("missing_type", "`type` is absent, blank or not text")
_UNKNOWN_TYPE: Final = Rejected("unknown_type", "`type` is none of the calls that this destination knows")
_SUPPRESSED_USER: Final = Skipped("suppressed_user")
_CONSENT_DENIED: Final = Skipped("consent_denied")
_SENT_BY_DEVICE: Final = Skipped("sent_by_device")
_INTEGRATION_DISABLED: Final = Skipped("integration_disabled")
_FILTERED: Final = Skipped("filtered")
_TOO_DEEP: Final = Rejected("mapping_failed", "lists are nested too deeply for the paths of `privacy`")
_USER_IDS: Final = ("userId", "anonymousId")

Hide = Callable[[Event], Event]
"""Gives an event without what is private; raises RecursionError where it is nested too deeply."""


class GateSettings(BaseModel):
    """The settings of the gates; a vendor's settings model inherits them and gives `integration_names` its default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    respect_integrations: bool = Field(
        default=True,
        description="Honour the event's `integrations` object. Default true, as cloud-mode destinations in Segment do.",
    )
    integration_names: tuple[str, ...] = Field(
        default=(),
        description="Names under which this destination stands in `integrations` and `_metadata.bundled`. Case counts. "
        "Default: the names of Segment's catalogue.",
    )
    consent_categories: tuple[str, ...] = Field(
        default=(),
        description="Consent categories that must all be true in `context.consent.categoryPreferences`. Default none: "
        "consent is not looked at, as in Segment for a destination that is mapped to no category.",
    )
    skip_sent_by_device: bool = Field(
        default=False,
        description="Skip events whose `_metadata.bundled` names this destination, because its SDK already sent them "
        "from the device. Default false: only some sources fill `_metadata`.",
    )
    filter: Mapping[str, tuple[Scalar, ...]] = Field(
        default_factory=dict,
        description="Values of top-level `properties` (track, page, screen) or `traits` (identify, group) that let an "
        "event through: every key must match, any listed value may. An alias and a deletion request have neither and "
        "pass. Default none: everything passes.",
    )


class Gate(NamedTuple):
    """One gate: its name, whether it lets an event with a known type pass, and what becomes of one that does not."""

    name: str
    passes: Callable[[Event], bool]
    outcome: Skipped


class GateStep(NamedTuple):
    """What one gate said of an event; `outcome` is None when it let it pass."""

    name: str
    outcome: Skipped | Rejected | None


class Gates:
    """The gates of one destination, ready to admit events."""

    def __init__(self, settings: GateSettings, *, types: frozenset[str] = CALLS) -> None:
        """Keep what the settings ask for; `types` are the event types that the vendor's contract does not refuse."""
        self._types = types
        self._gates = tuple(_gates(settings))
        self._filter = Gate("filter", Filter(settings.filter).passes, _FILTERED) if settings.filter else None
        self._hide: Hide | None = None
        self._reads = _reads(settings)

    def suppressing(self, users: Container[str]) -> Gates:
        """Return the same gates behind one that stops the events of these users; it asks anew for every event."""
        gates = copy(self)
        first = Gate("suppressed_users", lambda event: not is_suppressed(event, users), _SUPPRESSED_USER)
        gates._gates = (first, *self._gates)  # noqa: SLF001 - its own copy
        return gates

    def hiding(self, hide: Hide) -> Gates:
        """Return the same gates, behind which an event has lost what is private."""
        gates = copy(self)
        gates._hide = hide  # noqa: SLF001 - its own copy
        return gates

    @property
    def reads(self) -> frozenset[str] | None:
        """Return the members of an event that the gates look into; None: it may be any."""
        return None if self._hide is not None else self._reads

    def admit(self, event: Any) -> Event | Skipped | Rejected:  # noqa: ANN401 - any JSON value
        """Return the event with its `type` plain and without what is private, or why it goes no further."""
        kind = event.get("type") if type(event) is dict else None
        typed = event if type(kind) is str and kind in self._types else with_type(event, self._types)
        if type(typed) is not dict:
            return typed
        for gate in self._gates:
            if not gate.passes(typed):
                return gate.outcome
        if self._hide is not None:
            typed = _hidden(typed, self._hide)
            if type(typed) is not dict:
                return typed
        if self._filter is not None and not self._filter.passes(typed):
            return self._filter.outcome
        return typed

    def trace(self, event: Any) -> list[GateStep]:  # noqa: ANN401 - any JSON value
        """Return what each gate says of an event, in order, up to the first that stops it."""
        typed = with_type(event, self._types)
        if isinstance(typed, Rejected):
            return [GateStep("type", typed)]
        steps = [GateStep("type", None)]
        for gate in self._gates:
            steps.append(GateStep(gate.name, None if gate.passes(typed) else gate.outcome))
            if steps[-1].outcome is not None:
                return steps
        return [*steps, *self._last_steps(typed)]

    def _last_steps(self, typed: Event) -> Iterator[GateStep]:
        """Yield what becomes of an event that every other gate has let pass: privacy, then the filter."""
        hidden = typed if self._hide is None else _hidden(typed, self._hide)
        if isinstance(hidden, Rejected):
            yield GateStep("privacy", hidden)
        elif self._filter is not None:
            yield GateStep(self._filter.name, None if self._filter.passes(hidden) else self._filter.outcome)


def _hidden(event: Event, hide: Hide) -> Event | Rejected:
    """Return an event without what is private; one that cannot be looked through goes no further."""
    try:
        return hide(event)
    except RecursionError:
        return _TOO_DEEP


def _gates(settings: GateSettings) -> Iterator[Gate]:
    """Yield the gates before the filter that the settings ask for, in the order in which events meet them."""
    names, categories = settings.integration_names, settings.consent_categories
    if categories:
        yield Gate("consent_categories", lambda event: has_consent(event, categories), _CONSENT_DENIED)
    if settings.skip_sent_by_device:
        yield Gate("skip_sent_by_device", lambda event: not was_sent_by_device(event, names), _SENT_BY_DEVICE)
    if settings.respect_integrations:
        yield Gate("integrations", lambda event: is_enabled(event.get("integrations"), names), _INTEGRATION_DISABLED)


def _reads(settings: GateSettings) -> frozenset[str]:
    """Return the members of an event that gates of these settings look into; ids also without a list of users."""
    read = {"type", *_USER_IDS}
    if settings.consent_categories:
        read.add("context")
    if settings.skip_sent_by_device:
        read.add("_metadata")
    if settings.respect_integrations:
        read.add("integrations")
    if settings.filter:
        read |= {"properties", "traits"}
    return frozenset(read)


def with_type(event: Any, types: frozenset[str]) -> Event | Rejected:  # noqa: ANN401 - any JSON value
    """Return the event itself when its `type` is one of `types`, a copy when only after trimming and lower-casing."""
    if not isinstance(event, dict):
        return _NOT_AN_OBJECT
    kind = event.get("type")
    if not isinstance(kind, str):
        return _MISSING_TYPE
    if kind in types:
        return event
    plain = kind.strip(BLANKS).lower()
    if not plain:
        return _MISSING_TYPE
    return event | {"type": plain} if plain in types else _UNKNOWN_TYPE


def is_suppressed(event: Event, users: Container[str]) -> bool:
    """Return whether the event's `userId` or `anonymousId` is one of these; numbers are compared as text."""
    for name in _USER_IDS:
        value = event.get(name)
        user = value if type(value) is str else id_text(value)
        if user is not None and user in users:
            return True
    return False


def has_consent(event: Event, categories: Iterable[str]) -> bool:
    """Return whether the event's consent allows a destination of these categories.

    No consent object, or one without preferences, restricts nothing. Preferences refuse every category that is not
    exactly true in them; preferences that cannot be read refuse all.
    """
    context = event.get("context")
    consent = context.get("consent") if isinstance(context, dict) else None
    preferences = consent.get("categoryPreferences") if isinstance(consent, dict) else None
    if preferences is None:
        return True
    return isinstance(preferences, dict) and all(preferences.get(category) is True for category in categories)


def was_sent_by_device(event: Event, names: Sequence[str]) -> bool:
    """Return whether the browser library says that one of these destinations already got the event on the device."""
    metadata = event.get("_metadata")
    bundled = metadata.get("bundled") if isinstance(metadata, dict) else None
    return isinstance(bundled, list) and any(name in bundled for name in names)


def is_enabled(integrations: Any, names: Iterable[str]) -> bool:  # noqa: ANN401 - any JSON value
    """Return whether an `integrations` object lets an event through to a destination of these names.

    An explicit false under any name blocks; else true or an object under any name admits; else any other value decides
    by JavaScript's truth; else `All` blocks when it is exactly false. Anything that is not an object admits.
    """
    if not integrations or not isinstance(integrations, dict):
        return True
    is_named = is_admitted = False
    for name in names:
        value = integrations.get(name)
        if value is False:
            return False
        if value is not None:
            is_named = True
            is_admitted = is_admitted or not is_falsy(value)
    return is_admitted if is_named else integrations.get("All") is not False


class Filter:
    """Moveo One's filter: every key must match, and within a key any of the listed values may."""

    def __init__(self, allowed: Mapping[str, Sequence[bool | float | str | None]]) -> None:
        """Keep the allowed values as text; null can match nothing."""
        self._allowed = {
            key: frozenset(text for value in values if (text := filter_text(value)) is not None)
            for key, values in allowed.items()
        }

    def passes(self, event: Event) -> bool:
        """Return whether the bag of the event's call matches; an alias or a deletion request has none and passes."""
        kind = event["type"]
        if kind in {"alias", "delete"} or not self._allowed:
            return True
        bag = event.get("traits" if kind in {"identify", "group"} else "properties")
        if not isinstance(bag, dict):
            return False
        return all(filter_text(bag.get(key)) in values for key, values in self._allowed.items())


def filter_text(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Return a value as the filter compares it, or None for null, objects and lists, which never match."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return js_number(value)
    return value if isinstance(value, str) else None
