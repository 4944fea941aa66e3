"""Kafka leaves a part of a commit undecided where a partition's only replica was down.

No window is lost by that, and none published twice, though others publish to the same topics and
take partitions over.
"""

import pytest

from tests.consumer.fakes import (
    DIAGNOSES,
    OFFSETS,
    WINDOWS,
    Cluster,
    StubAssessor,
    fenced,
    result_of,
)
from tests.consumer.world import GOOD, World, ids
from tests.kafka_in_memory.rival import Rival


class OtherModel(StubAssessor):
    """Another version, whose diagnoses have other ids."""

    version = "other-model"


@pytest.mark.parametrize("missed", [(DIAGNOSES, 0), OFFSETS])
def test_the_diagnosis_of_another_model_is_not_taken_for_an_own_one(missed: object) -> None:
    world = World()
    other = Rival(
        world.cluster, "other-model", "other-model", lambda one: result_of(one, OtherModel())
    )
    world.cluster.arrive(0, *GOOD[:4])
    world.commits_in_part(missed)
    world.happens_in("send_offsets_to_transaction", lambda: other.take(WINDOWS, 0, 4))
    world.rounds()
    world.happens_in("flush", fenced())
    world.cluster.arrive(1, *GOOD[4:8])
    world.rounds()
    assert world.diagnosed("other-model") == ids(0, 4)
    assert world.diagnosed() == ids(0, 8)


def test_recovery_never_sets_back_what_another_member_committed() -> None:
    world = World(cluster=Cluster(rivals_wait=False))
    world.cluster.arrive(0, *GOOD[:4])
    world.commits_in_part(OFFSETS)
    while not world.metrics.commits:
        world.pipeline.step()
    world.consumer.evict(0, back=(1,))
    world.cluster.arrive(0, *GOOD[4:30])
    world.happens_in("committed", lambda: world.cluster.another_consumer_takes(0, 30))
    world.rounds()
    committed = [at for where, at in world.cluster.members.history if where == (WINDOWS, 0)]
    assert 30 in committed
    assert committed == sorted(committed)


def test_recovery_knows_every_transaction_that_may_be_undecided() -> None:
    world = World()
    world.cluster.arrive(0, *GOOD[:4])
    world.commits_in_part((DIAGNOSES, 0))
    world.rounds()
    world.cluster.arrive(1, *GOOD[4:8])
    world.rounds()
    world.happens_in("flush", fenced())
    world.cluster.arrive(1, *GOOD[8:12])
    world.rounds()
    assert world.diagnosed() == ids(0, 12)


def test_recovers_where_the_diagnoses_topic_is_compacted() -> None:
    world = World(cluster=Cluster(compacted=True))
    world.cluster.arrive(0, *GOOD[:4])
    world.rounds()
    world.happens_in("flush", fenced())
    world.cluster.arrive(0, *GOOD[4:8])
    world.rounds()
    assert world.diagnosed() == ids(0, 8)
