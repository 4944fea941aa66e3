"""The stage on a real Kafka: with kills and rebalances too, it publishes what an engine would.

Alarms and events are compared byte for byte, in order within a partition.
"""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bearing_stream.alarms.engine import Engine
from bearing_stream.alarms.observation import read
from bearing_stream.alarms.rules_file import load
from bearing_stream.commands.alarms.acting import command_for, find, send
from bearing_stream.commands.alarms.events import RESTORED
from bearing_stream.commands.alarms.verifying import verify
from bearing_stream.wire.alarm import AlarmEvent, encode_event
from bearing_stream.wire.alarm_terms import Action
from consumer.events import FAILED
from tests.bearing_stream.commands.alarms.plant import Plant
from tests.brokers import Broker
from tests.kafka_tools import end_offsets, eventually, recreate_topic

pytestmark = pytest.mark.integration


def happened(value: bytes | None) -> tuple[str, str, datetime | None]:
    """What an event is about, without the place of the diagnosis."""
    event = AlarmEvent.model_validate_json(value or b"")
    return event.alarm_id, event.event, event.last_measured_at


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


def test_a_second_group_on_the_same_topics_is_refused(plant: Plant) -> None:
    plant.windows(60)
    with plant.stage() as stage:
        plant.await_events(1)
        with plant.stage("--group=another") as second:
            assert second.wait(30) == 1
            assert "both would publish each alarm" in second.events(FAILED)[0]["error"]
        taking = f"--take-over={plant.settings.own_group}"
        refused = plant.member("--group=another", taking)
        assert refused.wait(30) == 1
        assert "still has 1 members" in refused.events(FAILED)[0]["error"]
        stage.stop()
    with plant.stage("--group=another", taking) as another:
        another.await_event(RESTORED)
        another.stop()


def test_a_topic_of_state_that_is_created_anew_with_fewer_partitions_is_refused(
    plant: Plant,
) -> None:
    """As the broker does where it creates topics by itself, when someone deletes it."""
    plant.windows(60)
    with plant.stage() as stage:
        plant.await_events(1)
        recreate_topic(plant.servers, plant.settings.alarm_topics.state, 1)
        plant.windows(60)
        assert stage.wait(60) == 1
        [failed] = stage.events(FAILED)
        assert "they must have the same number" in failed["error"]


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


def test_topics_created_anew_are_followed_with_the_state_that_there_is(plant: Plant) -> None:
    undisturbed, expected = Engine(load(plant.rules)), []
    for offset, sent in enumerate(plant.messages(160)):
        outputs = undisturbed.observe(read(sent.value, offset))
        expected += [happened(encode_event(event).value) for _, event in outputs if event]
    topics = plant.settings.alarm_topics
    with plant.stage("--topic-check-interval=0.5") as stage:
        plant.windows(60)
        end = end_offsets(plant.servers, plant.settings.diagnoses_topic)
        eventually(lambda: plant.committed() == end, "what is reflected before")
        before = len(plant.published(topics.events))
        plant.recreate(plant.settings.diagnoses_topic, topics.commands)
        plant.windows(100)
        plant.await_events(len(expected))
        # The last command of the old topic had another offset.
        [row] = find(plant.settings, ["s-3:bearing-fault"])
        command = command_for(row, Action.SUPPRESS, "ann", "test", datetime.now(UTC))
        [result] = send(plant.settings, [(command, row.partition)], 30)
        stage.stop()
    assert 0 < before < len(expected)
    expected.append((command.alarm_id, result.event, result.last_measured_at))
    found = [happened(value) for _, _, value, _ in plant.published(topics.events)]
    assert sorted(found) == sorted(expected)
