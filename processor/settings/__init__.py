"""The whole configuration: one YAML file, as frozen models that are right or refused as a whole."""

from __future__ import annotations

from processor.settings.destination import DestinationSettings
from processor.settings.from_file import load_configuration
from processor.settings.root import Settings, load_settings, load_without_secrets, settings_model
from processor.settings.schema import json_schema

__all__ = [
    "DestinationSettings",
    "Settings",
    "json_schema",
    "load_configuration",
    "load_settings",
    "load_without_secrets",
    "settings_model",
]
