"""The stage on a real Kafka: with kills and rebalances too, it publishes what an engine would.

Alarms and events are compared byte for byte, in order within a partition.
"""

from pathlib import Path

import pytest

from bearing_stream.alarms.rules_file import load
from bearing_stream.commands.alarms.verifying import verify
from tests.bearing_stream.commands.alarms.plant import Plant
from tests.brokers import Broker
from tests.kafka_tools import eventually

pytestmark = pytest.mark.integration


@pytest.fixture
def plant(broker: Broker, tmp_path: Path) -> Plant:
    return Plant(broker.bootstrap_servers, tmp_path)


def test_alarms_are_raised_and_cleared(plant: Plant) -> None:
    plant.windows(200)
    alarms, events = plant.expected()
    assert len(events) > 20
    with plant.stage() as stage:
        plant.await_events(len(events))
        stage.stop()
    assert plant.published(plant.settings.alarm_topics.events) == events
    assert plant.published(plant.settings.alarm_topics.alarms) == alarms


@pytest.mark.timeout(400)
def test_kills_change_no_byte(plant: Plant) -> None:
    # More of them, and within transactions: `make chaos CHAOS='--fault alarms-killed'`.
    for _ in range(3):
        plant.windows(60)
        before = len(plant.published(plant.settings.alarm_topics.events))
        with plant.stage() as stage:
            plant.await_events(before + 1)
            stage.kill()
    _, events = plant.expected()
    with plant.stage() as stage:
        plant.await_events(len(events))
        stage.stop()
    alarms, events = plant.expected()
    assert plant.published(plant.settings.alarm_topics.events) == events
    assert plant.published(plant.settings.alarm_topics.alarms) == alarms
    report = verify(plant.settings, load(plant.rules))
    assert (report.events, report.is_right) == (len(events), True)


@pytest.mark.timeout(400)
def test_instances_that_come_and_go_change_no_byte(plant: Plant) -> None:
    plant.windows(150)
    with plant.stage() as first:
        plant.await_events(1)
        with plant.stage() as second:
            plant.windows(150)
            plant.await_events(len(plant.expected()[1]))
            first.stop()
            plant.windows(150)
            alarms, events = plant.expected()
            plant.await_events(len(events))
            second.stop()
    assert plant.published(plant.settings.alarm_topics.events) == events
    assert plant.published(plant.settings.alarm_topics.alarms) == alarms


def test_after_a_restart_only_what_no_record_reflects_is_read_again(plant: Plant) -> None:
    plant.windows(100)
    _, events = plant.expected()
    with plant.stage() as stage:
        plant.await_events(len(events))
        eventually(lambda: bool(plant.published(plant.settings.alarm_topics.state)), "a record")
        stage.stop()
    count = len(plant.published(plant.settings.alarm_topics.alarms))
    with plant.stage() as stage:
        stage.stop()
    assert len(plant.published(plant.settings.alarm_topics.alarms)) == count
