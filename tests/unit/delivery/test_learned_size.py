"""The largest body that an endpoint seems to take."""

from __future__ import annotations

from processor.delivery.learned_size import GROWTH, PATIENCE_COUNT, LearnedSize
from processor.model import Answer
from tests.simulation import FakeVendor, Request, World, endpoint
from tests.virtual_time import virtual


def test_a_refusal_halves_the_size_down_to_a_floor() -> None:
    """Each batch refused as too large halves what is sent; a large payload in it cannot bring it to nothing."""
    learned = LearnedSize(16_000)
    sizes = []
    for body_bytes in (15_000, 7_500, 60_000, 10, 10):
        learned.note(body_bytes, 2, 413)
        sizes.append(learned.max_bytes)
    assert sizes == [7_500, 3_750, 3_750, 1_000, 1_000]


def test_what_was_learned_is_doubted_after_a_while() -> None:
    """After many accepted requests in a row a larger one is tried, up to the endpoint's own limit."""
    learned = LearnedSize(1_000)
    assert learned.note(900, 1, 200) is False
    assert learned.note(900, 2, 413) is True
    changes = [learned.note(400, 1, 200) for _ in range(PATIENCE_COUNT)]
    assert (changes, learned.max_bytes) == ([False] * (PATIENCE_COUNT - 1) + [True], int(450 * GROWTH))
    for _ in range(10 * PATIENCE_COUNT):
        learned.note(400, 1, 200)
    assert learned.max_bytes == 1_000


def test_a_payload_that_is_refused_alone_teaches_its_own_size() -> None:
    """It is too much for a body, so batches are kept below it: no smaller than that, and never below the floor."""
    learned = LearnedSize(1_000)
    assert learned.note(900, 1, 413) is True
    assert learned.max_bytes == 899
    assert learned.note(5, 1, 413) is True
    assert learned.max_bytes == 62


def test_a_payload_that_is_refused_alone_teaches_nothing_where_more_was_taken() -> None:
    """Then the payload is too large, and not the body; a refused batch says that this has changed."""
    learned = LearnedSize(1_000)
    learned.note(900, 10, 200)
    assert learned.note(900, 1, 413) is False
    assert learned.note(800, 2, 413) is True
    assert learned.note(300, 1, 413) is True
    assert learned.max_bytes == 299


def test_other_answers_teach_nothing() -> None:
    """Failures and refusals of other kinds say nothing about sizes."""
    learned = LearnedSize(1_000)
    assert [learned.note(900, 2, status) for status in (400, 500, 429, None)] == [False] * 4


@virtual
async def test_a_smaller_limit_on_the_way_is_found_and_kept_to() -> None:
    """A proxy that takes half of what is documented refuses the first large requests, and no later ones."""

    def script(request: Request) -> int | Answer:
        return 413 if sum(len(item["pad"]) for item in request.items) > 5_000 else 200

    vendor = FakeVendor(script)
    world = World([endpoint(max_batch_count=1_000, max_body_bytes=12_000)], vendor=vendor)
    for round_ in range(10):
        for number in range(60):
            world.put(f"u{round_}-{number}", size=500)
        await world.settle()

    assert len(world.outcomes.delivered_ids) == 600
    refused = [request.number for request in vendor.requests if request.status == 413]
    assert 1 <= len(refused) <= 3
    assert max(refused) < 10


@virtual
async def test_one_large_payload_makes_no_batch_smaller() -> None:
    """What goes alone and is refused for its own size is a dead letter; the requests behind it are full."""
    vendor = FakeVendor(lambda request: 413 if any(len(item["pad"]) > 5_000 for item in request.items) else 200)
    world = World([endpoint(max_batch_count=10, max_body_bytes=12_000)], vendor=vendor)
    large = world.put("large", size=11_990)
    await world.settle()
    for number in range(10):
        world.put(f"u{number}", size=1_000)
    await world.settle()
    assert [number for number, _ in world.outcomes.rejections] == [large]
    assert [len(request.items) for request in vendor.requests] == [1, 10]
