"""When a producer is connected, so that the schedule of the simulator can start."""

import json
import threading
import time
from typing import Any

import pytest

from producer_sim.connected import is_connected
from producer_sim.sender import PRODUCER_PROPERTIES, Sender
from tests.mock_kafka import TOPIC, MockKafka


def statistics(**changed: Any) -> str:
    complete: dict[str, Any] = {
        "brokers": {
            "a": {"nodeid": 1, "state": "UP"},
            "b": {"nodeid": 2, "state": "UP"},
            "c": {"nodeid": 3, "state": "INIT"},
        },
        "topics": {
            "t": {"partitions": {"0": {"leader": 1}, "1": {"leader": 2}, "-1": {"leader": -1}}}
        },
        "eos": {"idemp_state": "Assigned"},
    }
    return json.dumps({name: value for name, value in (complete | changed).items() if value})


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, True),
        ({"eos": None}, True),
        ({"eos": {"idemp_state": "RequestPID"}}, False),
        ({"topics": {"t": {"partitions": {"0": {"leader": 3}}}}}, False),
        ({"topics": {"t": {"partitions": {"0": {"leader": -1}}}}}, False),
        ({"topics": {"other": {"partitions": {"0": {"leader": 1}}}}}, False),
    ],
)
def test_an_id_and_a_connection_to_each_leader_are_needed(
    changed: dict[str, Any], expected: bool
) -> None:
    assert is_connected(statistics(**changed), "t") is expected


def test_a_sender_connects_before_it_sends(mock_kafka: MockKafka) -> None:
    sender = Sender(
        {**PRODUCER_PROPERTIES, "bootstrap.servers": mock_kafka.bootstrap_servers}, TOPIC
    )
    assert sender.connect(threading.Event(), 30)


def test_a_sender_that_cannot_connect_waits_until_its_timeout_or_a_stop() -> None:
    sender = Sender({**PRODUCER_PROPERTIES, "bootstrap.servers": "127.0.0.1:1"}, TOPIC)
    started = time.monotonic()
    assert not sender.connect(threading.Event(), 0.2)
    stopped = threading.Event()
    stopped.set()
    assert not sender.connect(stopped, 60)
    assert time.monotonic() - started < 20
