"""What the stage counts: once for each committed transaction, and right after restarts."""

import pytest

from bearing_stream.commands.alarms.stage.listed import ALARM_METRICS, PREFIX
from bearing_stream.observability import Distribution
from bearing_stream.observability.prometheus import Exposition
from bearing_stream.wire.alarm_terms import Action, AlarmKind, Severity, Transition
from consumer.telemetry.listed import METRICS
from tests.bearing_stream.alarms.diagnoses import HEALTHY, OUTER
from tests.bearing_stream.commands.alarms.stage_in_memory import InMemoryStage

BEARING = "pump-7:bearing-fault"
FAULT = ("bearing-fault", "medium")


def faulty() -> InMemoryStage:
    """A stage in which one alarm was raised, a few seconds ago."""
    stage = InMemoryStage()
    stage.feed(5)
    stage.feed(5, probabilities=OUTER)
    stage.commit()
    return stage


def test_what_is_exported_is_what_is_listed() -> None:
    stage = faulty()
    stage.sources.metrics.kafka_errors["_TRANSPORT"] += 1
    readings = list(stage.sources.readings())
    # Of these there are readings while partitions are assigned by a group.
    of_partitions = {"lag", "partition_stalled", "undecided_seconds"}
    named = {reading.metric.name for reading in readings}
    listed = {metric.name for metric in stage.sources.exported}
    assert listed - named == {f"bearing_stream_{name}" for name in of_partitions}
    assert named <= listed
    for reading in readings:
        assert len(reading.labels) == len(reading.metric.labels)
        assert isinstance(reading.value, Distribution) == (reading.metric.kind == "histogram")
    text = Exposition(stage.sources.exported, lambda: readings).scrape("").body.decode()
    assert 'bearing_stream_alarms_raised_total{kind="bearing-fault",severity="medium"} 1.0' in text


def test_names_follow_the_conventions_of_prometheus() -> None:
    names = [metric.name for metric in (*ALARM_METRICS, *METRICS)]
    assert len(names) == len(set(names))
    for metric in ALARM_METRICS:
        assert metric.name.startswith(PREFIX)
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert "sensor" not in metric.labels
        assert metric.meaning.endswith(".")
        assert metric.action.endswith(".")


def test_counters_begin_at_zero_so_that_a_rule_sees_their_first_increase() -> None:
    stage = InMemoryStage()
    for kind in AlarmKind:
        for severity in Severity:
            assert stage.value("raised_total", kind, severity) == 0
            assert stage.value("active", kind, severity) == 0
    for event in Transition:
        assert stage.value("events_total", event) == 0
    assert stage.value("ignored_total", "untracked") == 0


def test_only_what_is_committed_is_counted() -> None:
    stage = InMemoryStage()
    stage.feed(5)
    stage.feed(5, probabilities=OUTER)
    assert stage.value("raised_total", *FAULT) == stage.value("active", *FAULT) == 0
    assert stage.value("annunciated_total") == 0
    stage.commit()
    assert stage.value("raised_total", *FAULT) == stage.value("active", *FAULT) == 1
    assert stage.value("annunciated_total") == stage.value("annunciated_10m") == 1
    assert stage.value("events_total", "raised") == 1
    assert stage.value("conditions", "unacknowledged") == 1


def test_a_transaction_that_is_aborted_counts_once_when_it_is_done_again() -> None:
    stage = InMemoryStage()
    stage.feed(5)
    stage.checkpoint()
    stage.feed(5, probabilities=OUTER)
    stage.rewind()
    assert stage.value("raised_total", *FAULT) == 0
    stage.catch_up()
    stage.commit()
    assert stage.value("raised_total", *FAULT) == stage.value("annunciated_10m") == 1


def test_a_sensor_is_first_seen_once_across_a_rewind_and_a_restart() -> None:
    stage = InMemoryStage("sensor-silent.first_seen = true")
    stage.feed(5)
    stage.rewind()
    stage.catch_up()
    stage.commit()
    assert stage.value("events_total", "first-seen") == 1
    # Without a checkpoint: the record of the sensor is written together with the event.
    stage.restart()
    stage.catch_up()
    stage.feed(5, "pump-7", "pump-8")
    stage.commit()
    assert stage.value("events_total", "first-seen") == 1


def test_after_a_restart_gauges_are_those_of_the_state_and_counters_begin_at_zero() -> None:
    stage = faulty()
    stage.command(Action.SHELVE, BEARING, hours=8)
    stage.commit()
    records, size = stage.value("state_records"), stage.value("state_bytes")
    stage.restart()
    assert stage.value("active", *FAULT) == 1
    assert stage.value("conditions", "shelved") == stage.value("conditions", "unacknowledged") == 1
    assert stage.value("raised_total", *FAULT) == stage.value("annunciated_total") == 0
    assert stage.value("state_records") == records == 3
    latest = {record.key: record.value or b"" for record in stage.state}
    assert stage.value("state_bytes") == size == sum(map(len, (*latest, *latest.values())))
    restores = stage.value("restore_seconds")
    assert isinstance(restores, Distribution)
    assert restores.buckets[-1][1] == 1
    # What was read again has no effect, and is not counted.
    stage.catch_up()
    stage.checkpoint()
    assert stage.value("events_total", "raised") == 0


