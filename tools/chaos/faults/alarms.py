"""Faults of the state of alarms: compaction while it is read, and records that someone deletes."""

from functools import partial
from typing import Final

from confluent_kafka import Producer

from bearing_stream.kafka import TopicReader
from consumer.events import READY
from tools.chaos.alarm_check import latest
from tools.chaos.alarm_feed import OUTER, SPELL
from tools.chaos.alarm_trial import AlarmTrial
from tools.chaos.errors import ChaosError
from tools.chaos.faults.consumers import NAMED, killed

QUICK: Final = {
    "segment_ms": "500",
    "min_cleanable_dirty_ratio": "0.01",
    "max_compaction_lag_ms": "500",
    "delete_retention_ms": "500",
}
"""Configuration with which Kafka compacts all the time, and soon removes tombstones too."""


def compacted(trial: AlarmTrial) -> None:
    """Kill the stage again and again while Kafka compacts its topics, also as it reads them."""
    _compact_always(trial)
    killed(trial, NAMED)
    trial.until(partial(_is_compacted, trial), "Kafka to compact the state")


def deleted(trial: AlarmTrial) -> None:
    """Delete the alarms and the state of a sensor that was dismounted, while the stage is away."""
    _compact_always(trial)
    member = trial.consumer(NAMED)
    for number in trial.moments():
        sensor = f"dismounted-{number}"
        for window in range(2 * SPELL):
            trial.feed.send(sensor, window, OUTER)
        trial.feed.flush()
        trial.until(partial(_has, trial, sensor), f"the state of {sensor}")
        with trial.fault():
            member.stop()
            _delete(trial, sensor)
            member = trial.consumer(NAMED, ready=False)
        member.await_event(READY)
    trial.until(partial(_is_compacted, trial), "Kafka to compact the state")
    if back := [sensor for sensor in trial.deleted if _has(trial, sensor)]:
        raise ChaosError(f"the state of {back} is back")


def _compact_always(trial: AlarmTrial) -> None:
    topics = trial.settings.alarm_topics
    for topic in (topics.alarms, topics.state):
        trial.offsets.configure(topic, **QUICK)


def _is_compacted(trial: AlarmTrial) -> bool:
    """Whether Kafka has removed most of what was written to the topic of state.

    Else half of its offsets and more are records; the others are markers of transactions.
    """
    topic = trial.settings.alarm_topics.state
    with TopicReader(trial.settings.client_properties(), topic) as reader:
        written = sum(span.end for span in reader.spans().values())
        left = sum(1 for _ in reader.read(reader.spans()))
    trial.notes["% of the state left"] = round(100 * left / max(written, 1))
    return left < written / 4


def _records(trial: AlarmTrial, topic: str, sensor: str) -> list[tuple[int, bytes]]:
    """Return partition and key of the records of a sensor that are not deleted."""
    return [
        place
        for place, value in latest(trial.settings, topic).items()
        if sensor in place[1].decode().replace("/", ":").split(":") and value is not None
    ]


def _has(trial: AlarmTrial, sensor: str) -> bool:
    return bool(_records(trial, trial.settings.alarm_topics.state, sensor))


def _delete(trial: AlarmTrial, sensor: str) -> None:
    """Write tombstones."""
    topics = trial.settings.alarm_topics
    producer = Producer(trial.settings.client_properties() | {"enable.idempotence": True})
    for topic in (topics.state, topics.alarms):
        for partition, key in _records(trial, topic, sensor):
            producer.produce(topic, key=key, value=None, partition=partition)
            trial.notes["tombstones"] += 1
    producer.flush(60)
    trial.deleted.add(sensor)
