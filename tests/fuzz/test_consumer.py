"""A small run of `python -m tools.bench.fuzz consume`."""

from pathlib import Path

import pytest

from bearing_stream.wire import RejectionReason
from tests.brokers import Broker
from tools.bench.fuzz_consumer import FuzzRun, fuzz_consumer

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("guarantee", ["exactly-once", "at-least-once"])
def test_a_thousand_valid_and_invalid_messages(
    broker: Broker, guarantee: str, tmp_path: Path
) -> None:
    run = FuzzRun(1_000, 2, ("--device=cpu", f"--guarantee={guarantee}"))
    figures = fuzz_consumer(broker.bootstrap_servers, run, tmp_path)
    assert figures["sent"]["good"] + figures["sent"]["bad"] == 1_002
    assert figures["diagnosed"] == figures["sent"]["good"]
    assert sum(figures["dead_letters"].values()) == figures["sent"]["bad"]
    assert set(figures["dead_letters"]) <= {reason.value for reason in RejectionReason}
    assert figures["lost"] == figures["duplicated"] == figures["altered"] == figures["both"] == 0
