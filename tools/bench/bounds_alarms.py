"""Seconds until a stage of alarms has read its state, and its memory, with many active alarms."""

import time
from pathlib import Path
from typing import Any, Final

import psutil

from bearing_stream.commands.alarms.events import RESTORED
from bearing_stream.local_kafka import LocalKafka
from tools.bench.bounds_starts import summary
from tools.bench.consuming import DEFAULT_TIMEOUTS
from tools.bench.memory import MIB
from tools.chaos.alarm_check import latest
from tools.chaos.alarm_feed import OUTER
from tools.chaos.alarm_trial import AlarmTrial
from tools.chaos.base import PARTITIONS, Order
from tools.chaos.feed import FeedSettings
from tools.chaos.member import Member

WINDOWS: Final = 16
"""Windows of a measurement: as many as evidence is accumulated over, so that the second one raises
an alarm."""

LIMIT: Final = 1200.0
"""Seconds for the stage to take what is sent."""


def measure(sensors: int, repeats: int, folder: Path) -> dict[str, Any]:
    """Raise an alarm of each sensor, and start the stage again and again.

    Returns:
        `alarms` and `state_mib` of the topic of alarms and of that of the state; seconds, median
        and worst: `load_s` to read the state of all partitions, by the stage's own log, `start_s`
        from the start of the process until then. MiB of resident memory: `loaded_mib` then,
        `used_mib` after a further diagnosis of each sensor. `raising_per_s` and `quiet_per_s` are
        diagnoses a second, each of which raises an alarm, or raises none; the same machine sends
        them meanwhile.

    Raises:
        ChaosError: The stage failed, or is too slow.
    """
    folder.mkdir(parents=True, exist_ok=True)
    order = Order("exactly-once", 1, 0, 0, folder, FeedSettings(rate=0.0))
    loads, starts = [], []
    with LocalKafka() as kafka, AlarmTrial(kafka, order) as trial:
        member = trial.consumer(*DEFAULT_TIMEOUTS)
        for number in range(2):
            raising = _diagnose(trial, sensors, number)
        member.stop()
        topics = trial.settings.alarm_topics
        alarms = sum(value is not None for value in latest(trial.settings, topics.alarms).values())
        state = latest(trial.settings, topics.state).values()
        for _ in range(repeats):
            began = time.monotonic()
            member = trial.consumer(*DEFAULT_TIMEOUTS, ready=False)
            member.await_event(RESTORED, count=PARTITIONS)
            starts.append(time.monotonic() - began)
            loads.append(sum(line["seconds"] for line in member.events(RESTORED)))
            loaded = _resident(member)
            if len(loads) == repeats:
                quiet = _diagnose(trial, sensors, 2)
                used = _resident(member)
            member.stop()
    return {
        "sensors": sensors,
        "alarms": alarms,
        "state_mib": round(sum(len(value or b"") for value in state) / MIB, 1),
        "load_s": summary(loads),
        "start_s": summary(starts),
        "loaded_mib": loaded,
        "used_mib": used,
        "raising_per_s": raising,
        "quiet_per_s": quiet,
    }


def _diagnose(trial: AlarmTrial, sensors: int, number: int) -> int:
    """Send a faulty measurement of each sensor; return how many a second are sent and taken."""
    before = trial.progress()
    began = time.monotonic()
    for sensor in range(sensors):
        trial.feed.send(f"sensor-{sensor:06}", number * WINDOWS, OUTER, WINDOWS)
    trial.feed.flush()
    trial.until(lambda: trial.progress() - before >= sensors, "all diagnoses", LIMIT)
    return round(sensors / (time.monotonic() - began))


def _resident(member: Member) -> float:
    return round(psutil.Process(member.pid).memory_info().rss / MIB, 1)
