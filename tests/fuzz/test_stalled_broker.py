"""While the broker is frozen, the consumer waits with constant memory; then it continues."""

from pathlib import Path

import pytest

from bearing_stream.commands.verify.report import Guarantee
from tools.bench.bounds_stall import measure
from tools.chaos.feed import FeedSettings

pytestmark = pytest.mark.integration

ALLOWED_MIB = 200
"""For windows fetched ahead and diagnoses to be produced, in the client and in Python."""


@pytest.mark.parametrize("guarantee", ["exactly-once", "at-least-once"])
def test_a_broker_that_is_frozen_for_ten_seconds(guarantee: Guarantee, tmp_path: Path) -> None:
    figures = measure(guarantee, 10.0, 1_000, tmp_path, FeedSettings(rate=200.0, sensors=16))
    assert figures["wrong"] == {}
    assert figures["lost"] == 0
    assert figures["windows"] >= 2_000
    # `measure` waits for diagnoses after the freeze.
    assert figures["frozen_mib"] < figures["before_mib"] + ALLOWED_MIB
    assert figures["afterwards_mib"] < figures["before_mib"] + ALLOWED_MIB
