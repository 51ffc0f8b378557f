"""Asks Kafka what the settings need of it: topics, rights, limits, and keys. Nothing is written, no group is joined."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final

from processor.checking.findings import Findings, Place
from processor.checking.limits import (
    ASSUMED,
    compaction_warnings,
    letter_warnings,
    partition_notes,
    record_warnings,
    retention_warnings,
    size_retention_notes,
)
from processor.checking.sample import Sample
from processor.checking.users import UserReader
from processor.delivery.dead_letter_topic import topic_problems
from processor.errors import BrokerError, TransientError
from processor.settings import Settings
from processor.settings.access import Need, needs, said_of_group, said_of_topic, told
from processor.settings.fit import Finding
from processor.source import control_topic
from processor.source.clients import KafkaClients
from processor.source.cluster import Cluster
from processor.source.contact import CONTACT_TIMEOUT_S, require_contact
from processor.source.deadline import Deadline
from processor.source.newest import newest_records
from processor.source.partitions import Partition
from processor.source.rights import TopicView, cluster_operations, group_operations, topic_views
from processor.source.suppressed_topic import require_compacted
from processor.source.trouble import NOT_GRANTED

SAMPLE_COUNT: Final = 2_000
"""Newest records that are looked at, of all partitions together."""
PARTITION_SAMPLE_COUNT: Final = 200
_CREATE: Final = "CREATE"

Question = Callable[[], None]


def ask_kafka(settings: Settings, place: Place, outage_s: float, found: Findings, deadline: Deadline) -> None:
    """Add what Kafka says for and against the settings, each question on its own.

    Args:
        settings: All of a file's settings.
        place: Puts file, line and key before a text.
        outage_s: Seconds for which a vendor may be down without a loss.
        found: Where to add.
        deadline: Until when all of it must be answered; what is not is told as silent.

    Raises:
        ConfigError: The client refuses its properties.
    """
    _KafkaCheck(settings, place, outage_s, found, deadline).ask()


class _KafkaCheck:
    """One conversation with a cluster: later questions leave out what earlier answers have settled."""

    def __init__(self, settings: Settings, place: Place, outage_s: float, found: Findings, deadline: Deadline) -> None:
        self._settings = settings
        self._place = place
        self._outage_s = outage_s
        self._found = found
        self._deadline = deadline
        groups = [settings.group_id(name) for name in settings.destinations]
        self._clients = KafkaClients(settings.kafka, groups[0])
        self._cluster = Cluster(self._clients.admin())
        self._views: dict[str, TopicView] = {}
        self._configurations: dict[str, Mapping[str, str] | None] = {}
        self._readable = set(settings.kafka.topics)

    def ask(self) -> None:
        """Ask everything, if a broker answers at all."""
        timeout_s = min(CONTACT_TIMEOUT_S, self._deadline.left_s)
        if not self._asked("contact", partial(require_contact, self._settings.kafka, timeout_s)):
            return
        if not self._asked("topics and rights on them", self._ask_topics):
            return
        self._asked("compaction", self._ask_compaction)
        self._asked("dead-letter topic", self._ask_letter_topic)
        for name in self._settings.destinations:
            self._asked(f"rights of {name}'s group", partial(self._ask_group, name))
        self._asked("limits of topics", self._ask_limits)
        self._asked("keys of the newest records", self._ask_records)

    def _asked(self, what: str, question: Question) -> bool:
        """Return whether a question was answered; what was not, or must not be asked, is told."""
        if self._deadline.is_over:
            self._found.silent.append(f"Kafka: {what}: not asked, time is up")
            return False
        try:
            question()
        except BrokerError as error:
            if error.code in NOT_GRANTED:
                self._found.notes.append(f"Kafka: {what}: cannot be told without more rights: {error}")
            else:
                self._found.silent.append(f"Kafka: {error}")
            return False
        return True

    def _ask_topics(self) -> None:
        wanted = list(needs(self._settings))
        admin = self._cluster.admin
        self._views = topic_views(admin, (need.topic for need in wanted), self._deadline)
        for need in wanted:
            view = self._views[need.topic]
            if view.is_missing and need.is_made:
                self._ask_creation(need)
            for text in said_of_topic(need, view):
                self._found.problems.append(self._place(need.path, text))
                self._readable.discard(need.topic)
        if all(view.operations is None for view in self._views.values() if not view.is_missing):
            self._found.notes.append("Kafka: the broker does not tell what is granted")
        counts = {topic: self._views[topic].partition_count for topic in self._settings.kafka.topics}
        known = {topic: count for topic, count in counts.items() if count is not None}
        self._found.notes.extend(self._place(("kafka", "topics"), text) for text in partition_notes(known))

    def _ask_creation(self, need: Need) -> None:
        """Say that a topic that the bridge makes itself may not be made, as far as that can be told.

        Of a topic that is not there the broker tells no rights, so those that it will need are named.
        """
        granted = cluster_operations(self._cluster.admin, self._deadline)
        if granted is not None and _CREATE in granted:
            return
        said = self._found.notes if granted is None else self._found.warnings
        text = (
            f"{need.called} {need.topic} does not exist yet, and whether it may be made and used cannot be told: "
            f"make it with cleanup.policy=compact, or grant Create on it, beside {told(need.operations)}"
        )
        said.append(self._place(need.path, text))

    def _ask_group(self, name: str) -> None:
        group_id = self._settings.group_id(name)
        granted = group_operations(self._cluster.admin, group_id, self._deadline)
        for text in said_of_group(group_id, granted):
            self._readable.clear()  # the reader of samples belongs to a group as well, although it joins none
            self._found.problems.append(self._place(("destinations", name), text))

    def _ask_compaction(self) -> None:
        for path, text in self._compaction_problems():
            self._found.problems.append(self._place(path, text))

    def _compaction_problems(self) -> Iterator[Finding]:
        """Yield what keeps topics from listing suppressed users, and the control topic, once there is one, from use."""
        control, path = self._settings.kafka.control_topic, ("kafka", "control_topic")
        if self._is_looked_into(control, path):
            yield from self._refusal(path, partial(control_topic.require_compacted, self._cluster, control))
        for name, own in self._settings.destinations.items():
            topic = None if own.suppressed_users is None else own.suppressed_users.topic
            users = ("destinations", name, "suppressed_users", "topic")
            if topic is not None and (self._views[topic].is_missing or self._is_looked_into(topic, users)):
                yield from self._refusal(users, partial(require_compacted, self._cluster, topic))

    def _is_looked_into(self, topic: str, path: tuple[str, ...]) -> bool:
        """Return whether a topic is there and shows its configuration; what it does not show is told."""
        return self._views[topic].partition_count is not None and self._shown_configuration(topic, path) is not None

    def _refusal(self, path: tuple[str, ...], require: Callable[[Deadline], object]) -> Iterator[Finding]:
        """Yield what a question to the cluster says that only somebody's act changes; no answer is raised."""
        try:
            require(self._deadline)
        except BrokerError as error:
            if not error.fatal or error.code in NOT_GRANTED:
                raise
            yield path, str(error)

    def _ask_letter_topic(self) -> None:
        letters = self._settings.dead_letters.topic
        view = self._views[letters]
        if view.is_hidden or (not view.is_missing and self._configuration(letters) is None):
            return  # the question for limits tells what may not be seen
        sources = [topic for topic in self._shown_sources() if self._configuration(topic) is not None]
        for problem in topic_problems(self._cluster.admin, letters, sources, self._deadline.request_s):
            said = self._place(("dead_letters", "topic"), problem.message)
            (self._found.problems if problem.severity == "error" else self._found.warnings).append(said)

    def _shown_sources(self) -> list[str]:
        """Return the topics of events that may be seen and are there."""
        return [topic for topic in self._settings.kafka.topics if self._views[topic].partition_count is not None]

    def _configuration(self, topic: str) -> Mapping[str, str] | None:
        """Return the configuration of a topic that exists, None where it may not be seen; asked for once."""
        if topic not in self._configurations:
            self._configurations[topic] = self._cluster.configuration(topic, self._deadline)
        return self._configurations[topic]

    def _shown_configuration(self, topic: str, path: tuple[str, ...]) -> Mapping[str, str] | None:
        """Return the configuration of a topic that exists; that it may not be seen is told."""
        configuration = self._configuration(topic)
        if configuration is None:
            text = f"topic {topic} does not show its configuration, so what it keeps cannot be told"
            self._found.notes.append(self._place(path, f"{text}: grant DescribeConfigs on it"))
            return None
        if untold := sorted(ASSUMED.keys() - configuration.keys()):
            text = (
                f"the broker does not tell {', '.join(untold)} of topic {topic}: what depends on it was not looked at"
            )
            self._found.notes.append(self._place(path, text))
        return {**ASSUMED, **configuration}

    def _ask_limits(self) -> None:
        letters = self._settings.dead_letters
        if self._views[letters.topic].partition_count is not None:
            self._ask_limits_of(letters.topic, ("dead_letters", "topic"), is_source=False)
        for topic in self._shown_sources():
            self._ask_limits_of(topic, ("kafka", "topics"), is_source=True)

    def _ask_limits_of(self, topic: str, path: tuple[str, ...], *, is_source: bool) -> None:
        configuration = self._shown_configuration(topic, path)
        if configuration is None:
            return
        warned: list[Finding] = [(path, text) for text in retention_warnings(topic, configuration, self._outage_s)]
        noted = [(path, text) for text in size_retention_notes(topic, configuration)]
        if is_source:
            warned += [(path, text) for text in compaction_warnings(topic, configuration)]
            limit = self._settings.dead_letters.max_message_bytes
            own = ("dead_letters", "max_message_bytes")
            warned += [(own, text) for text in letter_warnings(topic, configuration, limit)]
            for name, destination in self._settings.destinations.items():
                place = ("destinations", name, "decode", "max_record_bytes")
                largest = destination.decode.max_record_bytes
                warned += [(place, text) for text in record_warnings(topic, configuration, largest)]
        self._found.warnings.extend(self._place(*each) for each in warned)
        self._found.notes.extend(self._place(*each) for each in noted)

    def _ask_records(self) -> None:
        """Sample the newest records of topics with several partitions: with one, order needs no key."""
        partitions: list[Partition] = [
            (topic, number)
            for topic in self._shown_sources()
            if topic in self._readable and (self._views[topic].partition_count or 0) > 1
            for number in range(self._views[topic].partition_count or 0)
        ]
        if not partitions:
            return
        samples = {topic: Sample(topic) for topic, _ in partitions}
        own = next(iter(self._settings.destinations.values()))
        reader = UserReader(own.decode, own.event_path)
        count = max(1, min(PARTITION_SAMPLE_COUNT, SAMPLE_COUNT // len(partitions)))
        try:
            for record in newest_records(self._clients, self._cluster, partitions, count, self._deadline):
                samples[record.topic].add(record, reader.users(record))
        except TransientError as error:
            self._found.notes.append(f"Kafka: whose events lie where cannot be told: {error.safe}")
        finally:
            for sample in samples.values():
                self._found.warnings.extend(self._place(("kafka", "topics"), text) for text in sample.warnings())
