import uuid
from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pytest

from bearing_stream.kafka import create_topics
from bearing_stream.wire import Rejection, decode_window
from producer_sim import SimulatorSettings, open_streams, simulate
from producer_sim.malformed import KINDS
from tests.brokers import Broker
from tests.mock_kafka import read_messages
from tests.partitioner import java_partition, murmur2


@pytest.mark.parametrize(
    ("key", "value"),
    [("21", -973932308), ("foobar", -790332482), ("a-little-bit-long-string", -985981536)],
)
def test_keys_are_hashed_as_in_the_tests_of_kafka(key: str, value: int) -> None:
    """The values are those of Kafka's own `UtilsTest.testMurmur2`."""
    assert murmur2(key.encode()) == value & 0xFFFFFFFF


@pytest.mark.integration
def test_every_window_and_every_bad_message_is_on_the_topic_once(broker: Broker) -> None:
    settings = SimulatorSettings(
        bootstrap_servers=broker.bootstrap_servers,
        windows_topic=f"windows-{uuid.uuid4().hex}",
        create_topics=True,
        partitions=3,
        source="synthetic",
        sensors=8,
        limit=2000,
        speed=float("inf"),
        sample_format="int16",
        malformed=0.1,
    )
    sent = simulate(settings, open_streams(settings))
    assert (sent.complete, sent.windows) == (True, 2000)
    bad_count = sum(sent.malformed.values())
    assert sent.malformed.keys() == KINDS.keys()

    numbers: defaultdict[str, list[str]] = defaultdict(list)
    bad: Counter[str] = Counter()
    messages = read_messages(
        broker.bootstrap_servers, settings.windows_topic, sent.windows + bad_count
    )
    for message in messages:
        key = (message.key() or b"").decode()
        headers: Any = message.headers()
        try:
            window = decode_window(headers, message.value(), np.empty(2048, np.float32))
        except Rejection as rejection:
            kind = key.split("/")[1]
            bad[kind] += rejection.reason is KINDS[kind].reason
        else:
            assert window.sensor == key
            numbers[key].append(window.id)
    assert bad == sent.malformed
    for message in messages:
        assert message.partition() == java_partition(message.key() or b"", 3)
    assert len({message.partition() for message in messages}) == 3
    assert len(messages) == 2000 + bad_count
    for sensor in range(8):
        name = f"bearing-{sensor:04d}"
        assert numbers[name] == [f"{name}/{number:06d}" for number in range(250)]


@pytest.mark.integration
def test_the_first_windows_are_sent_when_they_are_due_and_not_in_a_burst(broker: Broker) -> None:
    # The broker's own times show when a window reached it.
    name = f"windows-{uuid.uuid4().hex}"
    properties = {"bootstrap.servers": broker.bootstrap_servers}
    appended = {"message.timestamp.type": "LogAppendTime"}
    create_topics(properties, {name: 4}, topic_properties=appended)
    settings = SimulatorSettings(
        bootstrap_servers=broker.bootstrap_servers,
        windows_topic=name,
        source="synthetic",
        sensors=64,
        speed=4.0,
        loop=True,
        limit=1500,
    )
    simulate(settings, open_streams(settings))
    messages = read_messages(broker.bootstrap_servers, name, 1500)
    times = sorted(message.timestamp()[1] for message in messages)
    # 150 are due in the first 100 ms; without a wait for the connection, 900 arrived then.
    assert sum(time < times[0] + 100 for time in times) < 500
