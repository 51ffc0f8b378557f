"""Mappings, triggers and filters: Segment's languages for which events become what.

Pure: no clock, no input or output.
"""

from __future__ import annotations

from processor.mapping.check import validate
from processor.mapping.directives.base import Problem
from processor.mapping.filters import FilterCondition, FilterError
from processor.mapping.subscriptions import (
    Subscription,
    Subscriptions,
    SubscriptionSettings,
    compile_subscriptions,
)
from processor.mapping.transform import compile_mapping, transform
from processor.mapping.triggers import Difference, Readings, Trigger, TriggerError, lint, readings
from processor.mapping.values import ABSENT

__all__ = [
    "ABSENT",
    "Difference",
    "FilterCondition",
    "FilterError",
    "Problem",
    "Readings",
    "Subscription",
    "SubscriptionSettings",
    "Subscriptions",
    "Trigger",
    "TriggerError",
    "compile_mapping",
    "compile_subscriptions",
    "lint",
    "readings",
    "transform",
    "validate",
]
