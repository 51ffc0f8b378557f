"""Another Kafka topic as a destination."""
