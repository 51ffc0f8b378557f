"""Moveo One: one endpoint that takes Segment's own six calls, reduced."""
