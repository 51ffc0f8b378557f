"""Which batch goes next: lanes, ready queues, and the batches that wait to be sent again.

A decider: time comes in, batches come out. It knows nothing of requests; the dispatcher starts them and brings the
batches back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Mapping
from dataclasses import replace
from heapq import heappop, heappush
from types import MappingProxyType
from typing import Final

from processor.delivery.batches import Batch
from processor.delivery.dedupe import DedupeWindow
from processor.delivery.lanes import LaneBook
from processor.delivery.learned_size import LearnedSize
from processor.delivery.offsets import Key
from processor.delivery.parcel import Parcel
from processor.delivery.settings import DeliverySettings
from processor.destinations.base import Destination, Endpoint

WINDOW_PER_SLOT = 4
"""Default window: so many full batches for each request in flight."""
HURRIED_WAIT_MS = 100
"""Longest wait for a batch to fill while the window is the bound: what waits keeps other records from being read."""
LANE_SHARE = 4
"""One lane may hold this part of the window: a quarter."""
MIN_WAITING_WORTH = 2.0
"""So many full batches may wait to be sent again however few slots there are: one that always fails stops no others."""

_UNLIMITED: Final[Mapping[str, float]] = MappingProxyType({})


def effective_endpoints(destination: Destination, settings: DeliverySettings) -> dict[str, Endpoint]:
    """Return the destination's endpoints, the lower rank first, with the limits that settings override."""
    endpoints = {}
    for endpoint in sorted(destination.endpoints.values(), key=lambda one: one.rank):
        limits = settings.endpoints.get(endpoint.name)
        changes = {} if limits is None else limits.model_dump(exclude_none=True)
        endpoints[endpoint.name] = replace(endpoint, **changes)
    return endpoints


def effective_settings(destination: Destination, settings: DeliverySettings) -> DeliverySettings:
    """Return settings with what the destination's own say of them; what stands in the settings themselves is kept."""
    said = {
        key: value
        for key, value in destination.delivery_limits.items()
        if value is not None and key not in settings.model_fields_set
    }
    return settings.model_copy(update=said) if said else settings


def window_count(settings: DeliverySettings, endpoints: Mapping[str, Endpoint]) -> int:
    """Return the most records between the committable offset and the highest read one."""
    if settings.max_window_count is not None:
        return settings.max_window_count
    largest = max(endpoint.max_batch_count for endpoint in endpoints.values())
    return WINDOW_PER_SLOT * settings.max_in_flight * largest


