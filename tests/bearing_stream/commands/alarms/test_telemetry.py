"""What the stage of alarms reports over HTTP, on a real Kafka."""

import uuid
from pathlib import Path

import pytest

from consumer.events import FAILED, WAITING_AT_STARTUP
from tests.bearing_stream.commands.alarms.plant import Plant
from tests.brokers import Broker
from tests.endpoint_client import address_of, await_ready, get, samples, total
from tests.kafka_tools import eventually
from tools.chaos.member import Member

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


def test_it_waits_for_its_topics_and_names_them(broker: Broker, tmp_path: Path) -> None:
    missing = f"diagnoses-{uuid.uuid4().hex[:8]}"
    arguments = [f"--bootstrap-servers={broker.bootstrap_servers}", f"--diagnoses-topic={missing}"]
    log = tmp_path / "log"
    stage = Member("bearing_stream", [*arguments, METRICS_OPTION], log, command="alarms")
    try:
        address = address_of(stage)
        stage.await_event(WAITING_AT_STARTUP)
        ready = get(f"{address}/readyz")
        assert (ready.status, ready.json["phase"]) == (503, "waiting")
        assert missing in ready.json["problems"][0]
        assert get(f"{address}/livez").status == 200
        assert total(samples(address), "alarms_info") == 1
    finally:
        stage.kill()


def test_each_alarm_and_each_diagnosis_counts_once_across_a_kill(
    broker: Broker, tmp_path: Path
) -> None:
    plant = Plant(broker.bootstrap_servers, tmp_path, sensors=9)
    plant.windows(60)
    with plant.stage(METRICS_OPTION) as stage:
        address = address_of(stage)
        eventually(lambda: total(samples(address), "alarms_diagnoses_total") == 540, "the first")
        first = samples(address)
        stage.kill()
    plant.windows(60)
    with plant.stage(METRICS_OPTION) as stage:
        address = address_of(stage)
        eventually(lambda: total(samples(address), "alarms_diagnoses_total") == 540, "the others")
        second = samples(address)
        stage.stop()
    _, events = plant.expected()
    raised = sum(b'"event":"raised"' in value for _, _, value, _ in events)
    assert raised > 1
    for name, count in (("alarms_raised_total", raised), ("alarms_events_total", len(events))):
        assert total(first, name) + total(second, name) == count
    assert total(first, "alarms_active") > 0
    committed = "bearing_stream_alarms_committed_offset"
    offsets = {labels: value for (name, labels), value in second.items() if name == committed}
    assert sum(offsets.values()) == 1080
    # Of the sensors, and in both partitions of the group.
    assert total(second, "alarms_state_records") == 9 + 2
    assert total(second, "alarms_state_bytes") > 1000


def test_a_port_in_use_is_one_line_of_advice(broker: Broker, tmp_path: Path) -> None:
    plant = Plant(broker.bootstrap_servers, tmp_path, sensors=1)
    with plant.stage(METRICS_OPTION) as stage:
        port = address_of(stage).rpartition(":")[2]
        log = tmp_path / "second.log"
        arguments = plant.arguments(f"--metrics-port={port}")
        second = Member("bearing_stream", arguments, log, command="alarms")
        assert second.wait() == 1
    [failed] = second.events(FAILED)
    assert f"port {port}: Address already in use; choose another --metrics-port" in failed["error"]
