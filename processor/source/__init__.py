"""Kafka in: the consumer thread, where a group starts, and the decoding of records into events."""
