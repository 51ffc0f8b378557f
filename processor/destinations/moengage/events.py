"""Event elements: what a track, a page or a screen becomes in a bulk request.

Source: the contract, sections 3.1, 3.4 and 3.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from processor.destinations.ids import message_id
from processor.destinations.moengage.attributes import NEAR_RESERVED_NAME, AttributeRules, Converter
from processor.destinations.moengage.identity import customer_id
from processor.destinations.moengage.names import event_name, is_near_reserved
from processor.destinations.moengage.payloads import BULK, payload
from processor.destinations.moengage.quotas import Quotas
from processor.destinations.moengage.settings import MoEngageSettings
from processor.destinations.moengage.surroundings import action_time, as_object, platform, timezone_offset_s
from processor.destinations.moengage.values import short_url, text
from processor.destinations.text import id_text
from processor.destinations.times import iso_ms
from processor.errors import MappingError
from processor.model import Built, Event, Record, Rejected, Skipped

MISSING_EVENT_NAME: Final = Rejected("missing_event_name", "`event` is absent, blank or neither text nor a number")
PROPERTIES_NOT_OBJECT: Final = "properties_not_object"

_PAGE_VIEWED: Final = "Page Viewed"
_SCREEN_VIEWED: Final = "Screen Viewed"
"""One name for all: a name per page would use up the workspace's quota of event names."""
_ADDRESSES: Final = ("url", "referrer")