def test_after_a_restart_the_last_ten_minutes_are_known() -> None:
    stage = faulty()
    stage.restart()
    assert stage.value("annunciated_10m") == 1
    stage.now += 601
    assert stage.value("annunciated_10m") == 0


def test_a_rewind_counts_the_last_ten_minutes_once() -> None:
    stage = faulty()
    stage.rewind()
    assert stage.value("annunciated_10m") == 1


def test_each_diagnosis_is_counted_once_by_the_instances_that_follow_each_other() -> None:
    stage = faulty()
    stage.checkpoint()
    first = stage.value("diagnoses_total")
    assert first == stage.position == stage.value("committed_offset", "bearing.diagnoses", "0")
    stage.feed(3)
    stage.restart()
    assert stage.value("diagnoses_total") == 0
    assert stage.value("committed_offset", "bearing.diagnoses", "0") == stage.position
    stage.catch_up()
    stage.feed(3)
    stage.checkpoint()
    second = stage.value("diagnoses_total")
    assert isinstance(first, float | int)
    assert isinstance(second, float | int)
    assert first + second == stage.position


@pytest.mark.parametrize("restarts", [False, True])
def test_the_time_to_acknowledge_begins_when_the_alarm_is_displayed(restarts: bool) -> None:
    stage = faulty()
    displayed = stage.now
    if restarts:
        stage.restart()
    stage.now += 90
    stage.command(Action.ACKNOWLEDGE, BEARING)
    stage.commit()
    found = stage.value("acknowledge_seconds")
    assert isinstance(found, Distribution)
    assert found.buckets[-1][1] == 1
    # Its event time is some seconds before it was committed; after a restart, only that is known.
    assert found.sum == pytest.approx(stage.now - displayed, abs=5 if restarts else 0.001)
    assert stage.value("conditions", "unacknowledged") == 0
    assert stage.value("active", *FAULT) == 1


def test_a_shelved_alarm_is_not_put_before_operators_until_it_is_unshelved() -> None:
    stage = faulty()
    stage.command(Action.SHELVE, BEARING, hours=8)
    stage.feed(120, probabilities=HEALTHY)
    stage.feed(10, probabilities=OUTER)
    stage.commit()
    assert stage.value("raised_total", *FAULT) == 2
    assert stage.value("annunciated_total") == 1
    stage.command(Action.UNSHELVE, BEARING)
    stage.commit()
    assert stage.value("annunciated_total") == 2
    stage.now += 10
    stage.command(Action.ACKNOWLEDGE, BEARING)
    stage.commit()
    found = stage.value("acknowledge_seconds")
    assert isinstance(found, Distribution)
    assert found.sum == pytest.approx(10)


def test_conditions_are_those_of_the_alarms() -> None:
    stage = faulty()
    stage.command(Action.SUPPRESS, BEARING)
    stage.command(Action.DISABLE, BEARING)
    stage.commit()
    assert stage.value("conditions", "suppressed") == 1
    assert stage.value("conditions", "out-of-service") == 1
    stage.command(Action.UNSUPPRESS, BEARING)
    stage.command(Action.ENABLE, BEARING)
    stage.command(Action.ACKNOWLEDGE, BEARING)
    stage.feed(120, probabilities=HEALTHY)
    stage.commit()
    assert {
        labels: value
        for (name, labels), value in stage.readings().items()
        if name in ("alarms_active", "alarms_conditions") and value
    } == {}


def test_an_alarm_that_is_active_for_a_day_is_stale() -> None:
    stage = faulty()
    assert stage.value("conditions", "stale") == 0
    stage.now += 24 * 3600 + 10
    assert stage.value("conditions", "stale") == 1
    stage.restart()
    assert stage.value("conditions", "stale") == 1


def test_more_than_ten_alarms_in_ten_minutes_are_a_flood_until_fewer_than_five_are_left() -> None:
    stage = InMemoryStage()
    sensors = [f"s-{number}" for number in range(11)]
    stage.feed(5, *sensors)
    stage.feed(5, *sensors[:10], probabilities=OUTER)
    stage.commit()
    assert (stage.value("annunciated_10m"), stage.value("flood")) == (10, 0)
    stage.feed(5, *sensors[10:], probabilities=OUTER)
    stage.commit()
    assert (stage.value("annunciated_10m"), stage.value("flood")) == (11, 1)
    stage.now += 300
    assert stage.value("flood_seconds_total") == pytest.approx(300)
    # 10 of them were annunciated 5 s before the flood began.
    stage.now += 300
    assert (stage.value("annunciated_10m"), stage.value("flood")) == (0, 0)
    assert stage.value("flood_seconds_total") == pytest.approx(595)


def test_alarms_of_partitions_that_go_are_not_counted_any_more() -> None:
    stage = faulty()
    stage.dispatcher.keep({})
    assert stage.value("active", *FAULT) == stage.value("annunciated_10m") == 0
    assert stage.value("state_records") == stage.value("state_bytes") == 0
    assert ("alarms_committed_offset", ("bearing.diagnoses", "0")) not in stage.readings()
    assert stage.value("raised_total", *FAULT) == 1
