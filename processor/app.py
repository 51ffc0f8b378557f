"""The composition root: settings in, running parts out, started and stopped in order."""

from __future__ import annotations

import asyncio
import gc
import logging
from functools import partial

from processor import __version__
from processor.building import build_plan, listed_users
from processor.config.problems import path_text
from processor.delivery.dead_letters import DeadLetters
from processor.delivery.dispatcher import Dispatcher
from processor.delivery.gate import GateState
from processor.delivery.http import HttpClient
from processor.delivery.kafka import KafkaTransport
from processor.delivery.schedule import effective_endpoints, effective_settings, window_count
from processor.delivery.settings import DeliverySettings
from processor.destinations.base import Destination
from processor.errors import BrokerError, InvariantError, ProcessorError
from processor.operations.channel import inherited
from processor.operations.clock import SystemClock
from processor.operations.exchanges import LoggedTransport
from processor.operations.exposure import expose
from processor.operations.health import turns
from processor.operations.signals import exit_code, reload_signal, stop_signals
from processor.operations.status import StatusReport
from processor.operations.tally import Tally
from processor.operations.trace_board import Board
from processor.operations.tracing_switch import tracing
from processor.pipeline.control import Control
from processor.pipeline.ledger import Ledger
from processor.pipeline.pipeline import Pipeline
from processor.pipeline.ports import PipelineSettings
from processor.pipeline.reading import Reading
from processor.pipeline.report import Marks, status_report
from processor.pipeline.samples import Samples
from processor.pipeline.suppression import USERS_UNREAD, Suppression
from processor.pipeline.traces import Traces
from processor.pipeline.watch import Watch
from processor.reloading import Origin, Ready, Reloader
from processor.settings import DestinationSettings, Settings
from processor.settings.access import lacking
from processor.settings.doubts import doubts
from processor.settings.fingerprint import config_hash
from processor.source.access_watch import AccessWatch
from processor.source.clients import KafkaClients, MakeClients
from processor.source.cluster import Cluster
from processor.source.consumer import ConsumerThread
from processor.source.contact import require_contact
from processor.source.control_topic import ControlTopic
from processor.source.decode import Decoder
from processor.source.first_records import FirstRecords
from processor.source.group_offsets import GroupOffsets
from processor.source.order_topic import OrderTopic
from processor.source.properties import client_properties, target_cluster
from processor.source.settings import GroupSettings
from processor.source.trouble import NOT_GRANTED
from processor.source.window import Window

log = logging.getLogger(__name__)

EXIT_OK = 0
EXIT_FAILURE = 1
CLOSE_SLACK_S = 10.0
"""What leaving the group and closing clients may take beyond the drain budget."""
COLLECTOR_THRESHOLD = 20_000
"""Objects that are made before the garbage collector looks at the youngest."""


def run(
    settings: Settings, name: str, *, make_clients: MakeClients = KafkaClients, origin: Origin | None = None
) -> int:
    """Run one destination until it is told to stop or cannot go on; return the exit code.

    With `origin`, the file that the settings came from, they can be loaded again while it runs.
    """
    bridge = Bridge(settings, name, make_clients, origin)
    _spare_collector()
    return asyncio.run(bridge.run())


