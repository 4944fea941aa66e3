"""A slice of `python -m tools.bench.fuzz consume`: the running consumer is right."""

from pathlib import Path

import pytest

from bearing_stream.wire import RejectionReason
from tests.brokers import Broker
from tools.bench.fuzz_consumer import Order, fuzz_consumer

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("guarantee", ["exactly-once", "at-least-once"])
def test_a_thousand_messages_good_and_bad(broker: Broker, guarantee: str, tmp_path: Path) -> None:
    order = Order(1_000, 2, ("--device=cpu", f"--guarantee={guarantee}"))
    figures = fuzz_consumer(broker.bootstrap_servers, order, tmp_path)
    assert figures["sent"]["good"] + figures["sent"]["bad"] == 1_002
    assert figures["diagnosed"] == figures["sent"]["good"]
    assert sum(figures["dead_letters"].values()) == figures["sent"]["bad"]
    assert set(figures["dead_letters"]) <= {reason.value for reason in RejectionReason}
    assert figures["lost"] == figures["duplicated"] == figures["altered"] == figures["both"] == 0
