"""What the loop of the stage reports of itself, and what it writes when it ends."""

from typing import Any

from bearing_stream.commands.alarms.stage.batch import DiagnosisBatch
from bearing_stream.commands.alarms.stage.loop import AlarmLoop
from bearing_stream.commands.alarms.stage.metrics import AlarmMetrics
from bearing_stream.kafka import Ends
from consumer.metrics import DispatchReason
from consumer.telemetry.health import Health
from consumer.telemetry.partitions import Overview, PartitionState
from tests.bearing_stream.alarms.diagnoses import OUTER
from tests.bearing_stream.commands.alarms.stage_in_memory import SETTINGS, TOPIC, InMemoryStage
from tests.consumer.telemetry.test_health import ready, running


def test_it_is_not_ready_while_it_reads_the_state_of_a_partition() -> None:
    stage = InMemoryStage()
    nothing: Any = None
    batch = DiagnosisBatch(1, 0)
    loop = AlarmLoop(
        SETTINGS, nothing, batch, stage.dispatcher, nothing, AlarmMetrics(), lambda: True
    )
    health: Health = running(trouble=lambda: loop.trouble)
    found: list[tuple[int, Any]] = []
    stage.while_reading = lambda: found.append(ready(health))
    stage.rewind()
    [(status, body)] = found
    assert status == 503
    assert body["problems"] == [
        "results cannot be delivered: the state of partition 0 is being read"
    ]


def test_what_changed_is_written_before_partitions_go() -> None:
    stage = InMemoryStage()
    stage.feed(3, probabilities=OUTER)
    before = stage.position
    stage.finish()
    assert stage.position > before
    assert b"sensor/pump-7" in [record.key for record in stage.state]


def test_without_kafka_no_transaction_is_begun_for_it_and_no_evidence_is_lost() -> None:
    stage, undisturbed = InMemoryStage(), InMemoryStage()
    for each in (stage, undisturbed):
        each.feed(3)
        each.feed(1.5, probabilities=OUTER)
    stage.responds = False
    stage.dispatcher.dispatch(DiagnosisBatch(1, 0), DispatchReason.FINISH)
    # One would be given up only after all the time that there is for the last commit.
    assert not stage.is_open
    stage.restart()
    stage.catch_up()
    for each in (stage, undisturbed):
        each.feed(10, probabilities=OUTER)
        each.commit()
    assert stage.state == undisturbed.state


def test_what_is_open_is_finished_whether_or_not_kafka_responds() -> None:
    stage = InMemoryStage()
    stage.responds = False
    stage.feed(10, probabilities=OUTER)
    assert stage.is_open
    stage.finish()
    assert stage.position == stage.end


def test_a_partition_that_cannot_be_read_makes_no_sensor_silent() -> None:
    stage = InMemoryStage()
    stage.feed(5)
    blocked = Overview({(TOPIC, 0): PartitionState(3, 0.0, Ends(3, 9))}, {}, {(TOPIC, 0): 10.0})
    stage.sources.owned = lambda: frozenset({(TOPIC, 0)})
    stage.sources.overview = lambda: blocked
    for _ in range(5):
        stage.now += 40
        stage.dispatcher.report_silence(lambda: True)
    assert not stage.is_open
    stage.sources.overview = Overview
    stage.now += 40
    stage.dispatcher.report_silence(lambda: True)
    assert not stage.is_open, "the time in which nothing could be read does not count"
    stage.now += 40
    stage.dispatcher.report_silence(lambda: True)
    stage.commit()
    assert [one["event"] for one in stage.events] == ["raised"]


def test_an_alarm_of_silence_that_is_disabled_meanwhile_is_cleared_at_the_restart() -> None:
    stage = InMemoryStage()
    stage.feed(5)
    stage.now += 90
    stage.dispatcher.report_silence(lambda: True)
    stage.commit()
    stage.use("sensor-silent.enabled = false")
    stage.restart()
    assert [one["event"] for one in stage.events] == ["raised", "cleared"]
