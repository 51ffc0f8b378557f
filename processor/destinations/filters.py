"""Destination filters as Segment's Public API returns them: drop, sample, drop properties, allow properties.

They stand between triggers and mappings. A filter that does not parse, or cannot be evaluated for an event, lets no
event past: it fails closed, as Segment's do.

Source: contract of Segment, section 3.2; https://docs.segmentapis.com, destination filters.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from processor.errors import MappingError
from processor.mapping.filters import FilterCondition, FilterError
from processor.mapping.js_json import stringify
from processor.mapping.paths import Keys, parse_dollar_path, walk
from processor.mapping.values import ABSENT
from processor.model import Event, Record, Rejected, Skipped

Fate: TypeAlias = "Event | Skipped | Rejected"
"""What a rule makes of an event: the event itself, another one with less in it, or its end."""

_FILTERED: Final = Skipped("filtered")
_BITS: Final = 64


def _upper(value: object) -> object:
    """Return a type's name as the Public API writes it; Terraform's examples have it in lower case as well."""
    return value.upper() if isinstance(value, str) else value


class FilterAction(BaseModel):
    """What happens to an event that meets a filter's condition."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Annotated[Literal["DROP", "SAMPLE", "DROP_PROPERTIES", "ALLOW_PROPERTIES"], BeforeValidator(_upper)] = Field(
        description="What happens to the event. DROP: it goes no further. SAMPLE: a share of the events goes on. "
        "DROP_PROPERTIES, ALLOW_PROPERTIES: the event goes on without, or only with, the keys that fields names.",
    )
    percent: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Share of the events that go on, 0 to 1, for SAMPLE. A hash tells which ones, so that an event "
        "that is read again has the same fate.",
    )
    path: str | None = Field(
        default=None,
        description="Where the value stands that decides for SAMPLE: with $.userId all events of a user go on, or none "
        "does. Default: the event's messageId, else the record's place in Kafka.",
    )
    fields: Mapping[str, tuple[str, ...]] | None = Field(
        default=None,
        description="Keys by the path of the object that holds them, for DROP_PROPERTIES and ALLOW_PROPERTIES. The "
        "empty path is the event itself; at a list it is each of its items.",
    )

    @model_validator(mode="after")
    def _has_what_its_type_needs(self) -> FilterAction:
        """Refuse an action without what it acts by."""
        if self.type == "SAMPLE" and self.percent is None:
            raise ValueError("SAMPLE needs percent, a share from 0 to 1")
        if self.type.endswith("_PROPERTIES") and not self.fields:
            raise ValueError(f"{self.type} needs fields: keys by the path of the object that holds them")
        return self


class FilterSettings(BaseModel):
    """One destination filter, pasted as it is; ids and dates beside it are taken and not looked at."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    title: str = Field(default="", description="What people call it.")
    condition: str = Field(
        alias="if",
        description="Which events it is about, in the query language of Segment's manual: "
        "type = 'track' and match(traits.email, '*@example.com'). all: every event.",
    )
    actions: tuple[FilterAction, ...] = Field(min_length=1, description="What happens to these events, in order.")
    enabled: bool = Field(default=True, description="Whether it is in force. Default true.")

    @property
    def fault(self) -> str | None:
        """Return why the condition does not parse, None when it does or the filter is not in force."""
        try:
            if self.enabled:
                FilterCondition.parse(self.condition)
        except FilterError as error:
            return error.safe
        return None

    @model_validator(mode="before")
    @classmethod
    def _leave_out_ids(cls, value: Any) -> Any:  # noqa: ANN401 - any YAML value
        """Leave out what Segment's app keeps beside a filter."""
        return {key: one for key, one in value.items() if key not in _IGNORED} if isinstance(value, dict) else value


_IGNORED: Final = frozenset(
    {"id", "sourceId", "source_id", "destinationId", "destination_id", "description", "createdAt", "updatedAt"}
)

_Act: TypeAlias = Callable[[Event, Record], Fate]


class FilterStep(NamedTuple):
    """What one filter made of an event: `fate` is what it let past, changed or not, or why that goes no further."""

    title: str
    fate: Fate
    is_changed: bool


