"""Triggers: which events become which action, in the language of Segment's destinations."""

from __future__ import annotations

from processor.mapping.triggers.errors import TriggerError
from processor.mapping.triggers.lint import Difference, lint
from processor.mapping.triggers.readings import Readings, readings
from processor.mapping.triggers.trigger import Trigger

__all__ = ["Difference", "Readings", "Trigger", "TriggerError", "lint", "readings"]
