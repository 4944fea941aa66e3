"""Each fault of the network once; `make chaos` injects them many times."""

from pathlib import Path

import pytest

from bearing_stream.local_kafka import LocalKafka
from tests.tools.chaos.trials import MARKS, assert_kept, trial

pytestmark = MARKS


@pytest.mark.parametrize("name", ["network-silent", "network-reset", "network-slow"])
def test_connections_that_fail_while_both_ends_are_well(
    kafka: LocalKafka, folder: Path, name: str
) -> None:
    assert_kept(trial(folder, kafka, name))
