"""Order by exclusion: which waiting parcels may go into the next request.

A *lane* is what must stay in order, mostly a user. A lane is *busy* while a parcel of it is in a batch that has not
been settled; nothing of a busy lane is taken, so two requests in flight never share a lane. Everything else that
waits fills the next batch, so batches are full at any concurrency, and a retrying batch holds back only its own lanes.

Each lane keeps its own queue. A ready queue per endpoint orders the lanes that may be taken by the age of their first
parcel. A cut touches only what it takes: the cost per parcel does not depend on how long a hot lane is.

A parcel of several lanes (an alias) is taken when it stands first in all of them and none is busy.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush

from msgspec import Struct, field

from processor.delivery.dedupe import DedupeWindow, Seen
from processor.delivery.offsets import Key
from processor.delivery.parcel import Parcel
from processor.destinations.base import Endpoint


class Lane(Struct, eq=False):
    """The waiting parcels of one lane key, oldest first, over all endpoints of its scope.

    `run_count` and `run_bytes` describe the parcels at the front that one request could take: same endpoint, of this
    lane alone. They are zero while the lane is busy or its first parcel may not be taken.
    """

    key: str
    waiting: deque[Parcel] = field(default_factory=deque)
    is_busy: bool = False
    is_queued: bool = False
    is_parked: bool = False
    run_count: int = 0
    run_bytes: int = 0


class ReadyQueue:
    """The lanes whose first parcel may go to one endpoint, oldest parcel first; `count` parcels of `bodies_bytes`."""

    __slots__ = ("bodies_bytes", "count", "endpoint", "heap")

    def __init__(self, endpoint: Endpoint) -> None:
        """Start empty."""
        self.endpoint = endpoint
        self.heap: list[tuple[int, Lane]] = []
        self.count = 0
        self.bodies_bytes = 0

    @property
    def oldest_s(self) -> float | None:
        """Return the monotonic time at which the oldest parcel that may be taken came in."""
        return self.heap[0][1].waiting[0].waiting_since_s if self.heap else None

    @property
    def is_full(self) -> bool:
        """Return whether the parcels that may be taken fill a request by count or by bytes."""
        endpoint = self.endpoint
        return self.count >= endpoint.max_batch_count or (
            self.count > 0 and endpoint.envelope.body_bytes(self.count, self.bodies_bytes) >= endpoint.max_body_bytes
        )

    def due_s(self, max_wait_ms: int | None = None) -> float | None:
        """Return the monotonic time at which a request is due; minus infinity when it is full, None when empty.

        `max_wait_ms` lowers the endpoint's own wait.
        """
        if self.is_full:
            return float("-inf")
        oldest = self.oldest_s
        if oldest is None:
            return None
        own_ms = self.endpoint.max_wait_ms
        return oldest + (own_ms if max_wait_ms is None else min(max_wait_ms, own_ms)) / 1000


class LaneBook:
    """The lanes of one scope and the ready queues of its endpoints."""

    def __init__(
        self, endpoints: Iterable[Endpoint], *, max_lane_count: int, dedupe: DedupeWindow | None = None
    ) -> None:
        """Serve these endpoints; a lane with more than `max_lane_count` waiting parcels is reported as long."""
        self.queues = {endpoint.name: ReadyQueue(endpoint) for endpoint in endpoints}
        self._lanes: dict[str, Lane] = {}
        self._long: dict[str, set[Key]] = {}
        self._max_lane_count = max_lane_count
        self._dedupe = DedupeWindow(max_age_s=0, max_count=0) if dedupe is None else dedupe

    def __len__(self) -> int:
        """Return how many lanes hold parcels or are busy."""
        return len(self._lanes)

    @property
    def waiting_count(self) -> int:
        """Return how many parcels wait. For status and tests: the cost grows with the number of lanes."""
        return len({id(parcel) for lane in self._lanes.values() for parcel in lane.waiting})

    def long_lane_partitions(self) -> set[Key]:
        """Return the partitions that feed an overlong lane: reading on there would only add to it."""
        return set().union(*self._long.values())

    def add(self, parcel: Parcel) -> None:
        """Queue a parcel behind everything that waits in its lanes."""
        keys = parcel.payload.lanes
        if len(keys) == 1:  # nearly always, and then without a list of one
            self._show(self._append(keys[0], parcel), parcel)
            return
        for lane in [self._append(key, parcel) for key in keys]:
            self._show(lane, parcel)

    def _show(self, lane: Lane, parcel: Parcel) -> None:
        """Let the ready queues know of a parcel that was just appended to a lane."""
        if lane.is_queued:
            self._extend(lane, parcel)
        elif not lane.is_busy:
            self._offer(lane)

    def _append(self, key: str, parcel: Parcel) -> Lane:
        """Return the lane of a key, with the parcel as its last."""
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(key)
        lane.waiting.append(parcel)
        if key in self._long or len(lane.waiting) > self._max_lane_count:
            self._long.setdefault(key, set()).add(parcel.entry.partition.key)
        return lane

    def cut(
        self, endpoint_name: str, *, max_count: int | None = None, skip: int = 0
    ) -> tuple[list[Parcel], list[Parcel]]:
        """Return the parcels of the next request of an endpoint, and copies that need not be sent.

        The lanes of the first list are busy from now on, until `free` or `put_back`. `max_count` lowers the endpoint's
        own limit (a probe takes one), and `skip` leaves out so many of the oldest lanes. A parcel larger than the byte
        limit alone is taken alone.
        """
        queue = self.queues[endpoint_name]
        skipped = [heappop(queue.heap) for _ in range(skip)]
        taken, copies = self._cut(queue, max_count)
        for item in skipped:
            heappush(queue.heap, item)
        return taken, copies

    def _cut(self, queue: ReadyQueue, max_count: int | None) -> tuple[list[Parcel], list[Parcel]]:
        """Take from the front of a ready queue what goes into one request."""
        endpoint = queue.endpoint
        limit = endpoint.max_batch_count if max_count is None else min(max_count, endpoint.max_batch_count)
        taken: list[Parcel] = []
        copies: list[Parcel] = []
        bodies_bytes = 0
        while queue.heap and len(taken) < limit:
            lane = queue.heap[0][1]
            bodies_bytes, is_full = self._take(lane, endpoint, limit, bodies_bytes, taken, copies)
            self._unqueue(queue, lane)
            self._settle(lane)
            if is_full:
                break
        return taken, copies

    def _take(
        self, lane: Lane, endpoint: Endpoint, limit: int, bodies_bytes: int, taken: list[Parcel], copies: list[Parcel]
    ) -> tuple[int, bool]:
        """Move what fits from the front of a lane; return the bytes taken so far and whether the request is full."""
        waiting = lane.waiting
        body_bytes = endpoint.envelope.body_bytes
        for _ in range(lane.run_count):
            parcel = waiting[0]
            has_id = parcel.payload.dedupe_id is not None
            seen = self._dedupe.look(parcel) if has_id else Seen.NEVER
            if seen is Seen.DELIVERED:
                copies.append(parcel)
                self._pop(parcel)
                continue
            if seen is Seen.IN_FLIGHT:
                self._park(lane, parcel)
                break
            grown = bodies_bytes + len(parcel.payload.body)
            if taken and (len(taken) == limit or body_bytes(len(taken) + 1, grown) > endpoint.max_body_bytes):
                return bodies_bytes, True
            self._pop(parcel, is_busy=True)
            if has_id:
                self._dedupe.start(parcel)
            taken.append(parcel)
            bodies_bytes = grown
        return bodies_bytes, len(taken) >= limit

    def _pop(self, parcel: Parcel, *, is_busy: bool = False) -> None:
        """Take the first parcel of its lanes out of them; they become busy, or go on with what is behind it."""
        for key in parcel.payload.lanes:
            lane = self._lanes[key]
            lane.waiting.popleft()
            if is_busy:
                lane.is_busy = True
        if not is_busy and len(parcel.payload.lanes) > 1:
            self.wake(parcel.payload.lanes[1:])

    def _park(self, lane: Lane, parcel: Parcel) -> None:
        """Leave a lane out until the outcome of a copy of its first parcel is known."""
        lane.is_parked = True
        self._dedupe.park(parcel, lane.key)

    def free(self, keys: Iterable[str]) -> None:
        """Make lanes idle again: their parcels are settled."""
        for key in keys:
            lane = self._lanes[key]
            lane.is_busy = False
            self._settle(lane)

    def put_back(self, parcels: Sequence[Parcel], keys: Iterable[str]) -> None:
        """Return unsettled parcels to the front of their lanes, in their order, and make these lanes idle."""
        self.wake(self._dedupe.cancel(parcels))
        for parcel in reversed(parcels):
            for key in parcel.payload.lanes:
                self._lanes[key].waiting.appendleft(parcel)
        self.free(keys)

    def wake(self, keys: Iterable[str]) -> None:
        """Offer lanes again that waited for the outcome of a copy elsewhere."""
        for key in keys:
            lane = self._lanes.get(key)
            if lane is not None:
                lane.is_parked = False
                self._settle(lane)

    def drop(self, is_dropped: Callable[[Parcel], bool]) -> list[Parcel]:
        """Remove waiting parcels; return them in the order they came in. Busy lanes stay busy."""
        dropped: dict[int, Parcel] = {}
        for lane in list(self._lanes.values()):
            kept: deque[Parcel] = deque()
            for parcel in lane.waiting:
                if is_dropped(parcel):
                    dropped[parcel.sequence] = parcel
                else:
                    kept.append(parcel)
            lane.waiting = kept
            lane.is_queued = lane.is_parked = False
        self._rebuild()
        return [dropped[sequence] for sequence in sorted(dropped)]

    def _rebuild(self) -> None:
        """Fill the ready queues anew from the lanes."""
        for queue in self.queues.values():
            queue.heap, queue.count, queue.bodies_bytes = [], 0, 0
        for lane in list(self._lanes.values()):
            self._settle(lane)

    def _settle(self, lane: Lane) -> None:
        """Offer an idle lane, forget an empty one, and note when it is no longer long."""
        if self._long and lane.key in self._long and len(lane.waiting) * 2 <= self._max_lane_count:
            del self._long[lane.key]
        if lane.waiting:
            self._offer(lane)
        elif not lane.is_busy:
            self._lanes.pop(lane.key, None)

    def _offer(self, lane: Lane) -> None:
        """Put an idle lane into the ready queue of its first parcel, if that parcel may be taken."""
        if self._is_taken(lane):
            return
        head = lane.waiting[0]
        keys = head.payload.lanes
        if len(keys) > 1:
            lanes = [self._lanes[key] for key in keys]
            if any(self._is_taken(other) or other.waiting[0] is not head for other in lanes):
                return
            lane = lanes[0]
        queue = self.queues[head.payload.endpoint]
        self._measure(lane, queue.endpoint)
        lane.is_queued = True
        queue.count += lane.run_count
        queue.bodies_bytes += lane.run_bytes
        heappush(queue.heap, (head.sequence, lane))

    @staticmethod
    def _is_taken(lane: Lane) -> bool:
        """Return whether a lane cannot be offered now."""
        return lane.is_busy or lane.is_queued or lane.is_parked

    @staticmethod
    def _measure(lane: Lane, endpoint: Endpoint) -> None:
        """Count the run at the front of a lane, up to what one request can hold."""
        lane.run_count = lane.run_bytes = 0
        if len(lane.waiting) == 1:  # nearly always
            lane.run_count, lane.run_bytes = 1, len(lane.waiting[0].payload.body)
            return
        limit = 1 if endpoint.one_per_lane else endpoint.max_batch_count
        for parcel in lane.waiting:
            if lane.run_count and not LaneBook._continues(lane, parcel, endpoint):
                break
            lane.run_count += 1
            lane.run_bytes += parcel.size_bytes
            if lane.run_count == limit or len(parcel.payload.lanes) > 1:
                break

    @staticmethod
    def _continues(lane: Lane, parcel: Parcel, endpoint: Endpoint) -> bool:
        """Return whether a parcel may stand behind the run of its lane in one request."""
        return (
            parcel.payload.endpoint == endpoint.name
            and len(parcel.payload.lanes) == 1
            and not endpoint.one_per_lane
            and len(lane.waiting[0].payload.lanes) == 1
        )

    def _extend(self, lane: Lane, parcel: Parcel) -> None:
        """Let the run of a queued lane grow by the parcel that was just appended, if it continues the run."""
        queue = self.queues[lane.waiting[0].payload.endpoint]
        endpoint = queue.endpoint
        if lane.run_count != len(lane.waiting) - 1 or lane.run_count >= endpoint.max_batch_count:
            return
        if self._continues(lane, parcel, endpoint):
            lane.run_count += 1
            lane.run_bytes += parcel.size_bytes
            queue.count += 1
            queue.bodies_bytes += parcel.size_bytes

    @staticmethod
    def _unqueue(queue: ReadyQueue, lane: Lane) -> None:
        """Take the first lane out of the ready queue."""
        heappop(queue.heap)
        lane.is_queued = False
        queue.count -= lane.run_count
        queue.bodies_bytes -= lane.run_bytes
        lane.run_count = lane.run_bytes = 0
