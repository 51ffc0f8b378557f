"""Subscriptions: which events become which action, and how.

Settings are what the YAML says. Compiled, a subscription is a name, an action and a function from event to fields; all
subscriptions of a destination stand in an index, so that one whose trigger asks for another event costs nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from typing import Any, Final, Self

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from processor.config.located import refuse
from processor.errors import MappingError
from processor.mapping.index import TriggerIndex
from processor.mapping.pasted import (
    ACTION_IDS,
    ACTION_NAMES,
    IGNORED,
    MAPPING_NAMES,
    TRIGGER_NAMES,
    is_pasted,
    unpasted,
)
from processor.mapping.transform import compile_resolver, problems_at_load, too_deep
from processor.mapping.triggers import Difference, Trigger, TriggerError, lint, readings
from processor.mapping.values import cleaned, kind
from processor.model import Event

RESERVED_KEYS: Final = frozenset(
    {
        "__segment_internal_matching_key",
        "__segment_internal_sync_mode",
        "onMappingSave",
        "retlOnMappingSave",
    }
)
"""What Segment stores at the root of a mapping beside its fields; none is a field."""

_HASH_CHARS: Final = 12


class SubscriptionSettings(BaseModel):
    """One subscription as the YAML says it. What is not enabled is not checked either: it may be work in progress."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    _warns: bool = PrivateAttr(default=False)

    name: str = Field(
        min_length=1,
        description="How logs, metrics and dead letters call this subscription; unique in its destination.",
    )
    enabled: bool = Field(
        default=True,
        description="Whether it is in force. Default true, for whoever writes a subscription wants it to run.",
    )
    as_segment: bool = Field(
        default=False,
        description="Whether the trigger runs as Segment reads it, also where that differs from what it says. "
        "Default false: such a trigger is refused, for it matches other events than its author meant.",
    )
    use_defaults: bool = Field(
        default=True,
        description="Whether fields that the mapping does not name take the default mappings of the action; one that "
        "is mapped to null stays out. Default true, and false for a subscription in a spelling of Segment's: what is "
        "stored there lists all its fields, and what its author has cleared must not come back.",
    )
    trigger: str = Field(
        validation_alias=AliasChoices(*TRIGGER_NAMES),
        description='Which events it takes, in Segment\'s trigger language: type = "track" and event = "Signed Up".',
    )
    action: str = Field(
        min_length=1,
        validation_alias=AliasChoices(*ACTION_NAMES),
        description="What the vendor does with the event: the name of one of the destination's actions.",
    )
    mapping: dict[str, Any] = Field(
        validation_alias=AliasChoices(*MAPPING_NAMES),
        description='The fields of the action: literals and directives such as {"@path": "$.event"}.',
    )

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema with Segment's spellings beside ours, one of each to be used."""
        schema = handler.resolve_ref_schema(handler(core))
        own = schema["properties"]
        spellings = (TRIGGER_NAMES, ACTION_NAMES, MAPPING_NAMES)
        for names in spellings:
            own.update(dict.fromkeys(names[1:], own[names[0]]))
        as_text = {"type": "string", "description": "The same as JSON text."}
        own["settings"] = {"anyOf": [own["mapping"], as_text], "description": own["mapping"]["description"]}
        ignored = {"description": "Taken and not looked at, as Segment exports it."}
        own.update(dict.fromkeys(sorted(IGNORED), ignored))
        triggers, mappings = ([{"required": [name]} for name in names] for names in (TRIGGER_NAMES, MAPPING_NAMES))
        pasted = [{"required": [name]} for name in (*TRIGGER_NAMES[1:], *ACTION_NAMES[1:])]
        no_defaults = {"properties": {"use_defaults": {"const": False}}, "required": ["use_defaults"]}
        unmapped = {"not": {"anyOf": [*mappings, *pasted, no_defaults]}}
        actions = [{"required": [name]} for name in (*ACTION_NAMES, *ACTION_IDS)]
        schema |= {"required": [], "allOf": [{"oneOf": triggers}, {"oneOf": [*mappings, unmapped]}, {"anyOf": actions}]}
        return schema

    @model_validator(mode="wrap")
    @classmethod
    def _take_pasted(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:  # noqa: ANN401 - any YAML value
        """Take a subscription in Segment's own spelling: it runs as Segment reads it, and says where that differs."""
        if not isinstance(value, dict):
            return handler(value)
        if not is_pasted(value):
            takes_all = value.get("use_defaults") is not False and not any(name in value for name in MAPPING_NAMES)
            return handler({**value, "mapping": {}} if takes_all else value)
        own, problems = unpasted(value)
        if problems:
            raise refuse(*problems)
        made = handler({"as_segment": True, "use_defaults": False, **own})
        made._warns = "as_segment" not in value  # noqa: SLF001 - its own
        return made

    @property
    def differences(self) -> list[Difference]:
        """Return where a pasted trigger runs otherwise than it says, unless the file says that this is known."""
        return lint(self.trigger) if self._warns and self.enabled else []

    @field_validator("trigger")
    @classmethod
    def _check_trigger(cls, value: str, info: ValidationInfo) -> str:
        """Refuse a trigger that cannot be used, where the file says it."""
        if _is_enabled(info):
            try:
                _trigger(value, as_segment=info.data.get("as_segment", False))
            except TriggerError as error:
                reading = readings(value).segment
                hint = "" if reading is None else f"; with as_segment: true it runs as Segment reads it: {reading}"
                raise ValueError(f"{error.safe}{hint}") from error
        return value

    @field_validator("mapping")
    @classmethod
    def _check_mapping(cls, value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        """Refuse a mapping that cannot be used, each problem where the file says it."""
        problems = problems_at_load(_own_fields(value)) if _is_enabled(info) else ()
        if problems:
            raise refuse(*((_steps(value, problem.path), problem.message) for problem in problems))
        return value


def _trigger(text: str, *, as_segment: bool) -> Trigger:
    """Return the trigger of a subscription.

    Raises:
        TriggerError: it does not parse, or, unless it is to run as Segment reads it, says something else to a reader.
    """
    return Trigger.parse(text) if as_segment else Trigger.parse_strict(text)


def _is_enabled(info: ValidationInfo) -> bool:
    """Return whether the subscription that is being checked is in force."""
    return bool(info.data.get("enabled", True))


def _own_fields(mapping: dict[str, Any]) -> dict[str, Any]:
    """Return a mapping without the keys that Segment keeps beside the fields."""
    return {key: value for key, value in mapping.items() if key not in RESERVED_KEYS}


def _steps(mapping: dict[str, Any], path: str) -> tuple[str | int, ...]:
    """Return the keys and positions that a problem's path stands for; keys may hold a slash themselves."""
    steps: list[str | int] = []
    node: Any = mapping
    word = ""
    for part in path.split("/")[1:]:
        word += part
        step = int(word) if isinstance(node, list) else word
        if isinstance(node, dict) and step not in node:
            word += "/"
            continue
        node, word = node[step], ""
        steps.append(step)
    return tuple(steps)


class Subscription:
    """A compiled subscription."""

    __slots__ = ("_resolve", "action", "mapping", "name", "trigger")

    def __init__(self, settings: SubscriptionSettings) -> None:
        """Compile trigger and mapping; the keys that Segment keeps beside the fields are left out.

        Raises:
            MappingError: either cannot be used; the text names the subscription and lists the problems.
        """
        self.name = settings.name
        self.action = settings.action
        self.mapping = _own_fields(settings.mapping)
        try:
            self.trigger = _trigger(settings.trigger, as_segment=settings.as_segment)
            self._resolve = compile_resolver(self.mapping)
        except MappingError as error:
            raise _named(self.name, error) from error

    def copies(self, names: Collection[str]) -> bool:
        """Return whether the mapping does nothing but give each of these fields the event's member of the same name."""
        return self.mapping == {name: {"@path": f"$.{name}"} for name in names}

    def fields(self, event: Event, *, has_plain_keys: bool = False) -> dict[str, Any]:
        """Return the action's fields for an event, absent keys left out. They share objects with the event.

        No key of theirs is `__proto__`. To make sure of it takes a walk through them, unless it is known that the event
        `has_plain_keys` only.

        Raises:
            MappingError: a directive cannot be resolved for this event, or the mapping as a whole gave no object. The
                text names subscription, field path and directive, and holds no value of the event.
        """
        try:
            fields = self._resolve(event)
            if not has_plain_keys:
                fields = cleaned(fields)
        except MappingError as error:
            raise _named(self.name, error) from error
        except RecursionError as error:
            raise _named(self.name, too_deep()) from error
        if isinstance(fields, dict):
            return fields
        problem = f"/ should give an object of fields but it gave {kind(fields)}"
        raise _named(self.name, MappingError(problem, safe=problem))

    def __repr__(self) -> str:
        """Return which events become which action."""
        return f"<Subscription {self.name!r}: {self.trigger.text} -> {self.action}>"


class Subscriptions:
    """All subscriptions of a destination that are in force, in order. `hash` changes whenever their content does."""

    __slots__ = ("_index", "all", "hash")

    def __init__(self, subscriptions: Sequence[Subscription], content_hash: str) -> None:
        """Index the subscriptions by what their triggers ask for; `compile_subscriptions` is the usual way here."""
        self.all = tuple(subscriptions)
        self.hash = content_hash
        self._index = TriggerIndex((item, item.trigger.term) for item in self.all)

    def matching(self, event: Event) -> Sequence[Subscription]:
        """Return the subscriptions that take this event, in order.

        Raises:
            MappingError: a trigger cannot be evaluated for this event, which fails the event for all of them, as it
                does in Segment. The text names the subscription and holds no value of the event.
        """
        try:
            return self._index.matching(event)
        except TriggerError as error:
            failing = next(item for item in self.all if _fails(item.trigger, event))
            raise _named(failing.name, error) from error


def _fails(trigger: Trigger, event: Event) -> bool:
    """Return whether a trigger cannot be evaluated for this event."""
    try:
        trigger.matches(event)
    except TriggerError:
        return True
    return False


def compile_subscriptions(settings: Sequence[SubscriptionSettings]) -> Subscriptions:
    """Return the subscriptions ready to run; those that are not enabled are left out.

    Raises:
        MappingError: two subscriptions have one name, or one cannot be used; lists the problems of all of them.
    """
    enabled = [item for item in settings if item.enabled]
    names = [item.name for item in enabled]
    problems = [f"subscription {name!r}: there are several of this name" for name in _repeated(names)]
    compiled = []
    for item in enabled:
        try:
            compiled.append(Subscription(item))
        except MappingError as error:
            problems.append(error.safe)
    if problems:
        text = "; ".join(problems)
        raise MappingError(text, safe=text)
    return Subscriptions(compiled, _content_hash(enabled))


def _repeated(names: list[str]) -> list[str]:
    """Return the names that occur more than once, each once, in order."""
    return [name for name in dict.fromkeys(names) if names.count(name) > 1]


def _named(name: str, error: MappingError) -> MappingError:
    """Return the error with the subscription's name before its safe text."""
    text = f"subscription {name!r}: {error.safe}"
    return MappingError(text, reason=error.reason, safe=text)


def _content_hash(settings: Sequence[SubscriptionSettings]) -> str:
    """Return a short SHA-256 of everything that decides what comes out; order counts, for it decides as well."""
    content = [[item.name, item.trigger, item.action, item.mapping] for item in settings]
    return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()[:_HASH_CHARS]
