"""What writing and processing a backlog takes."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bearing_stream.commands.capacity.conclusion import BacklogRun, Capacity, conclude
from bearing_stream.commands.capacity.errors import CapacityError
from bearing_stream.commands.capacity.processor import OthersWatch, tree_seconds, usage
from bearing_stream.commands.capacity.settings import CapacitySettings
from bearing_stream.commands.capacity.stage import Process, Stage

SENSORS: Final = 64

POLL_INTERVAL: Final = 0.1
"""Seconds between two requests for the ends of the topic."""

START_LIMIT: Final = 60.0
"""Seconds that consumers may take until their first diagnosis."""

WARM: Final = 0.2
"""Share of the backlog that is not measured: all consumers are to take part, and caches to be
warm."""


@dataclass(frozen=True, slots=True)
class _Moment:
    at: float
    count: int
    consumers: float
    kafka: float


def measure(
    stage: Stage,
    settings: CapacitySettings,
    workers: int,
    step: Callable[[str], None] = lambda _: None,
) -> Capacity:
    """Measure with one consumer and with `workers`, and return the capacity.

    Args:
        stage: With an empty topic of windows.
        settings: What to measure.
        workers: Number of consumers, at least 1.
        step: Called with what is done next.

    Raises:
        CapacityError: A command failed, or there was no diagnosis in time.
    """
    step(f"writing {settings.backlog:,} windows")
    write_us = _write(stage, settings)
    runs = []
    for number in sorted({1, workers}):
        step(f"diagnosing them with {number} consumer{'s' if number > 1 else ''}")
        runs.append(_process(stage, settings, number))
    return conclude(runs, write_us, len(os.sched_getaffinity(0)))


def _write(stage: Stage, settings: CapacitySettings) -> float | None:
    """Write the backlog; return the microseconds of a local Kafka for a window."""
    before = _seconds(stage.broker)
    options = (
        *("simulate", "--source", "synthetic", "--loop", "--speed", "max"),
        *("--sensors", f"{SENSORS}", "--limit", f"{settings.backlog}"),
        *("--sample-format", settings.sample_format),
    )
    with stage.running(stage.topics(), *options) as simulator:
        while simulator.running():
            time.sleep(POLL_INTERVAL)
    if stage.broker is None:
        return None
    return round(1e6 * (_seconds(stage.broker) - before) / settings.backlog, 1)


def _process(stage: Stage, settings: CapacitySettings, workers: int) -> BacklogRun:
    """Let some consumers process the backlog from its beginning."""
    topics = stage.topics()
    options = (
        *("consume", "--group", topics.diagnoses_topic, "--workers", f"{workers}"),
        *("--guarantee", settings.guarantee, "--diagnoser", settings.diagnoser),
    )
    with stage.running(topics, *options) as consumers:
        _await(stage, topics.diagnoses_topic, consumers, 1, time.monotonic() + START_LIMIT)
        deadline = time.monotonic() + settings.max_seconds
        warm = int(WARM * settings.backlog)
        first = _await(
            stage, topics.diagnoses_topic, consumers, warm,
            time.monotonic() + settings.max_seconds / 2,
        )  # fmt: skip
        others = OthersWatch()
        last = _await(stage, topics.diagnoses_topic, consumers, settings.backlog, deadline)
        others_cores = others.cores()
    windows = last.count - first.count
    if first.count >= settings.backlog:
        raise CapacityError(
            f"{workers} consumer(s) diagnosed all {settings.backlog} windows before they could be "
            "measured: use a larger --backlog"
        )
    if windows <= 0:
        raise CapacityError(
            f"{workers} consumer(s) diagnosed {last.count} windows and then no more: is the "
            "cluster overloaded?"
        )
    return BacklogRun(
        workers=workers,
        windows_per_second=round(windows / (last.at - first.at), 1),
        consumer_us=round(1e6 * (last.consumers - first.consumers) / windows, 1),
        kafka_us=None
        if stage.broker is None
        else round(1e6 * (last.kafka - first.kafka) / windows, 1),
        others_cores=round(others_cores, 2),
    )


def _await(stage: Stage, topic: str, consumers: Process, count: int, deadline: float) -> _Moment:
    """Wait until there are `count` diagnoses, or until the deadline if there are any.

    Raises:
        CapacityError: There is none at the deadline, or the consumers failed.
    """
    while (found := stage.count(topic)) < count and time.monotonic() < deadline:
        if not consumers.running():
            raise CapacityError("the consumers ended before they were stopped")
        time.sleep(POLL_INTERVAL)
    if not found:
        raise CapacityError(f"no diagnosis within {START_LIMIT:g} s of the consumers' start")
    at = time.monotonic()
    return _Moment(at, found, tree_seconds(consumers.pid), _seconds(stage.broker))


def _seconds(pid: int | None) -> float:
    found = None if pid is None else usage(pid)
    return found.seconds if found else 0.0