class Filters:
    """The filters of one destination that are in force, ready to run."""

    __slots__ = ("_is_changing", "_rules", "_titles", "fingerprint")

    def __init__(self, settings: Sequence[FilterSettings]) -> None:
        """Compile conditions and actions; a condition that does not parse is kept as one that blocks.

        `fingerprint` changes whenever what they do may change.
        """
        self._rules = [_rule(one) for one in settings if one.enabled]
        self._titles = [_title(one) for one in settings if one.enabled]
        actions = [action for one in settings if one.enabled for action in one.actions]
        self._is_changing = any(action.type.endswith("_PROPERTIES") for action in actions)
        self.fingerprint = repr([(one.condition, one.actions) for one in settings if one.enabled])

    def __bool__(self) -> bool:
        """Return whether there is any."""
        return bool(self._rules)

    @property
    def is_changing(self) -> bool:
        """Return whether an event may go on with less in it."""
        return self._is_changing

    def apply(self, event: Event, record: Record) -> Fate:
        """Return the event as mappings may see it, or why it goes no further. The event given is never changed."""
        for rule in self._rules:
            fate = rule(event, record)
            if not isinstance(fate, dict):
                return fate
            event = fate
        return event

    def trace(self, event: Event, record: Record) -> list[FilterStep]:
        """Return what each filter makes of an event that a trigger has taken, up to the first that stops it."""
        steps = []
        for title, rule in zip(self._titles, self._rules, strict=True):
            fate = rule(event, record)
            steps.append(FilterStep(title, fate, isinstance(fate, dict) and fate != event))
            if not isinstance(fate, dict):
                break
            event = fate
        return steps


def _title(settings: FilterSettings) -> str:
    """Return what people call a filter, its condition where it has no title."""
    return settings.title or settings.condition


def _rule(settings: FilterSettings) -> _Act:
    """Return one filter as a function."""
    try:
        condition = FilterCondition.parse(settings.condition)
    except FilterError as error:
        return _blocking(_invalid(settings, error))
    acts = [_act(action) for action in settings.actions]

    def apply(event: Event, record: Record) -> Fate:
        try:
            is_met = condition.matches(event)
        except FilterError as error:
            return _invalid(settings, error)
        if not is_met:
            return event
        for act in acts:
            fate = act(event, record)
            if not isinstance(fate, dict):
                return fate
            event = fate
        return event

    return apply


def _blocking(rejected: Rejected) -> _Act:
    """Return a filter that lets nothing past."""
    return lambda _event, _record: rejected


def _invalid(settings: FilterSettings, error: FilterError) -> Rejected:
    """Return the end of an event at a filter that cannot be used."""
    return Rejected(error.reason, f"filter {_title(settings)!r}: {error.safe}")


def _act(action: FilterAction) -> _Act:
    """Return one action as a function."""
    if action.type == "DROP":
        return lambda _event, _record: _FILTERED
    if action.type == "SAMPLE":
        keys = None if action.path is None else parse_dollar_path(action.path)
        return _sampling(action.percent if action.percent is not None else 1.0, keys)
    fields = tuple((parse_dollar_path(path), frozenset(names)) for path, names in (action.fields or {}).items())
    is_allowing = action.type == "ALLOW_PROPERTIES"

    def change(event: Event, _record: Record) -> Fate:
        for keys, names in fields:
            event = _changed(event, keys, partial(_kept, names=names, is_allowing=is_allowing))
        return event

    return change


def _sampling(share: float, keys: Keys | None) -> _Act:
    """Return an action that lets a share of the events past, the same ones whenever they are read."""
    limit = int(share * 2**_BITS)

    def sample(event: Event, record: Record) -> Fate:
        value = event.get("messageId", ABSENT) if keys is None else walk(event, keys)
        if value is ABSENT and keys is None:
            value = [record.topic, record.partition, record.offset, record.event_index]
        try:
            text = "null" if value is ABSENT else stringify(value)
        except MappingError as error:
            return Rejected(error.reason, error.safe)
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        return event if int.from_bytes(digest[: _BITS // 8], "big") < limit else _FILTERED

    return sample


def _kept(node: dict[str, Any], names: frozenset[str], *, is_allowing: bool) -> dict[str, Any]:
    """Return an object with the names only, or without them."""
    return {key: value for key, value in node.items() if (key in names) is is_allowing}


def _changed(node: Any, keys: Keys, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:  # noqa: ANN401 - JSON
    """Return a value with the object at these keys changed; what leads there is copied, the rest is shared.

    A list on the way, or at the end, stands for each of its items; what is no object stays as it is.
    """
    if isinstance(node, list):
        return [_changed(item, keys, change) if isinstance(item, dict) else item for item in node]
    if not isinstance(node, dict):
        return node
    if not keys:
        return change(node)
    if keys[0] not in node:
        return node
    return node | {keys[0]: _changed(node[keys[0]], keys[1:], change)}
