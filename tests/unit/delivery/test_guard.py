"""When many refusals are a systemic fault."""

from __future__ import annotations

from processor.delivery.guard import RejectionGuard
from processor.delivery.settings import GuardSettings


def _guard(window_count: int = 10, refused_count: int = 5, min_users: int = 3) -> RejectionGuard:
    """Return a guard with small numbers."""
    return RejectionGuard(GuardSettings(window_count=window_count, refused_count=refused_count, min_users=min_users))


def test_half_of_the_window_from_enough_users_trips() -> None:
    """The guard trips with the refusal that completes the half, not before."""
    guard = _guard()
    for number in range(4):
        guard.refused(f"u{number}")
        assert not guard.is_tripped
    guard.refused("u0")
    assert (guard.is_tripped, guard.refused_count) == (True, 5)


def test_one_runaway_user_holds_nobody() -> None:
    """However much of one user is refused, the guard needs several users."""
    guard = _guard()
    for _ in range(50):
        guard.refused("u1")
    assert (guard.is_tripped, guard.refused_count) == (False, 10)
    guard.refused("u2")
    guard.refused("u3")
    assert guard.is_tripped


def test_refusals_fall_out_of_the_window() -> None:
    """Deliveries push old refusals out, and their users with them."""
    guard = _guard()
    for number in range(5):
        guard.refused(f"u{number}")
    guard.delivered(6)
    assert (guard.is_tripped, guard.refused_count) == (False, 4)
    guard.delivered(10_000)
    assert guard.refused_count == 0
    for user in ("a", "a", "a", "b", "b"):
        guard.refused(user)
    assert not guard.is_tripped


def test_a_full_window_of_deliveries_needs_no_more_of_them() -> None:
    """Deliveries that change nothing are free, and later refusals still count against a full window."""
    guard = _guard(window_count=4, refused_count=2, min_users=1)
    guard.delivered(4)
    guard.delivered(4)
    guard.refused("a")
    guard.refused("b")
    assert guard.is_tripped


def test_what_an_operator_accepts_is_the_latest_hold_and_no_other() -> None:
    """Refusals of that hold, not those of earlier ones that ended otherwise, nor of later ones, nor of none."""
    guard = _guard()
    guard.trip()
    guard.trip()
    for number in range(9):
        guard.refused(f"u{number}")
    guard.accept()
    guard.trip()
    assert [guard.has_accepted(trip) for trip in (None, 0, 1, 2, 3)] == [False, False, False, True, False]
    assert (guard.is_tripped, guard.refused_count) == (False, 0)


def test_reset_starts_over() -> None:
    """After a reset nothing of the past counts."""
    guard = _guard()
    for number in range(9):
        guard.refused(f"u{number}")
    guard.reset()
    assert (guard.is_tripped, guard.refused_count) == (False, 0)
