"""Cases through the pipeline's own decoder and plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from processor.destinations.base import Destination
from processor.destinations.plan import Plan
from processor.destinations.text import encode
from processor.mapping.coverage import Fork, MappingCoverage
from processor.model import Mapped, Record
from processor.pipeline.cases.judging import Came, Made, Verdict, judge
from processor.pipeline.cases.settings import PlacedCase, time_ms
from processor.pipeline.preview import mapped_record
from processor.source.decode import Decoder
from processor.source.decode_settings import DecodeSettings


class CaseResult(NamedTuple):
    """A case and how it went."""

    placed: PlacedCase
    verdict: Verdict


class SubscriptionCoverage(NamedTuple):
    """A subscription, whether a case has reached it, and the forks of its mapping."""

    name: str
    is_reached: bool
    forks: tuple[Fork, ...]


class DestinationCoverage(NamedTuple):
    """What cases have reached of a destination; no subscriptions where the vendor's presets are in force."""

    destination: str
    subscriptions: tuple[SubscriptionCoverage, ...]


class Outcome(NamedTuple):
    """How all cases went, in their order, and what they have reached."""

    results: tuple[CaseResult, ...]
    coverage: tuple[DestinationCoverage, ...]


def outcome_of(cases: Sequence[PlacedCase], build: Callable[[str], tuple[Destination, Plan]]) -> Outcome:
    """Return how cases went. `build` gives a destination of that name with its plan; it is asked once for each."""
    runners = {name: _Runner(*build(name)) for name in dict.fromkeys(placed.destination for placed in cases)}
    results = tuple(runners[placed.destination].run(placed) for placed in cases)
    return Outcome(results, tuple(runner.coverage() for runner in runners.values()))


class _Runner:
    """One destination with what its cases have reached so far."""

    def __init__(self, destination: Destination, plan: Plan) -> None:
        """Start with nothing reached."""
        self._destination = destination
        self._plan = plan
        self._decoder = Decoder(DecodeSettings())
        self._mappings = {one.name: MappingCoverage(one.mapping) for one in plan.own_subscriptions}
        self._reached: set[str] = set()

    def run(self, placed: PlacedCase) -> CaseResult:
        """Return how a case went."""
        record = _record(placed)
        mapped = mapped_record(self._plan, self._decoder, record, placed.now_ms)
        self._note(record)
        return CaseResult(placed, judge(placed.case.expect, self._came(mapped, placed.now_ms)))

    def _came(self, mapped: Mapped, now_ms: int) -> Came:
        """Return what was mapped with bodies as JSON values."""
        made = [
            Made(one.subscription, one.action, one.endpoint, self._destination.decoded(one, now_ms))
            for one in mapped.payloads
        ]
        return Came(made, mapped.skipped, mapped.rejected, self._destination.warnings_of(mapped))

    def _note(self, record: Record) -> None:
        """Note what the events of a record reach."""
        decoded = self._decoder.decode(record)
        for known_by, value in decoded if isinstance(decoded, list) else ():
            event, subscriptions = self._plan.taken_by(value, known_by)
            for subscription in subscriptions:
                if subscription.name in self._mappings:
                    self._reached.add(subscription.name)
                    self._mappings[subscription.name].run(event)

    def coverage(self) -> DestinationCoverage:
        """Return what the cases have reached."""
        found = (
            SubscriptionCoverage(name, name in self._reached, mapping.forks) for name, mapping in self._mappings.items()
        )
        return DestinationCoverage(self._destination.name, tuple(found))


def _record(placed: PlacedCase) -> Record:
    """Return the record of a case; the reader of YAML has refused what JSON cannot carry."""
    own = placed.record
    return Record(own.topic, own.partition, own.offset, time_ms(own.time), value=encode(placed.case.given))
