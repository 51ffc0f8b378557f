"""Moesif: custom actions, user updates and company updates of the Collector API."""