class EventBuilder:
    """Builds event elements by the settings of one destination."""

    def __init__(self, settings: MoEngageSettings, quotas: Quotas) -> None:
        """Start with an empty cache of attribute names; `quotas` counts the names of events."""
        self._seen = quotas.event_names
        rules = AttributeRules("event", settings.keys, is_native=settings.nested == "native")
        self._converter = Converter(rules, seen_objects=quotas.event_objects)
        self._is_real_time = settings.real_time_action
        self._has_message_id = settings.include_message_id
        self._has_device_id = settings.device_elements
        self._project_name = settings.project_name
        self._max_bytes = settings.max_request_bytes

    def track(self, fields: Mapping[str, Any], event: Event, record: Record, now_ms: int) -> Built:
        """Return the event element of a track."""
        customer = customer_id(fields.get("userId"))
        if isinstance(customer, Skipped):
            return customer
        name = event_name(fields.get("event"))
        if name is None:
            return MISSING_EVENT_NAME
        return self._element("trackEvent", name, fields, {}, (event, record, now_ms, customer))

    def page(self, fields: Mapping[str, Any], event: Event, record: Record, now_ms: int) -> Built:
        """Return the event element of a page view."""
        return self._view("trackPage", _PAGE_VIEWED, fields, (event, record, now_ms))

    def screen(self, fields: Mapping[str, Any], event: Event, record: Record, now_ms: int) -> Built:
        """Return the event element of a screen view."""
        return self._view("trackScreen", _SCREEN_VIEWED, fields, (event, record, now_ms))

    def _view(self, slug: str, name: str, fields: Mapping[str, Any], about: tuple[Event, Record, int]) -> Built:
        """Return the event element of a view: a fixed name, and the name of what was viewed as an attribute."""
        customer = customer_id(fields.get("userId"))
        if isinstance(customer, Skipped):
            return customer
        bag = fields.get("properties")
        if type(bag) is not dict:
            return self._element(slug, name, fields, _view_names(fields, {}), (*about, customer))
        shortened = {**bag, **{key: short_url(bag[key]) for key in _ADDRESSES if key in bag}}
        names = _view_names(fields, bag)
        return self._element(slug, name, {**fields, "properties": shortened}, names, (*about, customer))

    def _element(
        self,
        slug: str,
        name: str,
        fields: Mapping[str, Any],
        own: dict[str, str],
        about: tuple[Event, Record, int, str],
    ) -> Built:
        """Return the payload of an event element. `own` are attributes that are not properties."""
        event, record, now_ms, customer = about
        moment = action_time(fields.get("timestamp"), event, record, now_ms)
        if isinstance(moment, Rejected):
            return moment
        epoch_ms, warning = moment
        self._seen.note(name)
        warnings: tuple[str, ...] = () if warning is None else (warning,)
        if is_near_reserved(name):
            warnings += (NEAR_RESERVED_NAME,)
        action: dict[str, Any] = {"action": name}
        try:
            warnings += self._put_attributes(action, fields.get("properties"), self._own(own, fields, event))
        except MappingError as error:
            return Rejected(error.reason, error.safe)
        context = as_object(event.get("context"))
        self._put_surroundings(action, fields, context, epoch_ms)
        element: dict[str, Any] = {"type": "event", "customer_id": customer, "actions": [action]}
        if self._has_device_id:
            device_id = id_text(as_object(context.get("device")).get("id"))
            if device_id is not None:
                element["device_id"] = device_id
        return payload(
            element,
            action=slug,
            endpoint=BULK,
            lanes=(customer,),
            max_bytes=self._max_bytes,
            dedupe_id=dedupe_id(event, record),
            warnings=warnings,
        )

    def _put_attributes(self, action: dict[str, Any], bag: Any, own: dict[str, str]) -> tuple[str, ...]:  # noqa: ANN401 - any JSON value
        """Put properties, and what is ours beside them, into an action; return the warnings that they raise.

        Raises:
            MappingError: they are nested too deeply.
        """
        warnings: tuple[str, ...] = () if bag is None or type(bag) is dict else (PROPERTIES_NOT_OBJECT,)
        bag = as_object(bag)
        if not bag and not own:
            return warnings
        attributes = self._converter.convert(bag, own)
        if attributes.sent:
            action["attributes"] = attributes.sent
        return warnings + attributes.counted

    def _put_surroundings(
        self, action: dict[str, Any], fields: Mapping[str, Any], context: dict[str, Any], epoch_ms: int
    ) -> None:
        """Put what an action says beside its attributes into it."""
        found = platform(context, fields.get("os_name"))
        if found is not None:
            action["platform"] = found
            if found == "TV":
                action["moe_os_type"] = "tvOS"
        version = id_text(fields.get("app_version"))
        if version is not None:
            action["app_version"] = version
        if self._is_real_time:
            action["real_time_action"] = "true"
        action["current_time"] = iso_ms(epoch_ms)
        offset_s = timezone_offset_s(context.get("timezone"), epoch_ms)
        if offset_s is not None:
            action["user_timezone_offset"] = offset_s

    def _own(self, own: dict[str, str], fields: Mapping[str, Any], event: Event) -> dict[str, str]:
        """Return the attributes that settings add, those already given behind them."""
        added: dict[str, str] = {}
        project = id_text(fields.get("project_name"))
        project = self._project_name if project is None else project
        if project is not None:
            _add_text(added, "moe_project_name", project)
        if self._has_message_id:
            found = id_text(event.get("messageId"))
            if found is not None:
                _add_text(added, "segment_message_id", found)
        return added | own if added else own


def _view_names(fields: Mapping[str, Any], bag: dict[str, Any]) -> dict[str, str]:
    """Return name and category of a page or screen as attributes, where its properties do not say them."""
    names: dict[str, str] = {}
    for key in ("name", "category"):
        found = id_text(fields.get(key)) if bag.get(key) is None else None
        if found is not None:
            _add_text(names, key, found)
    return names


def _add_text(attributes: dict[str, str], name: str, value: str) -> None:
    """Add a text as MoEngage stores it, unless it could not be stored."""
    kept = text(value)
    if kept is not None:
        attributes[name] = kept


def dedupe_id(event: Event, record: Record) -> str | None:
    """Return the id by which a repeated event is recognised, None when the event has none.

    An id made from the record's coordinates would be no help: it never repeats.
    """
    found, warning = message_id(None, event, record)
    return found if warning is None else None
