"""segment-bridge: Segment events from Kafka to customer-engagement vendors, at least once."""

__version__ = "0.1.0"
