"""Whether a case came to what is expected, and what is said when it did not."""

from __future__ import annotations

from typing import Any

import pytest

from processor.mapping.values import ABSENT
from processor.model import Rejected, Skipped
from processor.pipeline.cases.judging import Came, Made, judge
from processor.pipeline.cases.settings import Expectation

USER = Made("Profiles", "updateUser", "users", {"id": 1})
COMPANY = Made("Companies", "updateCompany", "companies", {"id": 1, "name": "A"})
SKIP = Skipped("filtered")
REJECTION = Rejected("no_identity", "an id is needed", "Profiles")


def came(
    *payloads: Made,
    skipped: tuple[Skipped, ...] = (),
    rejected: tuple[Rejected, ...] = (),
    warnings: tuple[str, ...] = (),
) -> Came:
    """Return what a case came to."""
    return Came(payloads, skipped, rejected, warnings)


def expecting(**named: Any) -> Expectation:  # noqa: ANN401 - any expectation
    """Return an expectation as a file says it."""
    return Expectation.model_validate(named)


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        (expecting(payloads=[{"action": "updateUser"}]), came(USER)),
        (expecting(payloads=[{}]), came(USER)),
        (expecting(payloads=[{"body": {"id": 1}}]), came(COMPANY)),
        (expecting(payloads=[{"action": "updateUser"}]), came(COMPANY, USER)),
        (expecting(payloads=[{"body": {"name": "A"}}, {"action": "updateUser"}]), came(USER, COMPANY)),
        (expecting(payloads=[{"subscription": "Profiles", "endpoint": "users"}], exact=True), came(USER)),
        (expecting(payloads=[{}]), came(USER, skipped=(SKIP,))),
        (expecting(payloads=[{}], skipped="filtered", exact=True), came(USER, skipped=(SKIP,))),
        (expecting(payloads=[{}], rejected="no_identity"), came(COMPANY, rejected=(REJECTION,))),
        (expecting(skipped="filtered"), came(skipped=(Skipped("other"), SKIP))),
        (expecting(rejected="no_identity"), came(rejected=(REJECTION,))),
        (expecting(payloads=[{}], warnings=["b", "a"]), came(USER, warnings=("a", "b"))),
        (expecting(payloads=[{}]), came(USER, warnings=("a",))),
    ],
)
def test_fine(expected: Expectation, found: Came) -> None:
    """Nothing is said of a case that came to what is expected."""
    verdict = judge(expected, found)
    assert verdict.is_ok
    assert verdict.instead == ()


@pytest.mark.parametrize(
    ("expected", "found", "different", "instead"),
    [
        (
            expecting(payloads=[{"action": "updateUser", "body": {"id": 2}}]),
            came(USER),
            [(("payloads", 0, "body", "id"), 2, 1)],
            [],
        ),
        (
            expecting(payloads=[{"action": "updateUser", "body": {"id": 1}}]),
            came(rejected=(REJECTION,)),
            [
                (("payloads", 0), {"action": "updateUser", "body": {"id": 1}}, ABSENT),
                (("rejected",), ABSENT, "no_identity"),
            ],
            ["rejected: no_identity: an id is needed (subscription 'Profiles')"],
        ),
        (
            expecting(payloads=[{"action": "updateUser"}]),
            came(COMPANY),
            [(("payloads", 0), {"action": "updateUser"}, ABSENT)],
            ["a payload: updateCompany to companies (subscription 'Companies')"],
        ),
        (
            expecting(payloads=[{}], exact=True),
            came(USER, COMPANY, skipped=(SKIP,)),
            [(("payloads", 1), ABSENT, COMPANY._asdict()), (("skipped",), ABSENT, "filtered")],
            ["skipped: filtered", "a payload: updateCompany to companies (subscription 'Companies')"],
        ),
        (
            expecting(payloads=[{"body": {"id": 1}}], exact=True),
            came(COMPANY),
            [(("payloads", 0, "body", "name"), ABSENT, "A")],
            [],
        ),
        (
            expecting(skipped="filtered"),
            came(USER),
            [(("payloads", 0), ABSENT, USER._asdict()), (("skipped",), "filtered", ABSENT)],
            ["a payload: updateUser to users (subscription 'Profiles')"],
        ),
        (
            expecting(skipped="filtered"),
            came(USER, skipped=(SKIP,)),
            [(("payloads", 0), ABSENT, USER._asdict())],
            ["a payload: updateUser to users (subscription 'Profiles')"],
        ),
        (
            expecting(skipped="no_subscription"),
            came(skipped=(SKIP,)),
            [(("skipped",), "no_subscription", "filtered")],
            ["skipped: filtered"],
        ),
        (
            expecting(rejected="too_old"),
            came(rejected=(REJECTION,)),
            [(("rejected",), "too_old", "no_identity")],
            ["rejected: no_identity: an id is needed (subscription 'Profiles')"],
        ),
        (
            expecting(rejected="no_identity"),
            came(rejected=(REJECTION, Rejected("mapping_failed", "subscription 'S': /a is wrong", "S"))),
            [(("rejected",), ABSENT, "mapping_failed")],
            ["rejected: mapping_failed: subscription 'S': /a is wrong"],
        ),
        (
            expecting(rejected="no_identity"),
            came(skipped=(SKIP,)),
            [(("rejected",), "no_identity", ABSENT)],
            ["skipped: filtered"],
        ),
        (
            expecting(payloads=[{}], warnings=[]),
            came(USER, warnings=("b", "a")),
            [(("warnings",), [], ["a", "b"])],
            [],
        ),
    ],
)
def test_not_fine(expected: Expectation, found: Came, different: list[tuple[object, ...]], instead: list[str]) -> None:
    """Each place with what is expected and what was found, and what came that nobody expected."""
    verdict = judge(expected, found)
    assert list(verdict.differences) == different
    assert list(verdict.instead) == instead
    assert not verdict.is_ok
