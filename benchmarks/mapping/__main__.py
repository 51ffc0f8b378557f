"""What mapping costs beside the same payload written by hand, in one run: `python -m benchmarks.mapping`.

Bytes of a record in, bytes of a payload out. Both are timed in turn, round by round, so that a machine whose speed
changes changes it for both. What is mapped is mapped in runs, as the bridge does it.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.mapping import handwritten
from benchmarks.stages import NOW_MS, SETTINGS
from benchmarks.work import ROOT, standard_event

sys.path.insert(0, str(ROOT))

import msgspec

from processor.destinations import destination_class
from processor.destinations.base import Destination
from processor.destinations.plan import Plan
from processor.mapping import Subscription, SubscriptionSettings
from processor.model import Record
from processor.pipeline.mapper import RUN_COUNT
from processor.source.decode import Decoder
from processor.source.decode_settings import DecodeSettings

COUNT = 2_000
ROUNDS = 61
MANY = 100

Run = Callable[[Sequence[Record]], Sequence[object]]
"""Makes payloads of a run of records."""


def main() -> None:
    """Measure each preset, the mapping with forty directives and many subscriptions; print two tables."""
    records = _records()
    print("| payload | by hand us | mapped us | ratio |")
    print("|---|---|---|---|")
    for vendor, by_hand in (
        ("moveo", handwritten.moveo),
        ("moesif", handwritten.moesif),
        ("moengage", handwritten.moengage),
    ):
        _compare(f"{vendor}, preset", records, by_hand, _mapped(_plan(vendor)))
    _compare("forty directives", records, handwritten.forty, _forty())
    print()
    print("| subscriptions | mapped us | ratio |")
    print("|---|---|---|")
    one, many = _plan("moesif", _subscriptions(1)), _plan("moesif", _subscriptions(MANY))
    few_us, many_us, ratio = _compared(records, _mapped(one), _mapped(many))
    print(f"| 1 | {few_us:.1f} | 1.00 |")
    print(f"| {MANY} | {many_us:.1f} | {ratio:.2f} |")


def _records() -> list[Record]:
    """Return records of the standard event, of many users."""
    random_ = random.Random(1)  # noqa: S311 - made-up data
    return [
        Record("t", 0, offset, NOW_MS, value=standard_event(offset, f"u-{random_.randrange(2000)}", random_))
        for offset in range(COUNT)
    ]


def _compare(name: str, records: Sequence[Record], by_hand: handwritten.Write, mapped: Run) -> None:
    """Print one line of the first table; both must write the same JSON."""

    def write(run: Sequence[Record]) -> Sequence[object]:
        return [by_hand(record.value or b"") for record in run]

    for written, ours in zip(write(records[:RUN_COUNT]), mapped(records[:RUN_COUNT]), strict=True):
        assert _content(written) == _content(ours), (written, ours)
    hand_us, mapped_us, ratio = _compared(records, write, mapped)
    print(f"| {name} | {hand_us:.1f} | {mapped_us:.1f} | {ratio:.2f} |")


def _content(made: Any) -> Any:  # noqa: ANN401 - what one of the runs gives, as JSON
    """Return what a run has made as a value; Moveo One's payloads are closed when they are sent."""
    if isinstance(made, bytes):
        return msgspec.json.decode(made)
    body: bytes = made.payloads[0].body
    return msgspec.json.decode(body if body.endswith(b"}") and body.count(b"{") == body.count(b"}") else body + b"}")


def _compared(records: Sequence[Record], first: Run, second: Run) -> tuple[float, float, float]:
    """Return the microseconds of CPU per event of two runs, timed in turn, and how many times the first the second is.

    Medians all three. A ratio is that of two rounds one after the other, so that it holds where the speed changes.
    """
    rounds = [(_timed(records, first), _timed(records, second)) for _ in range(ROUNDS)]
    one, other = zip(*rounds, strict=True)
    return statistics.median(one), statistics.median(other), statistics.median(b / a for a, b in rounds)


def _timed(records: Sequence[Record], run: Run) -> float:
    """Return the microseconds of CPU per event of one round."""
    started = time.process_time()
    for start in range(0, len(records), RUN_COUNT):
        run(records[start : start + RUN_COUNT])
    return (time.process_time() - started) / len(records) * 1e6


def _plan(vendor: str, subscriptions: list[SubscriptionSettings] | None = None) -> Plan:
    """Return a vendor's plan, with its presets unless told otherwise."""
    return Plan.compile(_destination(vendor), "default" if subscriptions is None else subscriptions)


def _destination(vendor: str) -> Destination:
    """Return a destination of a vendor with the settings of all benchmarks."""
    kind = destination_class(vendor)
    settings = kind.settings_model.model_validate(SETTINGS[vendor], context={"plain_secrets": True})
    return kind.create(vendor, settings)


def _mapped(plan: Plan) -> Run:
    """Return the pipeline's own work on records, from bytes to payloads."""
    decoder = Decoder(DecodeSettings())

    def run(records: Sequence[Record]) -> Sequence[object]:
        decoded, _, has_plain_keys = decoder.decode_run(records, plan.needs)
        events = [one for found in decoded if isinstance(found, list) for one in found]
        return plan.map_all(events, NOW_MS, has_plain_keys=has_plain_keys)

    return run


def _forty() -> Run:
    """Return the mapping with forty directives, from bytes to bytes."""
    settings = {"name": "forty", "trigger": 'type = "track"', "action": "any", "mapping": handwritten.forty_mapping()}
    subscription, decoder = Subscription(SubscriptionSettings.model_validate(settings)), Decoder(DecodeSettings())
    encode = msgspec.json.Encoder().encode

    def run(records: Sequence[Record]) -> Sequence[object]:
        decoded, _, has_plain_keys = decoder.decode_run(records)
        events = [event for found in decoded if isinstance(found, list) for _, event in found]
        mapped = [subscription.fields(event, has_plain_keys=has_plain_keys) for event in events]
        return [encode(item) for item in mapped]

    return run


def _subscriptions(count: int) -> list[SubscriptionSettings]:
    """Return subscriptions of which one takes the standard event and each other another event."""
    (preset,) = (one for one in _destination("moesif").presets() if one["name"] == "Track")
    names = ["Plan Compared", *(f"Event {number}" for number in range(1, count))]
    return [
        SubscriptionSettings.model_validate(
            preset | {"name": f"s{number}", "trigger": f'type = "track" and event = "{name}"'}
        )
        for number, name in enumerate(names)
    ]


if __name__ == "__main__":
    main()
