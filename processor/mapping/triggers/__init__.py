"""Triggers: which events become which action, in the language of Segment's destinations."""

from __future__ import annotations

from processor.mapping.triggers.errors import TriggerError
from processor.mapping.triggers.trigger import Trigger

__all__ = ["Trigger", "TriggerError"]
