"""Whether what a case came to is what it expects. Pure: values in, a verdict out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from processor.mapping.values import ABSENT, Json
from processor.model import Rejected, Skipped
from processor.pipeline.cases.comparison import Difference, differences
from processor.pipeline.cases.settings import Expectation, ExpectedPayload

_LABELS = ("subscription", "action", "endpoint")


class Made(NamedTuple):
    """One payload that was made, its body as a JSON value."""

    subscription: str
    action: str
    endpoint: str
    body: Json


class Came(NamedTuple):
    """Everything that a case came to."""

    payloads: Sequence[Made]
    skipped: Sequence[Skipped]
    rejected: Sequence[Rejected]
    warnings: Sequence[str]


class Verdict(NamedTuple):
    """What is not as expected, and what came that nobody expected; both are empty for a case that is fine."""

    differences: tuple[Difference, ...]
    instead: tuple[str, ...]

    @property
    def is_ok(self) -> bool:
        """Return whether everything is as expected."""
        return not self.differences


def judge(expected: Expectation, came: Came) -> Verdict:
    """Return whether a case came to what is expected of it.

    A payload or a dead letter that is not expected is a difference, unless other payloads are expected and the
    expectation is not exact. A skip beside payloads is one only for an exact expectation.
    """
    left = list(came.payloads)
    found = [
        *_payload_differences(expected, left),
        *_reason_differences(expected, came),
        *_warning_differences(expected, came.warnings),
    ]
    return Verdict(tuple(found), tuple(_instead(expected, came, left)) if found else ())


def _payload_differences(expected: Expectation, left: list[Made]) -> Iterator[Difference]:
    """Yield what is wrong with the payloads; those that are expected are taken out of `left`."""
    wanted = expected.payloads or ()
    for index, one in enumerate(wanted):
        best = _best(one, left, exact=expected.exact)
        if best is None:
            yield Difference(("payloads", index), _named(one), ABSENT)
        else:
            left.remove(best)
            yield from _body_differences(one, best, index, exact=expected.exact)
    if expected.exact or not wanted:
        for index, extra in enumerate(left, len(wanted)):
            yield Difference(("payloads", index), ABSENT, extra._asdict())


def _best(wanted: ExpectedPayload, left: Sequence[Made], *, exact: bool) -> Made | None:
    """Return the payload that is meant: of those with its labels the one with the fewest differences."""
    fitting = [made for made in left if all(getattr(wanted, name) in (None, getattr(made, name)) for name in _LABELS)]
    return min(fitting, key=lambda made: len(list(_body_differences(wanted, made, 0, exact=exact))), default=None)


def _body_differences(wanted: ExpectedPayload, made: Made, index: int, *, exact: bool) -> Iterator[Difference]:
    """Yield what differs in a body, where the expectation names one."""
    if "body" in wanted.model_fields_set:
        yield from differences(wanted.body, made.body, ("payloads", index, "body"), exact=exact)


def _named(wanted: ExpectedPayload) -> dict[str, Any]:
    """Return what an expectation says of a payload."""
    return wanted.model_dump(exclude_unset=True)


def _reason_differences(expected: Expectation, came: Came) -> Iterator[Difference]:
    """Yield what is wrong with the reasons of dead letters and skips."""
    rejected = [one.reason for one in came.rejected]
    if expected.rejected is not None and expected.rejected not in rejected:
        yield Difference(("rejected",), expected.rejected, rejected[0] if rejected else ABSENT)
    else:
        yield from (Difference(("rejected",), ABSENT, one) for one in rejected if one != expected.rejected)
    skipped = [one.reason for one in came.skipped]
    if expected.skipped is not None and expected.skipped not in skipped:
        yield Difference(("skipped",), expected.skipped, skipped[0] if skipped else ABSENT)
    elif expected.exact:
        yield from (Difference(("skipped",), ABSENT, one) for one in skipped if one != expected.skipped)


def _warning_differences(expected: Expectation, warnings: Sequence[str]) -> Iterator[Difference]:
    """Yield that the warnings are others, where the expectation names them."""
    if expected.warnings is not None and sorted(expected.warnings) != sorted(warnings):
        yield Difference(("warnings",), sorted(expected.warnings), sorted(warnings))


def _instead(expected: Expectation, came: Came, left: Sequence[Made]) -> Iterator[str]:
    """Yield what came that was not expected, in words."""
    for one in came.rejected:
        if one.reason != expected.rejected:
            yield _told("rejected", one.reason, one.message, one.subscription)
    for skip in came.skipped:
        if skip.reason != expected.skipped:
            yield _told("skipped", skip.reason, "", skip.subscription)
    for made in left:
        yield _told("a payload", f"{made.action} to {made.endpoint}", "", made.subscription)


def _told(what: str, code: str, message: str, subscription: str) -> str:
    """Return one thing that came, in words; messages that name the subscription themselves do not need it twice."""
    text = f"{what}: {code}" + (f": {message}" if message else "")
    return text if not subscription or repr(subscription) in message else f"{text} (subscription {subscription!r})"
