"""With at least once, a broker that goes down within a commit does not stop the loop.

librdkafka returns from such a commit when the broker is back.
"""

import threading
import time
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from consumer.delivery.states import State
from consumer.liveness import budget
from tests.consumer.fakes import WINDOWS
from tests.consumer.world import World


class Hanging:
    """The consumer's commit, which returns only after `returned` is set."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.called, self.returned = threading.Event(), threading.Event()
        self.threads: list[threading.Thread] = []
        self._commit = world.consumer.commit
        monkeypatch.setattr(budget, "COMMIT", 0.01)
        monkeypatch.setattr(world.consumer, "commit", self)

    def __call__(self, **arguments: Any) -> list[TopicPartition] | None:
        self.threads.append(threading.current_thread())
        self.called.set()
        assert self.returned.wait(10)
        return self._commit(**arguments)


def test_rounds_go_on_and_what_was_committed_is_not_diagnosed_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World("at-least-once").joined()
    world.arrive(0, 7)
    hanging = Hanging(world, monkeypatch)
    world.rounds(10)
    # On a busy machine the thread begins after the time limit of the call.
    assert hanging.called.wait(10)
    assert "does not respond to a commit" in world.pipeline.trouble
    assert world.source.member() == ""
    assert (len(hanging.threads), world.cluster.committed[WINDOWS, 0]) == (1, 0)

    hanging.returned.set()
    monkeypatch.undo()
    deadline = time.monotonic() + 10
    while world.pipeline.trouble:
        assert time.monotonic() < deadline
        world.pipeline.step()
    world.arrive(0, 3)
    world.finish()
    assert sorted(world.cluster.places_out()) == [(0, offset) for offset in range(10)]
    assert world.cluster.committed[WINDOWS, 0] == 10


def test_a_commit_before_partitions_are_revoked_needs_no_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The client is in a callback then, for which another thread would wait."""
    world = World("at-least-once", batch_size=4).joined()
    world.arrive(0, 4)
    world.pipeline.step()
    assert world.delivery.state is State.OPEN
    hanging = Hanging(world, monkeypatch)
    hanging.returned.set()
    world.consumer.revoke_later(0)
    world.pipeline.step()
    assert hanging.threads == [threading.current_thread()]
    assert world.cluster.committed[WINDOWS, 0] == 4
