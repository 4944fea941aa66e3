"""Seconds from a start to the first diagnosis, and from a SIGKILL to those of the survivor."""

import time
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.console import Console
from rich.progress import track

from bearing_stream.local_kafka import LocalKafka
from tools.bench.consuming import DEFAULT_TIMEOUTS
from tools.chaos.base import Order
from tools.chaos.errors import ChaosError
from tools.chaos.feed import FeedSettings
from tools.chaos.trial import Trial

SETTLED: Final = 2000
"""Diagnoses after which two consumers have divided the partitions and process windows."""


def measure(repeats: int, folder: Path) -> dict[str, Any]:
    """Start a consumer, start another, and kill the first, repeatedly.

    Returns:
        Seconds, median and worst: `start` from the start of the process until a subscriber reads
        the first diagnosis; `takeover` from SIGKILL until it reads newer ones of every partition.

    Raises:
        ChaosError: A consumer failed, or `verify` found a violation.
    """
    folder.mkdir(parents=True, exist_ok=True)
    starts, takeovers, streams = [], [], None
    for repeat in track(range(repeats), "measuring", console=Console(stderr=True)):
        order = Order("exactly-once", 1, 0, repeat, folder, FeedSettings(), streams)
        with LocalKafka() as kafka, Trial(kafka, order) as trial:
            streams = trial.feed.streams
            starts.append(_start(trial))
            takeovers.append(_takeover(trial))
    return {"repeats": repeats, "start_s": summary(starts), "takeover_s": summary(takeovers)}


def _start(trial: Trial) -> float:
    """Start the first consumer; return the seconds until a diagnosis can be read."""
    started = time.monotonic()
    trial.consumer(*DEFAULT_TIMEOUTS, "--kafka=client.id=first", ready=False)
    trial.until(lambda: trial.subscriber.count > 0, "the first diagnosis")
    return time.monotonic() - started


def _takeover(trial: Trial) -> float:
    """Start a second consumer and kill the first; return the seconds until recovery."""
    trial.consumer(*DEFAULT_TIMEOUTS, "--kafka=client.id=second")
    trial.until(
        lambda: len([one for one in trial.offsets.owned().values() if one]) == 2,
        "two consumers with partitions",
    )
    trial.await_diagnoses(trial.subscriber.count + SETTLED)
    with trial.fault():
        trial.members[0].kill()
    trial.finish()
    if wrong := trial.check().wrong:
        raise ChaosError(f"the guarantee is violated: {wrong}")
    return trial.recoveries[0]


def summary(seconds: list[float]) -> dict[str, Any]:
    """Return median and worst of some durations, and all of them."""
    return {
        "median": round(median(seconds), 2),
        "worst": round(max(seconds), 2),
        "all": [round(one, 2) for one in seconds],
    }
