"""A broker that stands still makes the consumer wait, and not grow; then it goes on."""

from pathlib import Path

import pytest

from bench.bounds_stall import measure
from chaos.feed import Pace
from verification.report import Guarantee

pytestmark = pytest.mark.integration

ALLOWED_MIB = 200
"""Windows fetched ahead and diagnoses on their way, as the client and Python hold them."""


@pytest.mark.parametrize("guarantee", ["exactly-once", "at-least-once"])
def test_a_broker_that_stands_still_for_ten_seconds(guarantee: Guarantee, tmp_path: Path) -> None:
    figures = measure(guarantee, 10.0, 1_000, tmp_path, Pace(rate=100.0, sensors=16))
    assert figures["wrong"] == {}
    assert figures["lost"] == 0
    assert figures["windows"] >= 2_000
    # That diagnoses came after it, `measure` waits for.
    assert figures["frozen_mib"] < figures["before_mib"] + ALLOWED_MIB
    assert figures["afterwards_mib"] < figures["before_mib"] + ALLOWED_MIB