class Schedule:
    """Everything of one destination that waits: in lanes, to be sent again now, or asleep until a time."""

    def __init__(self, endpoints: Mapping[str, Endpoint], settings: DeliverySettings) -> None:
        """Serve these endpoints, in this order where several are due."""
        self.endpoints = endpoints
        self.dedupe = DedupeWindow(max_age_s=settings.dedupe_window_s, max_count=settings.dedupe_window_count)
        max_lane_count = max(1, window_count(settings, endpoints) // LANE_SHARE)
        books = {
            scope: LaneBook(
                [endpoint for endpoint in endpoints.values() if endpoint.scope == scope],
                max_lane_count=max_lane_count,
                dedupe=self.dedupe,
            )
            for scope in {endpoint.scope for endpoint in endpoints.values()}
        }
        self._books = {name: books[endpoint.scope] for name, endpoint in endpoints.items()}
        self._unique_books = list(books.values())
        self._sizes = {name: LearnedSize(endpoint.max_body_bytes) for name, endpoint in endpoints.items()}
        self._asleep: list[tuple[float, int, Batch]] = []
        self._again: list[Batch] = []
        self._max_in_flight = settings.max_in_flight
        self._max_waiting_worth = max(MIN_WAITING_WORTH, settings.max_in_flight / 2)
        self._waiting_worth = 0.0
        self.is_flushing = False
        self.is_hurried = False

    def add(self, parcel: Parcel) -> None:
        """Queue a parcel behind everything that waits in its lanes."""
        self._books[parcel.payload.endpoint].add(parcel)

    @property
    def is_empty(self) -> bool:
        """Return whether nothing waits and no lane is busy."""
        return not self._asleep and not self._again and not any(len(book) for book in self._unique_books)

    @property
    def waiting_count(self) -> int:
        """Return how many parcels wait in lanes. For status: the cost grows with the number of lanes."""
        return sum(book.waiting_count for book in self._unique_books)

    @property
    def retrying_count(self) -> int:
        """Return how many batches wait to be sent again."""
        return len(self._asleep) + len(self._again)

    @property
    def _retrying(self) -> list[Batch]:
        """Return the batches that wait to be sent again."""
        return [*self._again, *(batch for *_, batch in self._asleep)]

    def lacks_witness(self, success_count: int, failure_count: int) -> bool:
        """Return whether only a success elsewhere could tell what keeps failing from an outage, and none can come.

        So it is when nothing is left that could go beside the batches that wait to be sent again, and one of them has
        failed `failure_count` times, and since the latest of `success_count` successes.
        """
        endpoints = self._open_endpoints()
        if not endpoints or self._ready_count(endpoints) > 0:
            return False
        return any(
            batch.successes_seen == success_count and (batch.is_isolating or batch.failure_count >= failure_count)
            for batch in self._retrying
        )

    def stuck_partitions(self, failure_count: int) -> set[Key]:
        """Return the partitions of what has failed `failure_count` times or is being taken apart, and waits."""
        return {
            parcel.entry.partition.key
            for batch in self._retrying
            if batch.is_isolating or batch.failure_count >= failure_count
            for parcel in batch.unsettled()
        }

    @property
    def ready_count(self) -> int:
        """Return how many lanes have something that could go, due or not, once there is room for it."""
        return self._ready_count(self.endpoints)

    def _ready_count(self, names: Iterable[str]) -> int:
        """Return how many lanes have something that could go to one of these endpoints."""
        return sum(len(self._books[name].queues[name].heap) for name in names)

    def long_lane_partitions(self) -> set[Key]:
        """Return the partitions that should not be read on for now, because one lane of them is too long."""
        return set().union(*(book.long_lane_partitions() for book in self._unique_books))

    def send_again(self, batch: Batch, now_s: float) -> None:
        """Keep a batch until its time comes; it keeps its lanes, but no request slot."""
        self._waiting_worth += self._worth(batch)
        if batch.wake_s <= now_s:
            self._again.append(batch)
        else:
            heappush(self._asleep, (batch.wake_s, batch.number, batch))

    def next(
        self, now_s: float, *, prefer_fresh: bool = False, limited: Container[str] = ()
    ) -> tuple[Batch | None, list[Parcel]]:
        """Return the batch that should be sent now, if any, and copies that need not be sent at all.

        Batches to be sent again come first, the oldest first; then what is due in the lanes, the lower rank first.
        `prefer_fresh` turns that round, and of batches to be sent again it prefers what has failed least: the first
        request after an outage should not be one that may be its own cause. Nothing goes to `limited` endpoints: what
        waits for them keeps back its own lanes alone.
        """
        self.dedupe.tick(now_s)
        self._wake(now_s)
        if prefer_fresh:
            batch, copies = self._cut_due(now_s, limited)
            return (batch, copies) if batch is not None else (self._pop_least_failed(limited), copies)
        batch = self._pop_oldest(limited)
        return (batch, []) if batch is not None else self._cut_due(now_s, limited)

    def oldest(self, now_s: float, *, skip: int = 0) -> tuple[Batch | None, list[Parcel]]:
        """Return the oldest waiting payload as a batch of one, due or not: a probe.

        `skip` leaves out so many of the oldest that may be taken, beginning again with the oldest after the last.
        """
        self.dedupe.tick(now_s)
        ready = sorted((sequence, name) for name, book in self._books.items() for sequence, _ in book.queues[name].heap)
        if not ready:
            return None, []
        at = skip % len(ready)
        name = ready[at][1]
        older_count = sum(other == name for _, other in ready[:at])
        taken, copies = self._books[name].cut(name, max_count=1, skip=older_count)
        return (Batch(name, taken) if taken else None), copies

    def wake_s(self, now_s: float, *, limited: Mapping[str, float] = _UNLIMITED) -> float | None:
        """Return the monotonic time at which `next` may have something new to give, None when time changes nothing.

        `limited` are the endpoints that nothing goes to now, each with the seconds until that ends.
        """
        times = [self._asleep[0][0]] if self._asleep else []
        times += [now_s + limited.get(batch.endpoint_name, 0.0) for batch in self._again]
        for name in self._open_endpoints():
            due_s = self._due_s(name)
            if due_s is not None:
                times.append(max(due_s, now_s + limited[name]) if name in limited else due_s)
        return min(times, default=None)

    def waits_for(self, names: Collection[str]) -> bool:
        """Return whether something waits, due or not, for nothing but one of these endpoints."""
        return self._ready_count(self.endpoints.keys() & names) > 0 or any(
            batch.endpoint_name in names for batch in self._again
        )

    def free(self, batch: Batch, keys: Iterable[str]) -> None:
        """Make lanes idle again whose parcels are settled."""
        self._books[batch.endpoint_name].free(keys)

    def note_size(self, name: str, body_bytes: int, payload_count: int, status: int | None) -> None:
        """Cut smaller requests for an endpoint that has refused one as too large, and larger ones again in time."""
        learned = self._sizes[name]
        if learned.note(body_bytes, payload_count, status):
            queue = self._books[name].queues[name]
            queue.endpoint = replace(queue.endpoint, max_body_bytes=learned.max_bytes)

    def take_out(self, batch: Batch, is_taken_out: Callable[[Parcel], bool]) -> list[Parcel]:
        """Take parcels that are not to be sent out of a batch, and free their lanes; return them."""
        lanes = batch.lane_keys()
        dropped = batch.take_out(is_taken_out)
        self.undelivered(dropped)
        self.free(batch, lanes - batch.lane_keys())
        return dropped

    def delivered(self, parcels: list[Parcel]) -> None:
        """Enter delivered ids into the dedupe window, and wake the lanes that waited for them."""
        self._wake_lanes(self.dedupe.deliver(parcels))

    def undelivered(self, parcels: list[Parcel]) -> None:
        """Note that these parcels are in flight no longer and were not delivered: copies of them may go now."""
        self._wake_lanes(self.dedupe.cancel(parcels))

    def _wake_lanes(self, keys: list[str]) -> None:
        """Offer lanes again; the copies that waited may go to other endpoints than what they waited for."""
        for book in self._unique_books:
            book.wake(keys)

    def put_back(self, batch: Batch) -> None:
        """Return a batch's unsettled parcels to the front of their lanes."""
        parcels = batch.unsettled()
        self.undelivered(parcels)
        self._books[batch.endpoint_name].put_back(parcels, batch.lane_keys())

    def put_all_back(self) -> None:
        """Return every batch that waits to be sent again to its lanes: the destination is held."""
        for batch in self._retrying:
            self.put_back(batch)
        self._again.clear()
        self._asleep.clear()
        self._waiting_worth = 0.0

    def drop(self, is_dropped: Callable[[Parcel], bool]) -> list[Parcel]:
        """Remove parcels that wait in lanes or in batches to be sent again; return them."""
        dropped: list[Parcel] = []
        for batch in self._retrying:
            if any(is_dropped(parcel) for parcel in batch.unsettled()):
                self.put_back(batch)
                batch.parcels, batch.behind = [], []
        self._again = [batch for batch in self._again if batch.parcels]
        self._asleep = sorted(item for item in self._asleep if item[2].parcels)
        self._waiting_worth = sum(map(self._worth, self._retrying))
        for book in self._unique_books:
            dropped += book.drop(is_dropped)
        return dropped

    def _worth(self, batch: Batch) -> float:
        """Return which part of a full request a batch is: half the slots' worth of them may wait to be sent again."""
        return len(batch) / self.endpoints[batch.endpoint_name].max_batch_count

    @property
    def _is_crowded(self) -> bool:
        """Return whether half the slots' worth of batches wait to be sent again: from then on payloads go alone."""
        return self._waiting_worth >= self._max_waiting_worth

    def _open_endpoints(self) -> list[str]:
        """Return the endpoints that new requests may go to, in the order in which they are looked at.

        While it is crowded, some payloads of each endpoint may wait alone besides: without a success elsewhere, batches
        that cause their own failures could never be told from an outage, and would stop a vendor that works. Where
        fewest wait so it is tried first: one endpoint that fails must not use up the tries of one that does not.
        """
        if not self._is_crowded:
            return list(self.endpoints)
        alone = Counter(batch.endpoint_name for batch in self._retrying if batch.is_lone)
        return sorted((name for name in self.endpoints if alone[name] < self._max_alone(name)), key=alone.__getitem__)

    def _max_alone(self, name: str) -> int:
        """Return how many payloads of an endpoint may wait alone: a batch's worth, and never fewer than the slots."""
        return max(self.endpoints[name].max_batch_count, self._max_in_flight)

    def _wake(self, now_s: float) -> None:
        """Move the batches whose time has come to those that are sent next."""
        while self._asleep and self._asleep[0][0] <= now_s:
            self._again.append(heappop(self._asleep)[2])

    def _pop_oldest(self, limited: Container[str]) -> Batch | None:
        """Return the oldest batch to be sent again."""
        return self._pop(limited, lambda batch: (batch.sequence,))

    def _pop_least_failed(self, limited: Container[str]) -> Batch | None:
        """Return the batch to be sent again that has failed least, the oldest of several."""
        return self._pop(limited, lambda batch: (batch.failure_count, batch.sequence))

    def _pop(self, limited: Container[str], rank: Callable[[Batch], tuple[int, ...]]) -> Batch | None:
        """Take the batch of the lowest rank out of those to be sent again."""
        first = min((batch for batch in self._again if batch.endpoint_name not in limited), key=rank, default=None)
        if first is None:
            return None
        self._again.remove(first)
        return self._taken(first)

    def _taken(self, batch: Batch) -> Batch:
        """Count a batch among those that wait no longer."""
        self._waiting_worth = max(0.0, self._waiting_worth - self._worth(batch)) if self.retrying_count else 0.0
        return batch

    def _due_s(self, name: str) -> float | None:
        """Return when a request of an endpoint is due."""
        due = self._books[name].queues[name].due_s(HURRIED_WAIT_MS if self.is_hurried else None)
        return float("-inf") if due is not None and self.is_flushing else due

    def _cut_due(self, now_s: float, limited: Container[str]) -> tuple[Batch | None, list[Parcel]]:
        """Return a new batch of the first endpoint that is due."""
        copies: list[Parcel] = []
        is_lone = self._is_crowded
        for name in self._open_endpoints():
            if name in limited:
                continue
            while (due := self._due_s(name)) is not None and due <= now_s:
                taken, skipped = self._books[name].cut(name, max_count=1 if is_lone else None)
                copies += skipped
                if taken:
                    return Batch(name, taken, is_lone=is_lone), copies
                # Everything due was a copy, or waits for one in flight: look again, the queue has changed.
        return None, copies
