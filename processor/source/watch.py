"""Looks at the configured topics again and again, without ever waiting for the answer."""

from __future__ import annotations

from collections.abc import Iterable

from processor.source.cluster import Cluster, TopicQuestion, TopicState
from processor.source.deadline import Deadline


class TopicWatch:
    """Asks for the topics' ids and partition counts once in each interval, the first time at once."""

    def __init__(self, cluster: Cluster, topics: Iterable[str], interval_s: float) -> None:
        """Ask nothing yet."""
        self._cluster = cluster
        self._topics = tuple(topics)
        self._interval_s = interval_s
        self._question: TopicQuestion | None = None
        self._due_s: float | None = None

    def turn(self, now_s: float) -> dict[str, TopicState | None]:
        """Return the topics' states if an answer has come since the last turn, None for a topic that does not exist.

        Raises:
            BrokerError: The answer was an error; the next interval asks again.
        """
        if self._question is None:
            if self._due_s is None or now_s >= self._due_s:
                self._due_s = now_s + self._interval_s
                self._question = self._cluster.ask_topics(self._topics, self._interval_s)
            return {}
        if not self._question.is_answered:
            return {}
        question, self._question = self._question, None
        return question.states(Deadline.after(0))
