"""A batch that the client cannot unpack becomes one dead letter, and the consumer goes on."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bearing_stream.wire import Message, RejectionReason, read_error_headers
from tests.consumer.fakes import DEAD_LETTERS, WINDOWS, Cluster, timed_out
from tests.consumer.world import GOOD, Guarantee, World, ids

GUARANTEES = pytest.mark.parametrize("guarantee", ["exactly-once", "at-least-once"])


def letters(world: World) -> list[Message]:
    return [message for topic, message in world.cluster.output if topic == DEAD_LETTERS]


def damaged(*batches: range) -> Cluster:
    """A cluster whose partition 0 holds thirty windows, and these batches among them."""
    cluster = Cluster()
    cluster.arrive(0, *GOOD[:30])
    for batch in batches:
        cluster.damage(WINDOWS, 0, batch)
    return cluster


@GUARANTEES
@settings(max_examples=100)
@given(first=st.integers(0, 29), size=st.integers(1, 30), size_of_next=st.integers(0, 3))
def test_what_it_holds_is_one_dead_letter_and_all_else_is_diagnosed(
    guarantee: Guarantee, first: int, size: int, size_of_next: int
) -> None:
    batch = range(first, min(first + size, 30))
    following = range(batch.stop, min(batch.stop + size_of_next, 30))
    batches = [one for one in (batch, following) if one]
    world = World(guarantee, cluster=damaged(*batches))
    world.rounds()
    assert world.diagnosed() == sorted(
        set(ids(0, 30)) - {f"w{n:06d}" for n in (*batch, *following)}
    )
    found = [read_error_headers(letter.headers) for letter in letters(world)]
    assert [error.reason for error in found] == [RejectionReason.UNREADABLE_BATCH] * len(batches)
    assert [int(error.offset or -1) for error in found] == [one[-1] for one in batches]
    for error, one in zip(found, batches, strict=True):
        assert f"offsets {one[0]} to {one[-1]}:" in error.detail
    assert world.cluster.committed[WINDOWS, 0] == 30
    assert world.metrics.skipped == sum(map(len, batches))
    assert world.metrics.dead_letters == {RejectionReason.UNREADABLE_BATCH: len(batches)}


@pytest.mark.parametrize("call", ["batch_ends", "seek", "produce", "commit_transaction"])
@given(after=st.integers(0, 3))
def test_a_call_that_fails_meanwhile_leaves_one_dead_letter(call: str, after: int) -> None:
    world = World(cluster=damaged(range(4, 9))).joined()
    for _ in range(after):
        world.pipeline.step()
    world.happens_in(call, timed_out())
    world.finish()
    assert len(letters(world)) == 1
    diagnosed = [one for one in world.diagnosed() if one in set(ids(0, 30))]
    assert diagnosed == ids(0, 4) + ids(9, 30)
    assert world.metrics.skipped == 5


def test_a_successor_does_not_repeat_the_dead_letter() -> None:
    cluster = damaged(range(4, 9))
    World(cluster=cluster).rounds()
    cluster.arrive(0, *GOOD[30:40])
    world = World(cluster=cluster)
    world.rounds()
    assert len(letters(world)) == 1
    assert world.diagnosed() == ids(0, 4) + ids(9, 40)
