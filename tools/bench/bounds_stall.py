"""Memory of a consumer while its broker is frozen, and its recovery time afterwards."""

import time
from pathlib import Path
from typing import Any

from bearing_stream.commands.verify.report import Guarantee
from bearing_stream.local_kafka import LocalKafka
from tools.bench.consuming import DEFAULT_TIMEOUTS
from tools.bench.memory import MIB, MemoryWatch
from tools.chaos.feed import Pace
from tools.chaos.trial import Order, Trial


def measure(
    guarantee: Guarantee, seconds: float, windows: int, folder: Path, pace: Pace | None = None
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
    order = Order(guarantee, 1, 2 * windows, 0, folder, pace or Pace())
    with LocalKafka() as kafka, Trial(kafka, order) as trial:
        consumer = trial.consumer(*DEFAULT_TIMEOUTS)
        with MemoryWatch(consumer.pid) as watch:
            trial.await_diagnoses(windows)
            before = max(sample.rss for sample in watch.samples)
            known = len(watch.samples)
            kafka.freeze()
            try:
                time.sleep(seconds)
            finally:
                stalled = len(watch.samples)
                kafka.thaw()
            with trial.fault():
                pass
            trial.finish()
        report = trial.check()
        after = watch.samples
        return {
            "guarantee": guarantee,
            "frozen_s": seconds,
            "windows": report.windows,
            "before_mib": round(before / MIB, 1),
            "frozen_mib": round(max(one.rss for one in after[known:stalled]) / MIB, 1),
            "afterwards_mib": round(max(one.rss for one in after[stalled:]) / MIB, 1),
            "goes_on_after_s": round(trial.recoveries[0], 2),
            "lost": report.lost,
            "duplicated": report.duplicated,
            "wrong": report.wrong,
        }