def _spare_collector() -> None:
    """Let the garbage collector look at less, less often.

    Events become trees of dictionaries that reference counting frees; a collection every few hundred of them finds
    nothing, and a full one walks every module that was imported.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECTOR_THRESHOLD, 20, 50)


class Bridge:
    """One destination's parts. Made and run on the event loop of its process."""

    def __init__(
        self,
        settings: Settings,
        name: str,
        make_clients: MakeClients = KafkaClients,
        origin: Origin | None = None,
    ) -> None:
        """Compile what can be compiled without a loop."""
        self._settings = settings
        self._name = name
        self._own = settings.destinations[name]
        self._clients = make_clients(settings.kafka, settings.group_id(name))
        self._suppression = Suppression(listed_users(self._own, self._clients))
        self.destination, self._plan = build_plan(name, self._own, self._suppression.users)
        self._stop_requested = asyncio.Event()
        self._marks = Marks()
        self._board = Board()
        self._is_stopping = False
        self._config_hash = config_hash(settings, self._own)
        self._reloader = Reloader(origin, settings, name, build_plan, SystemClock().wall_ms)

    def stop(self) -> None:
        """Ask for an orderly end."""
        self._stop_requested.set()

    def _running(self) -> Ready:
        """Return what of the settings can be exchanged, as it is in force."""
        return Ready(self._own, self._plan, self._suppression.users)

    def _take_over(self, ready: Ready) -> None:
        """From now on records are mapped and sent as the changed settings say; those that are mapped already stay."""
        self._own, self._plan, self._suppression.users = ready
        self._config_hash = config_hash(self._settings, self._own)
        self.pipeline.use(ready.plan, ready.own.delivery.rate_limit)
        _warn(ready.own, ready.plan.destination)

    async def run(self) -> int:
        """Run until told to stop; return the exit code."""
        self._connect()
        with reload_signal(self._reloader.ask), stop_signals(self.stop, at_once=True) as seen:
            page = expose(
                self._name,
                self.report,
                self._settings.operations.page,
                on_orphaned=self.stop,
                link=inherited(),
                board=self._board,
            )
            spans = tracing(self._settings.operations.tracing, self._name, self._own.mask)
            try:
                async with page, spans as self.pipeline.dispatcher.watch:
                    code = await self._serve()
            except OSError as error:
                log.error("%s", error.strerror or error)  # noqa: TRY400 - what and where are in the text
                code = EXIT_FAILURE
            return exit_code(code, seen)

    def _connect(self) -> None:
        """Make the parts and bring them together; nothing talks to anybody yet."""
        own, settings = self._own, self._settings
        delivery = effective_settings(self.destination, own.delivery)
        loop = asyncio.get_running_loop()
        clock = SystemClock()
        drain_s = delivery.drain_ms / 1000
        endpoints = effective_endpoints(self.destination, delivery)
        window = Window(window_count(delivery, endpoints), delivery.max_window_bytes)
        decoder = Decoder(own.decode, own.event_path)
        self.pipeline = Pipeline(
            PipelineSettings(self._name, __version__, drain_s, is_delivering=own.deliver),
            self._plan,
            decoder,
            Ledger(Tally(), window),
            window,
            clock,
        )
        self._transport = self._transport_of(delivery)
        logged = LoggedTransport(self._transport, own.mask) if self.destination.is_debugging else self._transport
        dispatcher = Dispatcher(self.destination, delivery, logged, self.pipeline, clock)
        group = GroupSettings(
            destination=self._name,
            group_id=settings.group_id(self._name),
            start=own.start,
            on_expired=own.on_expired,
        )
        clients = self._clients
        reading = Reading(self.pipeline, loop, drain_s)
        self._consumer = ConsumerThread(settings.kafka, group, window, reading, clients=clients)
        self._dead_letters = DeadLetters(
            settings.dead_letters,
            {"client.id": f"{group.group_id}.dead-letters", **client_properties(settings.kafka)},
            mask=own.mask,
            on_state=self.pipeline.letters_writable,
            on_crash=self.pipeline.fail,
        )
        offsets = GroupOffsets(group.group_id, clients.reader)
        cluster = Cluster(clients.admin())
        part = settings.model_copy(update={"destinations": {self._name: own}})
        self._access = AccessWatch(partial(lacking, part, cluster.admin), partial(require_contact, settings.kafka))
        self._watch = Watch(
            cluster,
            offsets,
            settings.kafka.topics,
            self.pipeline,
            self._marks,
            first_records=FirstRecords(clients.reader),
            letters_topic=settings.dead_letters.topic,
        )
        self.pipeline.connect(dispatcher, self._dead_letters, self._consumer)
        self._samples = Samples(lambda: not dispatcher.is_idle and dispatcher.state() is GateState.THROTTLED)
        self._traces = Traces(self._name, self.pipeline, decoder, self._board, self._marks)
        self._control = Control(self._name, self.pipeline, window, self._consumer, self._marks, self._orders(cluster))

    def _orders(self, cluster: Cluster) -> OrderTopic:
        """Return the orders of this destination's group."""
        clients, group_id = self._clients, self._settings.group_id(self._name)
        topic = self._settings.kafka.control_topic
        control = ControlTopic(topic, group_id, cluster, clients.reader, clients.producer)
        contact = partial(require_contact, self._settings.kafka)
        return OrderTopic(group_id, control, cluster, clients.reader, contact=contact)

    def _transport_of(self, delivery: DeliverySettings) -> HttpClient | KafkaTransport:
        """Return what carries the requests of this destination: its topic's client, or HTTP."""
        target = self.destination.target
        if target is None:
            return HttpClient(delivery.http, delivery.max_in_flight)
        cluster = target_cluster(self._settings.kafka, target.settings)
        client_id = f"{self._settings.group_id(self._name)}.topic"
        return KafkaTransport(target, lambda: {"client.id": client_id, **client_properties(cluster)})

    async def _serve(self) -> int:
        """Start everything, wait for the end, stop everything in order; return the exit code."""
        self._dead_letters.start()
        self._access.start()
        work = asyncio.create_task(self.pipeline.run(), name="pipeline")
        watch = asyncio.create_task(self._watch.run(), name="watch")
        watch.add_done_callback(partial(_note_end, "lag is not watched any more"))
        samples = asyncio.create_task(self._samples.run(), name="samples")
        samples.add_done_callback(partial(_note_end, "the event loop is not watched any more"))
        users = asyncio.create_task(self._suppression.run(), name="suppressed-users")
        users.add_done_callback(self._users_ended)
        stop = asyncio.create_task(self._stop_requested.wait(), name="stop")
        log.info("destination %s starts (%s, mapping %s)", self._name, self._own.type, self._plan.hash)
        _warn(self._own, self.destination)
        control = asyncio.create_task(self._control.run(), name="orders")
        control.add_done_callback(self._control_ended)
        known = asyncio.create_task(self._all_known(), name="all-known")
        follow = asyncio.create_task(self._reloader.run(self._running, self._take_over), name="reload")
        follow.add_done_callback(partial(_note_end, "changed settings are not looked at any more"))
        try:
            await asyncio.wait({work, stop, known}, return_when=asyncio.FIRST_COMPLETED)
            if known.done():
                self._consumer.start()
                await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
            self._is_stopping = True
            self._control.end()
            return await self._end()
        finally:
            tasks = (work, watch, samples, users, stop, control, known, follow)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _all_known(self) -> None:
        """Return when it is known what must be before the first event is read: who is suppressed, what was ordered."""
        await self._suppression.is_loaded.wait()
        await self._control.is_loaded.wait()

    def _control_ended(self, control: asyncio.Task[None]) -> None:
        """Go on as ordered last after a bug in hearing orders; without knowing of any, read nothing at all."""
        error = None if control.cancelled() else control.exception()
        if error is not None and not self._control.is_loaded.is_set():
            self.pipeline.fail(error)
        else:
            _note_end("orders of operators are not heard any more", control)

    def _users_ended(self, users: asyncio.Task[None]) -> None:
        """End the destination when its list cannot be used or followed by a bug: nobody knows who may not be sent."""
        error = None if users.cancelled() else users.exception()
        if isinstance(error, ProcessorError):
            self.pipeline.fail(error)
        else:
            _note_end("the file of suppressed users is not watched any more", users)

    async def _end(self) -> int:
        """Stop in order: reading, sending, the group, dead letters, connections. Return the exit code."""
        drain_s = self._own.delivery.drain_ms / 1000
        pipeline = self.pipeline
        self._access.stop()
        if isinstance(pipeline.failure, BrokerError) and pipeline.failure.code in NOT_GRANTED:
            await asyncio.to_thread(self._access.look)  # says which right it is
        if pipeline.failure is None:
            log.info("destination %s stops: sending what waits, at most %.0f s", self._name, drain_s)
            await pipeline.stop()
        self._consumer.stop(pipeline.failure is None)
        has_left = await asyncio.to_thread(self._consumer.join, drain_s + CLOSE_SLACK_S)
        await pipeline.dispatcher.close()
        unwritten_count = await self._close_letters()
        await self._transport.aclose()
        self._board.close()
        if not has_left:
            log.error("the consumer thread did not end in time")
        return self._exit_code(is_clean=has_left and not unwritten_count)

    async def _close_letters(self) -> int:
        """Return how many dead letters were not written in time."""
        try:
            unwritten = await self._dead_letters.close(CLOSE_SLACK_S / 2)
        except InvariantError:
            log.exception("the writer of dead letters ended by a bug")
            return 1
        if unwritten:
            log.error("dead letters not written in time: %d; their records are left to the next owner", unwritten)
        return unwritten

    def _exit_code(self, *, is_clean: bool) -> int:
        """Say how it ended. A failure counts also when it came while stopping."""
        failure = self.pipeline.failure
        if failure is None:
            log.info("destination %s has stopped", self._name)
            return EXIT_OK if is_clean else EXIT_FAILURE
        if isinstance(failure, InvariantError) or not isinstance(failure, ProcessorError):
            log.error("destination %s stops by a bug; nothing further was committed", self._name, exc_info=failure)
        else:
            log.error("destination %s cannot go on: %s", self._name, failure)
        return EXIT_FAILURE

    def report(self) -> StatusReport:
        """Return the status of the destination at this moment."""
        report = status_report(
            self.pipeline,
            self._name,
            self._own.type,
            self._plan.hash,
            self._marks,
            self._consumer.membership,
            is_stopping=self._is_stopping,
        )
        figures = self._consumer.figures()
        report |= {
            "group": self._settings.group_id(self._name),
            "config_hash": self._config_hash,
            "throttle_wait_s": self._samples.throttle_wait_s,
            "dead_letter_failures": self._dead_letters.failure_counts,
            "rebalances": dict(figures.rebalances),
            "commit_failures": dict(figures.commit_failures),
        }
        report["gauges"] |= {
            "paused_partitions": figures.paused_count,
            "event_loop_delay_s": self._samples.event_loop_delay_s,
        }
        age_s = self._consumer.turn_age_s
        report["loops"] = {"poll_age_s": age_s}
        report["alive"] = self._is_stopping or turns(age_s, self._settings.kafka.consumer.max_poll_interval_ms / 1000)
        report["gauges"] |= {**self._suppression.gauges(), **self._plan.destination.gauges()}
        report = self._control.added_to(report)
        if report["state"] == "starting" and not self._suppression.is_loaded.is_set():
            report["reason"] = USERS_UNREAD
        return self._reloader.added_to(report)


def _warn(own: DestinationSettings, destination: Destination) -> None:
    """Say what about settings that can be used is likely not meant so."""
    for path, text in doubts(own, destination):
        log.warning("%s: %s", path_text(path), text)


def _note_end(what: str, watch: asyncio.Task[None]) -> None:
    """Say what is not known any more, should a watch end by a bug; deliveries go on without it."""
    if not watch.cancelled() and (error := watch.exception()) is not None:
        log.error("%s", what, exc_info=error)
