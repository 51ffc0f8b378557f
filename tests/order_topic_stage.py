"""A follower of orders on a Kafka in memory, for tests of what it hears and of what it says."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from processor.source.cluster import Cluster
from processor.source.control_topic import ControlTopic
from processor.source.order_topic import LOOK_S, OrderTopic, Own
from processor.source.orders import GIVEN, OBEYED, ORDER, Obeyed, Order, Said, Wanted, encode_key
from tests.fake_clients import FakeClients
from tests.fake_kafka import CONTROL, FakeKafka, FakeTopic

PAUSE = Order("o1", Wanted.PAUSED, "ann", 1_000)
RESUME = Order("o2", Wanted.RUNNING, "bob", 2_000)
OBEYED_PAUSE = Obeyed("o1", "member-1", "host", 7, 1_500, ("t:0",))
SAID: Own = {(OBEYED, "p1"): OBEYED_PAUSE}


class Stage:
    """A follower of group g, its cluster, and a clock that the test turns."""

    def __init__(self, *, exists: bool = True) -> None:
        """Begin at second zero; the control topic is there unless told."""
        self.kafka = FakeKafka()
        if exists:
            self.make("first")
        self.now_s = 0.0
        self.listen(lambda: None)

    def listen(self, contact: Callable[[], None]) -> None:
        """Begin to follow the topic; `contact` says why no broker can be used."""
        clients = FakeClients(self.kafka)
        cluster = Cluster(clients.admin())
        control = ControlTopic(CONTROL, "g", cluster, clients.reader, clients.producer)
        self.topic = OrderTopic("g", control, cluster, clients.reader, lambda: self.now_s, contact=contact)

    def make(self, topic_id: str) -> None:
        """Make the control topic, empty."""
        self.kafka.topics[CONTROL] = FakeTopic(topic_id, [0], [0])
        self.kafka.control.clear()

    def write(self, said: Said | None, name: str = GIVEN, kind: str = ORDER, group: str = "g") -> None:
        """Write a record, as an operator or another process does."""
        value = None if said is None else msgspec.json.encode(said)
        self.kafka.control.append((encode_key(group, kind, name), value))

    def turns(self, count: int = 10) -> list[object]:
        """Return what is heard in so many turns."""
        return [news for _ in range(count) for news in self.topic.turn()]

    def later(self, seconds: float = LOOK_S) -> list[object]:
        """Return what is heard after a while."""
        self.now_s += seconds
        return self.turns()

    def records(self) -> dict[bytes | None, bytes | None]:
        """Return the last record of each key."""
        return dict(self.kafka.control)
