"""What a stage of alarms takes in a second, how long it reads its state, and its memory."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import psutil

from bearing_stream.commands.alarms.events import RESTORED
from bearing_stream.local_kafka import LocalKafka
from tools.bench.bounds_starts import summary
from tools.bench.consuming import DEFAULT_TIMEOUTS
from tools.bench.memory import MIB
from tools.chaos.alarm_check import latest
from tools.chaos.alarm_feed import HEALTHY, OUTER
from tools.chaos.alarm_trial import AlarmTrial
from tools.chaos.base import PARTITIONS, Order
from tools.chaos.feed import FeedSettings
from tools.chaos.member import Member

WINDOWS: Final = 16
"""Windows of a measurement: as many as evidence is accumulated over, so that the second one raises
an alarm."""

QUIET: Final = 1000
"""Sensors that send healthy measurements of one window, and raise no alarm."""

LIMIT: Final = 1200.0
"""Seconds for the stage to take what was sent."""


def measure(sensors: int, quiet: int, repeats: int, folder: Path) -> dict[str, Any]:
    """Have the stage take backlogs of diagnoses, and start it again and again.

    Args:
        sensors: An alarm is raised of each.
        quiet: Diagnoses that raise no alarm.
        repeats: Starts.
        folder: For logs.

    Returns:
        `alarms` and `state_mib` of the topic of alarms and of that of the state; seconds, median
        and worst: `load_s` to read the state of all partitions, by the stage's own log, `start_s`
        from the start of the process until then. MiB of resident memory: `loaded_mib` then,
        `used_mib` after a further diagnosis of each sensor. Of two backlogs, `raising` where each
        diagnosis raises an alarm and `quiet` where none does, `diagnoses`, `per_s`, and `cpu_us`,
        µs of processor time for one.

    Raises:
        ChaosError: The stage failed, or is too slow.
    """
    folder.mkdir(parents=True, exist_ok=True)
    order = Order("exactly-once", 1, 0, 0, folder, FeedSettings(rate=0.0))
    loads, starts = [], []
    with LocalKafka() as kafka, AlarmTrial(kafka, order) as trial:
        # The first of the two raises nothing.
        _, raising = [_backlog(trial, _faulty(sensors, number)) for number in range(2)]
        topics = trial.settings.alarm_topics
        alarms = sum(value is not None for value in latest(trial.settings, topics.alarms).values())
        state = latest(trial.settings, topics.state).values()
        for repeat in range(repeats):
            began = time.monotonic()
            member = trial.consumer(*DEFAULT_TIMEOUTS, ready=False)
            member.await_event(RESTORED, count=PARTITIONS)
            starts.append(time.monotonic() - began)
            loads.append(sum(line["seconds"] for line in member.events(RESTORED)))
            loaded = _resident(member)
            if repeat == repeats - 1:
                _taken(trial, _faulty(sensors, 2))
                used = _resident(member)
            member.stop()
        healthy = _backlog(trial, _healthy(quiet))
    return {
        "sensors": sensors,
        "alarms": alarms,
        "state_mib": round(sum(len(value or b"") for value in state) / MIB, 1),
        "load_s": summary(loads),
        "start_s": summary(starts),
        "loaded_mib": loaded,
        "used_mib": used,
        "raising": raising,
        "quiet": healthy,
    }


Diagnosed = tuple[str, int, dict[str, float], int]
"""What `AlarmFeed.send` takes."""


def _faulty(sensors: int, number: int) -> Iterator[Diagnosed]:
    for sensor in range(sensors):
        yield f"sensor-{sensor:06}", number * WINDOWS, OUTER, WINDOWS


def _healthy(count: int) -> Iterator[Diagnosed]:
    for number in range(count):
        window, sensor = divmod(number, QUIET)
        yield f"quiet-{sensor:06}", window, HEALTHY, 1


def _backlog(trial: AlarmTrial, diagnoses: Iterable[Diagnosed]) -> dict[str, Any]:
    """Send diagnoses, then start a stage that takes them, and stop it."""
    before = trial.progress()
    count = _send(trial, diagnoses)
    member = trial.consumer(*DEFAULT_TIMEOUTS, ready=False)
    # It takes those of a partition after it has restored all.
    member.await_event(RESTORED, count=PARTITIONS)
    process = psutil.Process(member.pid)
    began, used = time.monotonic(), sum(process.cpu_times()[:2])
    trial.until(lambda: trial.progress() - before >= count, "all diagnoses", LIMIT)
    seconds, cpu = time.monotonic() - began, sum(process.cpu_times()[:2]) - used
    member.stop()
    return {
        "diagnoses": count,
        "per_s": round(count / seconds),
        "cpu_us": round(cpu / count * 1e6, 1),
    }


def _taken(trial: AlarmTrial, diagnoses: Iterable[Diagnosed]) -> None:
    """Send diagnoses, and wait until the stage that runs has taken them."""
    before = trial.progress()
    count = _send(trial, diagnoses)
    trial.until(lambda: trial.progress() - before >= count, "all diagnoses", LIMIT)


def _send(trial: AlarmTrial, diagnoses: Iterable[Diagnosed]) -> int:
    """Send diagnoses, and return how many they are."""
    count = 0
    for each in diagnoses:
        trial.feed.send(*each)
        count += 1
    trial.feed.flush()
    return count


def _resident(member: Member) -> float:
    return round(psutil.Process(member.pid).memory_info().rss / MIB, 1)
