"""Default mappings: what `use_defaults` adds to the fields that a subscription names itself.

Source: contract of Segment, section 4.5. Segment's own runtime applies no defaults: its editor writes them into what it
stores, so they are added here only where a file asks for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from processor.destinations.base import Action
from processor.mapping import SubscriptionSettings
from processor.mapping.root import ROOT_DIRECTIVE


def completed(actions: Mapping[str, Action], subscription: SubscriptionSettings) -> SubscriptionSettings:
    """Return a subscription with the default mappings of its action for the fields that its mapping does not name.

    Itself where it does not ask for them, where nobody knows its action, and where a directive stands for its fields.
    A field that is named counts as named whatever it is mapped to: `null` keeps it out.
    """
    action = actions.get(subscription.action)
    if not subscription.use_defaults or action is None or stands_for_fields(subscription.mapping):
        return subscription
    added = {
        field.name: field.default
        for field in action.fields
        if field.default is not None and field.name not in subscription.mapping
    }
    return subscription.model_copy(update={"mapping": {**subscription.mapping, **added}})


def stands_for_fields(mapping: Mapping[str, Any]) -> bool:
    """Return whether a directive stands for the fields of a mapping or is given them, so that none can be added."""
    return any(key.startswith("@") or key == ROOT_DIRECTIVE for key in mapping)
