"""Each fault that needs three brokers or a small disk, once; `make chaos` injects them often."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bearing_stream.local_kafka import LocalKafka
from tests.tools.chaos.trials import MARKS, assert_kept, trial
from tools.chaos.clusters import Site, cluster
from tools.chaos.errors import ChaosError

pytestmark = MARKS


@pytest.fixture(scope="module")
def three() -> Iterator[LocalKafka]:
    """Three brokers."""
    with cluster(Site.THREE) as made:
        yield made


@pytest.mark.parametrize(
    "name", ["leader-lost", "produce-fails", "broker-unreachable", "leaders-elected"]
)
def test_a_leader_that_is_lost_frozen_hidden_or_replaced(
    three: LocalKafka, folder: Path, name: str
) -> None:
    assert_kept(trial(folder, three, name))


def test_a_disk_that_is_full(folder: Path) -> None:
    try:
        with cluster(Site.SMALL_DISK) as small:
            assert_kept(trial(folder, small, "disk-full"))
    except ChaosError as impossible:
        pytest.skip(str(impossible))
