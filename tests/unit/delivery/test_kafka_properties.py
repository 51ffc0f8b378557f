"""Properties of the Kafka client that writes a destination's requests to a topic."""

from __future__ import annotations

from processor.delivery.kafka import producer_properties
from processor.destinations.target import Target, TargetSettings


def test_properties_keep_order_and_safety() -> None:
    """Whatever a file says; a careful client has a batch for each message and need not stop at a refusal."""
    target = Target(TargetSettings(topic="out"))
    given = {"bootstrap.servers": "b:1", "acks": "0"}
    properties = producer_properties(target, given, is_careful=False)
    assert properties["bootstrap.servers"] == "b:1"
    assert (properties["acks"], properties["enable.idempotence"], properties["message.timeout.ms"]) == ("all", True, 0)
    assert properties["enable.gapless.guarantee"]
    careful = producer_properties(target, given, is_careful=True)
    assert careful["batch.num.messages"] == 1
    assert "enable.gapless.guarantee" not in careful
