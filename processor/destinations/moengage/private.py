"""Segment's own endpoint at MoEngage: one message a request, in the form that Segment's destination sends.

Source: the contract, section 2.4. The body is Segment's to the letter, so nothing of attributes, names and limits
applies here but the form of keys, if the settings ask for one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from processor.destinations.moengage.events import MISSING_EVENT_NAME, PROPERTIES_NOT_OBJECT, dedupe_id
from processor.destinations.moengage.identity import MISSING_USER_ID, customer_id
from processor.destinations.moengage.keys import KeyCase, key_case
from processor.destinations.moengage.payloads import SEGMENT, payload
from processor.destinations.moengage.removals import MAX_BODY_BYTES
from processor.destinations.moengage.settings import MoEngageSettings
from processor.destinations.moengage.users import TRAITS_NOT_OBJECT, read_boolean
from processor.destinations.moengage.values import as_text
from processor.destinations.text import id_text
from processor.errors import MappingError
from processor.model import Built, Event, Record, Rejected, Skipped

_MAX_DEPTH: Final = 100
"""Far beyond any real event; the bound keeps the recursion below that of the interpreter."""
_TOO_DEEP: Final = "the message is nested too deeply"


class PrivateBuilder:
    """Builds messages for Segment's endpoint by the settings of one destination."""

    def __init__(self, settings: MoEngageSettings) -> None:
        """Keep what the settings say."""
        self._keys: KeyCase = settings.keys
        self._allows_anonymous = settings.allow_anonymous
        self._project_name = settings.project_name
        self._updates_existing_only = settings.update_existing_only

    def track(self, fields: Mapping[str, Any], event: Event, record: Record, now_ms: int) -> Built:  # noqa: ARG002 - the time is passed on
        """Return the message of a track. Null ids are left out."""
        ids = self._ids(fields, keeps_null=False)
        if isinstance(ids, Skipped):
            return ids
        name = segment_text(fields.get("event"))
        if name is None:
            return MISSING_EVENT_NAME
        bag, warnings = _bag(fields.get("properties"), PROPERTIES_NOT_OBJECT)
        project = segment_text(fields.get("project_name"))
        project = self._project_name if project is None else project
        if project is not None:
            bag = {**(bag or {}), "moe_project_name": project}
        about = (fields, event, dedupe_id(event, record))
        return self._message("trackEvent", about, ids, ({"event": name}, "properties", bag, warnings))

    def identify(self, fields: Mapping[str, Any], event: Event, record: Record, now_ms: int) -> Built:  # noqa: ARG002 - as above
        """Return the message of an identify. Null ids stay null."""
        ids = self._ids(fields, keeps_null=True)
        if isinstance(ids, Skipped):
            return ids
        bag, warnings = _bag(fields.get("traits"), TRAITS_NOT_OBJECT)
        return self._message("identifyUser", (fields, event, None), ids, ({}, "traits", bag, warnings))

    def _ids(self, fields: Mapping[str, Any], *, keeps_null: bool) -> dict[str, str | None] | Skipped:
        """Return the ids of a message, or why it is left out. Visitors count only if the settings say so."""
        customer = customer_id(fields.get("userId"))
        anonymous = segment_text(fields.get("anonymousId"))
        is_anonymous = customer is MISSING_USER_ID and self._allows_anonymous and anonymous is not None
        if isinstance(customer, Skipped) and not is_anonymous:
            return customer
        ids: dict[str, str | None] = {}
        if isinstance(customer, str):
            ids["user_id"] = customer
        elif keeps_null and "userId" in fields and fields["userId"] is None:
            ids["user_id"] = None
        if anonymous is not None or (keeps_null and "anonymousId" in fields and fields["anonymousId"] is None):
            ids["anonymous_id"] = anonymous
        return ids

    def _message(
        self,
        slug: str,
        sources: tuple[Mapping[str, Any], Event, str | None],
        ids: dict[str, str | None],
        parts: tuple[dict[str, Any], str, dict[str, Any] | None, tuple[str, ...]],
    ) -> Built:
        """Return the payload of a message around its bag."""
        fields, event, dedupe = sources
        named, bag_name, bag, warnings = parts
        kind = segment_text(fields.get("type"))
        message: dict[str, Any] = {"type": event["type"] if kind is None else kind, **ids, **named}
        message["context"] = context_of(lambda name: segment_text(fields.get(name)))
        try:
            if bag is not None:
                message[bag_name] = converted(bag, self._keys)
        except MappingError as error:
            return Rejected(error.reason, error.safe)
        moment = fields.get("timestamp")
        if (type(moment) is str and moment) or type(moment) is int or type(moment) is float:
            message["timestamp"] = moment
        message["update_existing_only"] = read_boolean(fields.get("update_existing_only"), self._updates_existing_only)
        return payload(
            message,
            action=slug,
            endpoint=SEGMENT,
            lanes=self._lanes(slug, ids),
            max_bytes=MAX_BODY_BYTES,
            dedupe_id=dedupe,
            warnings=warnings,
        )

    def _lanes(self, slug: str, ids: dict[str, str | None]) -> tuple[str, ...]:
        """Return what must stay in order: the user; of an identify that says who a visitor is, the visitor as well."""
        user, anonymous = ids.get("user_id"), ids.get("anonymous_id")
        if user is None:
            return (f"anonymous:{anonymous}",)
        is_joint = slug == "identifyUser" and self._allows_anonymous and anonymous is not None
        # A user may be called as a visitor's lane is.
        return tuple(dict.fromkeys((user, f"anonymous:{anonymous}"))) if is_joint else (user,)


def segment_text(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Return a value as the text that Segment makes of it, None where Segment would send nothing."""
    if isinstance(value, bool):
        return as_text(value)
    if isinstance(value, str):
        return value or None
    return id_text(value)


def context_of(text: Callable[[str], str | None]) -> dict[str, dict[str, str]]:
    """Return the three values of the context that travel, by the fields that give them as text; their places stay."""
    parts = (("app", "version"), ("os", "name"), ("library", "version"))
    return {part: {} if (found := text(f"{part}_{key}")) is None else {key: found} for part, key in parts}


def _bag(value: Any, warning: str) -> tuple[dict[str, Any] | None, tuple[str, ...]]:  # noqa: ANN401 - any JSON value
    """Return a bag as it came, None and perhaps a warning where there is none."""
    if type(value) is dict:
        return value, ()
    return None, () if value is None or value == "" else (warning,)


def converted(bag: dict[str, Any], keys: KeyCase) -> dict[str, Any]:
    """Return a bag with the keys of all its objects converted; the last of those that become alike stays.

    Raises:
        MappingError: it is nested too deeply; no bag is where keys are preserved.
    """
    result: dict[str, Any] = bag if keys == "preserve" else _converted(bag, keys, 1)
    return result


def _converted(value: Any, keys: KeyCase, depth: int) -> Any:  # noqa: ANN401 - any JSON value
    if depth > _MAX_DEPTH:
        raise MappingError(_TOO_DEEP, safe=_TOO_DEEP)
    if type(value) is dict:
        forms = ((key_case(key, keys), item) for key, item in value.items())
        return {form: _converted(item, keys, depth + 1) for form, item in forms if form}
    return [_converted(item, keys, depth + 1) for item in value] if type(value) is list else value
