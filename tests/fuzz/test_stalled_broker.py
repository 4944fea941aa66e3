"""A broker that stands still makes the consumer wait, and not grow; then it goes on."""

from pathlib import Path

import pytest

from bearing_stream.commands.verify.report import Guarantee
from tools.bench.bounds_stall import measure
from tools.chaos.feed import Pace

pytestmark = pytest.mark.integration

ALLOWED_MIB = 200
"""Windows fetched ahead and diagnoses on their way, as the client and Python hold them."""


@pytest.mark.parametrize("guarantee", ["exactly-once", "at-least-once"])
def test_a_broker_that_stands_still_for_ten_seconds(guarantee: Guarantee, tmp_path: Path) -> None:
    figures = measure(guarantee, 10.0, 1_000, tmp_path, Pace(rate=200.0, sensors=16))
    assert figures["wrong"] == {}
    assert figures["lost"] == 0
    assert figures["windows"] >= 2_000
    # That diagnoses came after it, `measure` waits for.
    assert figures["frozen_mib"] < figures["before_mib"] + ALLOWED_MIB
    assert figures["afterwards_mib"] < figures["before_mib"] + ALLOWED_MIB
