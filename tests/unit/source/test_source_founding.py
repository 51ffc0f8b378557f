"""The decision where a partition is read from, case by case."""

from __future__ import annotations

import pytest

from processor.source.founding import Founding, Step, decide, is_complete, is_current, passed_over_ms
from processor.source.partitions import Committed

RECORD = Founding("new", 2, "latest", 0)
OLD = Founding("old", 2, "latest", 0)


@pytest.mark.parametrize(
    ("number", "committed", "founding", "is_founder", "expected"),
    [
        (0, Committed(5, "new"), RECORD, True, Step.RESUME),
        (0, Committed(5, "new"), None, True, Step.RESUME),
        (0, Committed(5, ""), RECORD, True, Step.RESUME),
        (0, Committed(5, "new"), OLD, False, Step.RESUME),
        (0, Committed(5, "old"), RECORD, True, Step.RECREATED),
        (0, Committed(5, "old"), None, False, Step.RECREATED),
        (0, None, None, True, Step.FOUND),
        (1, None, None, False, Step.WAIT),
        (0, None, OLD, True, Step.RECREATED),
        (7, None, OLD, False, Step.RECREATED),
        (0, None, RECORD, True, Step.VANISHED),
        (1, None, RECORD, False, Step.VANISHED),
        (2, None, RECORD, False, Step.ADDED),
        (2, None, RECORD, True, Step.ADDED),
    ],
)
def test_decision(
    number: int,
    committed: Committed | None,
    founding: Founding | None,
    is_founder: bool,  # noqa: FBT001 - a table
    expected: Step,
) -> None:
    """Each combination of offset, record and owner has one meaning."""
    assert decide(number, committed, founding, "new", is_founder=is_founder) is expected


@pytest.mark.parametrize(
    ("founding", "expected"),
    [(None, False), (RECORD, True), (OLD, False), (Founding("new", 1, "latest", 0), False)],
)
def test_record_is_current_only_with_id_and_count(founding: Founding | None, expected: bool) -> None:  # noqa: FBT001 - a table
    """A record is current when it names this very topic with all its partitions."""
    assert is_current(founding, "new", 2) is expected


@pytest.mark.parametrize(
    ("committed", "expected"),
    [
        ({}, False),
        ({0: Committed(0, "new")}, False),
        ({0: Committed(0, "new"), 1: Committed(3, "old")}, False),
        ({0: Committed(0, "new"), 1: Committed(3, "")}, True),
    ],
)
def test_record_is_written_when_every_partition_has_an_offset(
    committed: dict[int, Committed],
    expected: bool,  # noqa: FBT001 - a table
) -> None:
    """An offset that is missing, or one of an earlier topic, keeps the record from being written."""
    assert is_complete(committed, "new", 2) is expected


@pytest.mark.parametrize(
    ("number", "founding", "expected"),
    [
        (0, None, None),
        (0, Founding("old", 3, "latest", 7, 2), None),
        (1, Founding("new", 3, "latest", 7, 2), 7),
        (2, Founding("new", 3, "latest", 7, 2), None),
        (0, Founding("new", 3, "earliest", 7, 2), None),
        (0, Founding("new", 3, "latest", 7), None),
        (0, Founding("new", 3, "1970-01-01T00:00:09Z", 7, 2), 9_000),
    ],
)
def test_what_a_start_has_left_out(number: int, founding: Founding | None, expected: int | None) -> None:
    """Of the partitions that began so, and only of this very topic; an added one is read from its start."""
    assert passed_over_ms(number, founding, "new") == expected
