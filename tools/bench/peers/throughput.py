"""One measurement of the throughput of a contender: it diagnoses a topic that is full."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bearing_stream.commands.capacity.processor import OthersWatch, peak_memory, usage
from tools.bench.errors import BenchError
from tools.bench.peers.check import Expected, check_count
from tools.bench.peers.contenders import Contender
from tools.bench.peers.started import Started, started
from tools.bench.peers.topics import Topics, parse

POLL_INTERVAL: Final = 0.2
"""Seconds between two requests for the ends of the topic: too rare to slow the run down."""

START_LIMIT: Final = 60.0
"""Seconds that a contender may take until its first diagnosis."""

QUIET: Final = 0.8
"""Seconds without a new diagnosis after which a contender has finished."""

WARM: Final = 0.2
"""Share of the diagnoses that are not measured: compilers and caches become warm meanwhile."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """The result of a run."""

    windows_per_second: float
    """By the clock of the broker, from the end of the first fifth to the last diagnosis."""
    own_microseconds: float
    """Processor time of the contender for a window, in the same part of the run."""
    broker_microseconds: float | None
    """Processor time of a local Kafka for a window; None for a cluster elsewhere."""
    memory: int
    """Largest resident set of the contender, in bytes."""
    start_seconds: float
    """From the start of the process to its first diagnosis in the log of the broker."""
    diagnoses: int
    others_cores: float
    """Cores that others used meanwhile."""


@dataclass(frozen=True, slots=True)
class _Sample:
    count: int
    own: float
    broker: float


def measure(
    contender: Contender,
    topics: Topics,
    windows: str,
    count: int,
    expected: Expected,
    broker: int | None,
    limit: float,
) -> Throughput:
    """Let a contender diagnose a topic of `count` windows, or what it can in `limit` seconds.

    Args:
        contender: Is started for it.
        topics: Of the cluster.
        windows: The topic that holds them.
        count: Number of windows in it.
        expected: What its predictions must be.
        broker: Process of the local Kafka.
        limit: Seconds after the first diagnosis.

    Raises:
        BenchError: It ended by itself, did not start, or did not do its work right.
    """
    others = OthersWatch()
    with started(contender, topics, windows, append_time=True) as run:
        samples, complete = _follow(run, topics, count, broker, limit)
        memory = peak_memory(run.process.pid)
        others_cores = others.cores()
        run.process.terminate()
        run.process.wait()
        written = [parse(message) for message in topics.read(run.diagnoses)]
        at = run.at
    check_count(contender.name, written, count, complete)
    if contender.checked:
        expected.check(contender.name, written)
    times = sorted(one.milliseconds for one in written)
    warm = int(WARM * len(times))
    seconds = (times[-1] - times[warm]) / 1000
    if seconds <= 0:
        raise BenchError(f"{contender.name}: too few windows for a figure: {len(times)}")
    own, broker_time = _costs(samples)
    return Throughput(
        windows_per_second=(len(times) - warm) / seconds,
        own_microseconds=own,
        broker_microseconds=None if broker is None else broker_time,
        memory=memory,
        start_seconds=times[0] / 1000 - at,
        diagnoses=len(times),
        others_cores=others_cores,
    )


def _follow(
    run: Started, topics: Topics, count: int, broker: int | None, limit: float
) -> tuple[list[_Sample], bool]:
    """Wait until all windows are diagnosed, or for `limit` seconds after the first diagnosis."""
    samples: list[_Sample] = []
    begun = time.monotonic()
    deadline = changed = begun + START_LIMIT
    while (now := time.monotonic()) < deadline:
        run.check()
        found = topics.count(run.diagnoses)
        if found and not samples:
            deadline = now + limit
        if found and (not samples or found > samples[-1].count):
            changed = now
            samples.append(_Sample(found, _seconds(run.process.pid), _seconds(broker)))
        if found >= count and now - changed > QUIET:
            return samples, True
        time.sleep(POLL_INTERVAL)
    if not samples:
        raise BenchError(f"{run.name}: no diagnosis within {START_LIMIT:g} s")
    return samples, False


def _seconds(pid: int | None) -> float:
    found = None if pid is None else usage(pid)
    return found.seconds if found else 0.0


def _costs(samples: Sequence[_Sample]) -> tuple[float, float]:
    """Return the microseconds for a window of the contender and of the broker, once warm."""
    last = samples[-1]
    first = next((one for one in samples if one.count >= WARM * last.count), last)
    if last.count <= first.count:
        return float("nan"), float("nan")
    windows = (last.count - first.count) / 1e6
    return (last.own - first.own) / windows, (last.broker - first.broker) / windows
