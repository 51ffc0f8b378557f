"""The consumer thread: the one thread that makes every call on the Kafka consumer.

A second thread could block for ever in `store_offsets` or `commit` behind a reading one. So the pipeline only leaves
wishes here, none of which waits, and the thread looks at them in every turn.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping

from confluent_kafka import KafkaException

from processor.errors import InvariantError, ProcessorError
from processor.source.clients import Clients, KafkaClients
from processor.source.commands import Commands
from processor.source.listener import Listener
from processor.source.membership import Membership
from processor.source.partitions import Partition
from processor.source.session import Figures, Session
from processor.source.settings import GroupSettings, KafkaSettings
from processor.source.trouble import broker_error
from processor.source.window import Window


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


class ConsumerThread:
    """Reads one destination's topics as a member of its group. Every method may be called from any thread."""

    def __init__(
        self,
        kafka: KafkaSettings,
        group: GroupSettings,
        window: Window,
        listener: Listener,
        *,
        clients: Clients | None = None,
        clock: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = _wall_ms,
    ) -> None:
        """Start nothing yet.

        Args:
            kafka: The cluster, the topics and how the consumer behaves.
            group: The group, and where it starts.
            window: Shared with the pipeline, which settles what this thread adds.
            listener: Called on this thread.
            clients: Makes the Kafka clients; the real ones unless given.
            clock: Monotonic seconds.
            now_ms: Wall-clock milliseconds, written down beside a founding.
        """
        self._kafka = kafka
        self._group = group
        self._window = window
        self._listener = listener
        self._clients: Clients = KafkaClients(kafka, group.group_id) if clients is None else clients
        self._clock = clock
        self._now_ms = now_ms
        self._commands = Commands()
        self.session: Session | None = None
        """For a look from outside only: everything in it belongs to the thread."""
        self._turned_s: float | None = None
        self._stop = threading.Event()
        self._drain = True
        self._thread = threading.Thread(target=self._run, name=f"source-{group.destination}", daemon=True)

    def start(self) -> None:
        """Join the group and begin to read, on the thread."""
        self._thread.start()

    def store(self, offsets: Mapping[Partition, int]) -> None:
        """Have offsets committed soon: for each partition the next offset to read. Never waits."""
        self._commands.store(offsets)

    def hold(self, is_held: bool) -> None:  # noqa: FBT001 - the one thing that it says
        """Have everything paused, or go on. Never waits."""
        self._commands.hold(is_held=is_held)

    def block(self, partitions: Iterable[Partition]) -> None:
        """Have exactly these partitions paused beside whatever else is. Never waits."""
        self._commands.block(partitions)

    def stop(self, drain: bool = True) -> None:  # noqa: FBT001, FBT002 - the one thing that it says
        """Have the group left, with `revoked` called once and its offsets committed; without that if not `drain`."""
        self._drain = drain
        self._stop.set()
        self._commands.wake()

    def join(self, timeout_s: float | None = None) -> bool:
        """Return whether the thread has ended or was never started, after waiting for that."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def figures(self) -> Figures:
        """Return what the thread counts for metrics."""
        session = self.session
        return Figures() if session is None else session.figures()

    @property
    def is_at_rest(self) -> bool:
        """Say whether nothing is read since `hold`, and everything that was read before it is handed over."""
        return self._commands.is_at_rest

    @property
    def member_id(self) -> str:
        """Return by which name the brokers know this process in its group, empty while it is in none."""
        return "" if self.session is None else self.session.member_id

    @property
    def is_alive(self) -> bool:
        """Say whether the thread runs."""
        return self._thread.is_alive()

    @property
    def turn_age_s(self) -> float | None:
        """Return how long ago the thread began its present turn; None before the first."""
        turned_s = self._turned_s
        return None if turned_s is None else self._clock() - turned_s

    @property
    def membership(self) -> Membership:
        """Return where the process stands in its group."""
        session = self.session
        return Membership() if session is None else session.assignment.membership

    def _run(self) -> None:
        failure: ProcessorError | None = None
        try:
            self._turned_s = self._clock()
            self.session = session = self._session()
            while not self._stop.is_set():
                self._turned_s = self._clock()
                session.turn()
            session.close(drain=self._drain)
        except Exception as error:  # noqa: BLE001 - the thread's outermost frame: whatever it is, the process must stop
            failure = _failure(error)
        if failure is not None:
            self._fail(self.session, failure)

    def _session(self) -> Session:
        return Session(
            self._kafka,
            self._group,
            self._window,
            self._listener,
            self._commands,
            self._clients,
            clock=self._clock,
            now_ms=self._now_ms,
        )

    def _fail(self, session: Session | None, failure: ProcessorError) -> None:
        """Tell why first, then leave the group without storing anything."""
        self._listener.failed(failure)
        if session is None:
            return
        try:
            session.close(drain=False)
        except Exception as error:  # noqa: BLE001 - the failure that matters has been told
            failure.add_note(f"and the consumer could not be closed: {error}")


def _failure(error: Exception) -> ProcessorError:
    """Return the error as this program's: what nobody foresaw is a contradiction, and nothing may be committed."""
    if isinstance(error, ProcessorError):
        return error
    if isinstance(error, KafkaException):
        return broker_error(error, "Kafka client")
    found = InvariantError(f"the consumer thread failed: {error!r}", safe=f"consumer thread: {type(error).__name__}")
    found.__cause__ = error
    return found
