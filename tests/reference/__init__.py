"""What the vendors should know of a run of events, written down a second time, and events for such runs."""
