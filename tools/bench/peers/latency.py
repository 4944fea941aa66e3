"""One measurement of the latency of a contender, as a subscriber has it."""

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import numpy as np
from confluent_kafka import Consumer

from bearing_stream.commands.capacity.processor import OthersWatch
from bearing_stream.vocabulary import SAMPLING_RATE, WINDOW_LENGTH
from tools.bench.errors import BenchError
from tools.bench.peers.contenders import Contender
from tools.bench.peers.started import Started, started
from tools.bench.peers.throughput import START_LIMIT
from tools.bench.peers.topics import Topics, by_sensor, simulate
from tools.bench.processes import running

WINDOWS_PER_SENSOR: Final = SAMPLING_RATE / WINDOW_LENGTH
"""Windows a second, 5.86."""

SETTLING: Final = 4.0
"""Seconds after the first diagnosis that are not measured."""

DRAIN: Final = 1.5
"""Seconds after the last measured window in which its diagnosis must arrive."""


@dataclass(frozen=True, slots=True)
class Latency:
    """From the Kafka timestamp of a window until a subscriber has read its diagnosis."""

    sensors: int
    p50: float
    """Milliseconds."""
    p99: float
    windows: int
    missing: int
    """Windows without a diagnosis in time."""
    others_cores: float
    """Cores that others used meanwhile."""
    parts: dict[str, float]
    """Where the time of a median window goes, in milliseconds, if the diagnosis states it."""


@dataclass(frozen=True, slots=True)
class _Arrival:
    at: float
    """Seconds since the epoch."""
    value: bytes


def measure(contender: Contender, topics: Topics, sensors: int, seconds: float) -> Latency:
    """Send windows of sensors in real time, and measure for some seconds.

    Raises:
        BenchError: The contender ended, or wrote nothing.
    """
    windows = topics.create("live", append_time=False)
    sensors_given = simulate(topics.servers, windows, "--sensors", str(sensors))
    with (
        started(contender, topics, windows, append_time=False) as run,
        running(*sensors_given[1:], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL),
        closing(topics.subscriber(run.diagnoses)) as subscriber,
    ):
        arrivals: dict[str, list[_Arrival]] = {}
        _read(subscriber, arrivals, run, START_LIMIT, first=True)
        _read(subscriber, arrivals, run, SETTLING)
        others, begin = OthersWatch(), time.time()
        _read(subscriber, arrivals, run, seconds)
        end, others_cores = time.time(), others.cores()
        _read(subscriber, arrivals, run, DRAIN)
    sent = by_sensor(topics.read(windows), lambda message: message.timestamp()[1])
    topics.delete(windows)
    return _latency(sent, arrivals, sensors, (begin, end), others_cores)


def _read(
    subscriber: Consumer,
    arrivals: dict[str, list[_Arrival]],
    run: Started,
    seconds: float,
    *,
    first: bool = False,
) -> None:
    """Note when each diagnosis is read; with `first`, until there is one."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        message = subscriber.poll(0.1)
        if message is None or message.error():
            run.check()
            continue
        key = message.key()
        sensor = key.decode() if isinstance(key, bytes) else str(key)
        arrivals.setdefault(sensor, []).append(_Arrival(time.time(), message.value() or b""))
        if first:
            return
    if first:
        raise BenchError(f"{run.name}: no diagnosis within {seconds:g} s")


def _latency(
    sent: Mapping[str, Sequence[int]],
    arrivals: Mapping[str, Sequence[_Arrival]],
    sensors: int,
    measured: tuple[float, float],
    others_cores: float,
) -> Latency:
    """Compare, by sensor, the n-th window with the n-th diagnosis."""
    begin, end = (1000 * at for at in measured)
    found: list[float] = []
    values: list[bytes] = []
    missing = 0
    for sensor, timestamps in sent.items():
        arrived = arrivals.get(sensor, [])
        for number, at in enumerate(timestamps):
            if begin <= at < end:
                if number < len(arrived):
                    found.append(1000 * arrived[number].at - at)
                    values.append(arrived[number].value)
                else:
                    missing += 1
    if not found:
        raise BenchError("no window of the measured time was diagnosed")
    p50, p99 = np.percentile(found, (50, 99))
    parts = _parts(found, values)
    return Latency(sensors, float(p50), float(p99), len(found), missing, others_cores, parts)


def _parts(latencies: Sequence[float], values: Sequence[bytes]) -> dict[str, float]:
    """Return the medians of what a diagnosis states, and of what follows until it is read."""
    stated = [json.loads(value).get("latency_ms") for value in values]
    if not all(stated):
        return {}
    parts = {
        "sent, fetched and waiting": [each["queued"] for each in stated],
        "assessed": [each["inference"] for each in stated],
        "encoded, published, committed and read": [
            latency - each["queued"] - each["inference"]
            for latency, each in zip(latencies, stated, strict=True)
        ],
    }
    return {name: round(float(np.median(each)), 2) for name, each in parts.items()}
