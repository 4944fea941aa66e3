"""Memory of a consumer while its broker is frozen, and its recovery time afterwards."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bearing_stream.commands.verify.report import Guarantee
from bearing_stream.local_kafka import LocalKafka
from tools.bench.consuming import DEFAULT_TIMEOUTS
from tools.bench.memory import MIB, MemoryWatch, Sample
from tools.chaos.base import Order
from tools.chaos.feed import FeedSettings
from tools.chaos.trial import Trial


def measure(
    guarantee: Guarantee,
    seconds: float,
    windows: int,
    folder: Path,
    pace: FeedSettings | None = None,
) -> dict[str, Any]:
    """Freeze the broker under load, thaw it, and count in the topics.

    Args:
        guarantee: Of the consumer.
        seconds: Duration for which the broker is frozen.
        windows: Minimum number before the freeze; twice as many are sent in total.
        folder: For logs.
        pace: Of the windows; by default, a thousand a second.

    Returns:
        Memory in MiB before the freeze, and at most during and after it; seconds from the thaw
        until every partition had newer diagnoses; and the counts of `verify`.

    Raises:
        ChaosError: The consumer did not recover.
    """
    folder.mkdir(parents=True, exist_ok=True)
    order = Order(guarantee, 1, 2 * windows, 0, folder, pace or FeedSettings())
    with LocalKafka() as kafka, Trial(kafka, order) as trial:
        memory = _freeze(kafka, trial, seconds, windows)
        report = trial.check()
    return {
        "guarantee": guarantee,
        "frozen_s": seconds,
        "windows": report.windows,
        **memory,
        "goes_on_after_s": round(trial.recoveries[0], 2),
        "lost": report.lost,
        "duplicated": report.duplicated,
        "wrong": report.wrong,
    }


def _freeze(kafka: LocalKafka, trial: Trial, seconds: float, windows: int) -> dict[str, float]:
    """Freeze and thaw the broker of a consumer, and let it finish; return its memory."""
    consumer = trial.consumer(*DEFAULT_TIMEOUTS)
    with MemoryWatch(consumer.pid) as watch:
        trial.await_diagnoses(windows)
        running = len(watch.samples)
        kafka.freeze()
        try:
            time.sleep(seconds)
        finally:
            frozen = len(watch.samples)
            kafka.thaw()
        with trial.fault():
            pass
        # The consumer can recover and stop between two samples.
        watch.sample()
        trial.finish()
    return _peaks(watch.samples, running, frozen)


def _peaks(samples: Sequence[Sample], running: int, frozen: int) -> dict[str, float]:
    """Return the peak of the memory before the freeze, until the thaw, and after it."""
    phases = {
        "before_mib": samples[:running],
        "frozen_mib": samples[running:frozen],
        "afterwards_mib": samples[frozen:],
    }
    return {
        name: round(max(sample.rss for sample in during) / MIB, 1)
        for name, during in phases.items()
    }
