"""A broker that goes is noticed where no event comes, and so is that it is back."""

import pytest

from bearing_stream.commands.alarms.notify import reachability
from bearing_stream.commands.alarms.notify.reachability import Reachability
from bearing_stream.local_kafka import LocalKafka
from tests.kafka_tools import eventually


@pytest.mark.integration
def test_a_broker_that_goes_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reachability, "INTERVAL", 0.1)
    monkeypatch.setattr(reachability, "TIMEOUT", 1.0)
    with LocalKafka() as kafka:
        found = Reachability(kafka.client_properties, "bearing.alarm-events")
        with found.asking():
            assert found.problem == ""
            kafka.kill()
            eventually(lambda: found.problem != "", "that it is away")
            kafka.start()
            eventually(lambda: found.problem == "", "that it is back")
