"""What the stage reports over HTTP, on a real Kafka."""

from pathlib import Path

import pytest

from tests.bearing_stream.commands.alarms.plant import Plant
from tests.brokers import Broker
from tests.endpoint_client import address_of, await_ready, get, samples, total
from tests.kafka_tools import eventually

pytestmark = pytest.mark.integration

METRICS_OPTION = "--metrics-port=0"


def test_it_is_ready_without_lag_once_all_is_read(broker: Broker, tmp_path: Path) -> None:
    plant = Plant(broker.bootstrap_servers, tmp_path, sensors=3)
    plant.windows(60)
    with plant.stage(METRICS_OPTION) as stage:
        address = address_of(stage)
        await_ready(address)
        plant.await_events(1)
        eventually(lambda: total(samples(address), "lag") == 0, "no lag")
        found, ready = samples(address), get(f"{address}/readyz").json
        assert get(f"{address}/livez").json == {"status": "alive", "phase": "running"}
        stage.stop()
    topic = plant.settings.diagnoses_topic
    assert ready["partitions"].keys() == {f"{topic}/0", f"{topic}/1"}
    assert total(found, "assigned_partitions") == 2
    assert total(found, "transactions_total") > 0
    written = (("partition", "1"), ("topic", plant.settings.alarm_topics.state))
    assert ("bearing_stream_undecided_seconds", written) in found
