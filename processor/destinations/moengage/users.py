"""Customer and device elements: what an identify or a group becomes in a bulk request.

Source: the contract, sections 3.2, 3.3 and 3.6.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from processor.destinations.gates import was_sent_by_device
from processor.destinations.moengage.attributes import AttributeRules, Attributes, Converter
from processor.destinations.moengage.identity import customer_id, plain_id
from processor.destinations.moengage.payloads import BULK, payload
from processor.destinations.moengage.quotas import Quotas
from processor.destinations.moengage.settings import MoEngageSettings
from processor.destinations.moengage.surroundings import as_object, platform
from processor.destinations.moengage.values import MAX_TEXT_CHARACTERS
from processor.destinations.text import id_text
from processor.errors import MappingError
from processor.model import Built, Event, Payload, Record, Rejected, Skipped

MISSING_GROUP_ID: Final = Rejected("missing_group_id", "`groupId` is absent or blank")
TRAITS_NOT_OBJECT: Final = "traits_not_object"
TRAITS_ID_DIFFERS: Final = "traits_id_differs"

_NO_ATTRIBUTES: Final = Attributes({})


class UserBuilder:
    """Builds customer and device elements by the settings of one destination."""

    def __init__(self, settings: MoEngageSettings, quotas: Quotas) -> None:
        """Start with empty caches of attribute names; `quotas` counts the attributes of users."""
        is_native = settings.nested == "native"
        user = AttributeRules(
            "user",
            settings.keys,
            is_native=is_native,
            names=settings.attribute_names,
            keeps_deletions=settings.unset_null_traits,
        )
        group = AttributeRules("group", settings.keys, is_native=is_native)
        self._user = Converter(user, quotas.user_attributes, quotas.user_objects)
        self._group = Converter(group, quotas.user_attributes, quotas.user_objects)
        self._names = settings.integration_names
        self._updates_existing_only = settings.update_existing_only
        self._trusts_traits_id = settings.traits_id_as_customer_id
        self._has_devices = settings.device_elements
        self._max_bytes = settings.max_request_bytes

    def identify(self, fields: Mapping[str, Any], event: Event, record: Record, now_ms: int) -> Built:  # noqa: ARG002 - an identify carries no time
        """Return the customer element of an identify, and the device element behind it where one is due."""
        traits = fields.get("traits")
        warnings: tuple[str, ...] = () if traits is None or type(traits) is dict else (TRAITS_NOT_OBJECT,)
        traits = as_object(traits)
        customer, differs = self._identity(fields.get("userId"), traits.get("id"))
        if isinstance(customer, Skipped):
            return customer
        warnings += (TRAITS_ID_DIFFERS,) if differs else ()
        below = as_object(fields.get("context_traits"))
        bag = {**below, **traits} if below else traits
        first = self._customer("identifyUser", customer, fields, (self._user, bag, {}, warnings))
        device = self._device(customer, event) if self._has_devices and isinstance(first, Payload) else None
        return first if device is None else _both(first, device)

    def group(self, fields: Mapping[str, Any], event: Event, record: Record, now_ms: int) -> Built:  # noqa: ARG002 - as above
        """Return the customer element that keeps a group's id and traits under names of their own."""
        customer = customer_id(fields.get("userId"))
        if isinstance(customer, Skipped):
            return customer
        group_id = plain_id(fields.get("groupId"))
        if group_id is None:
            return MISSING_GROUP_ID
        traits = fields.get("traits")
        warnings = () if traits is None or type(traits) is dict else (TRAITS_NOT_OBJECT,)
        own = {"group_id": group_id[:MAX_TEXT_CHARACTERS]}
        return self._customer("setGroupAttributes", customer, fields, (self._group, as_object(traits), own, warnings))

    def _identity(self, user_id: Any, traits_id: Any) -> tuple[str | Skipped, bool]:  # noqa: ANN401 - any JSON values
        """Return who an identify is about, and whether its traits name somebody else."""
        if self._trusts_traits_id:
            found = customer_id(traits_id)
            if isinstance(found, str):
                return found, False
        customer = customer_id(user_id)
        other = plain_id(traits_id)
        return customer, other is not None and other != customer

    def _customer(
        self,
        slug: str,
        customer: str,
        fields: Mapping[str, Any],
        parts: tuple[Converter, dict[str, Any], dict[str, str], tuple[str, ...]],
    ) -> Payload | Rejected:
        """Return the payload of a customer element."""
        converter, bag, own, warnings = parts
        try:
            attributes = converter.convert(bag, own) if bag or own else _NO_ATTRIBUTES
        except MappingError as error:
            return Rejected(error.reason, error.safe)
        element: dict[str, Any] = {
            "type": "customer",
            "customer_id": customer,
            "update_existing_only": read_boolean(fields.get("update_existing_only"), self._updates_existing_only),
        }
        if attributes.sent:
            element["attributes"] = attributes.sent
        if attributes.unset:
            element["unset_attributes"] = [
                {"type": "equals", "attr": name, "case_sensitive": True} for name in attributes.unset
            ]
        return payload(
            element,
            action=slug,
            endpoint=BULK,
            lanes=(customer,),
            max_bytes=self._max_bytes,
            warnings=warnings + attributes.counted,
        )

    def _device(self, customer: str, event: Event) -> Payload | Rejected | None:
        """Return the payload of a device element, None when the event names no push token or no platform.

        None as well where MoEngage's SDK was bundled on the device: it has registered the token itself, and a second
        registration of a token deletes the first.
        """
        if was_sent_by_device(event, self._names):
            return None
        context = as_object(event.get("context"))
        device = as_object(context.get("device"))
        system = as_object(context.get("os"))
        token = id_text(device.get("token"))
        found = platform(context, system.get("name"))
        if token is None or found is None:
            return None
        attributes = {"platform": found, "push_id": token}
        advertising = {"ANDROID": "moe_gaid", "iOS": "idfv"}.get(found)
        optional = {
            "model": device.get("model"),
            "os_version": system.get("version"),
            "app_version": as_object(context.get("app")).get("version"),
        }
        if advertising is not None:
            optional[advertising] = device.get("advertisingId")
        attributes |= {name: kept for name, value in optional.items() if (kept := id_text(value)) is not None}
        device_id = id_text(device.get("id"))
        element = {
            "type": "device",
            "customer_id": customer,
            "device_id": token if device_id is None else device_id,
            "attributes": attributes,
        }
        return payload(element, action="identifyUser", endpoint=BULK, lanes=(customer,), max_bytes=self._max_bytes)


def _both(first: Payload | Rejected, second: Payload | Rejected) -> Built:
    """Return two payloads together, or why they cannot both be sent: half of a record would look like all of it."""
    if isinstance(first, Payload) and isinstance(second, Payload):
        return first, second
    return first if isinstance(first, Rejected) else second


def read_boolean(value: Any, default: bool) -> bool:  # noqa: ANN401, FBT001 - any JSON value, and what to take instead
    """Return a value that Segment reads as a boolean, the default for anything else.

    Segment takes true and false, one and zero, and the words as text.
    """
    if value is True or value == "true" or (type(value) is int and value == 1):
        return True
    if value is False or value == "false" or (type(value) is int and value == 0):
        return False
    return default
