"""MoEngage: users and events in cloud mode."""

from processor.destinations.moengage.keys import KeyCase, key_case

__all__ = ["KeyCase", "key_case"]
