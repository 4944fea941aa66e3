"""A consumer that works off what there is, watched."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bearing_stream.kafka import TopicSettings
from consumer.events import STOPPED
from tools.bench.backlog import Progress
from tools.bench.memory import MemoryWatch, Sample
from tools.bench.runs import BenchError
from tools.chaos.member import Member, consumer_arguments

DEFAULT_TIMEOUTS: Final = ("--session-timeout=10", "--transaction-timeout=10")
"""As a consumer has them that is told nothing; those of a chaos trial are shorter."""

LOOK_PAUSE: Final = 0.5

PATIENCE: Final = 120.0
"""Seconds without a further message after which it has failed."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A consumer that did all there was."""

    seconds: float
    """From its start to the last commit."""
    samples: Sequence[Sample]
    counts: dict[str, Any]
    """What it says in the end that it did."""


def consume_all(
    topics: TopicSettings,
    group: str,
    messages: int,
    options: Sequence[str],
    log: Path,
    on_look: Callable[[int], None] = lambda _: None,
) -> Watched:
    """Run a consumer until its group has committed so many messages, and stop it.

    Args:
        topics: Must exist.
        group: Of the consumer; has committed nothing yet.
        messages: In the windows topic, in the end.
        options: Of `bearing-stream consume`, beside topics and group.
        log: Where the consumer's log goes.
        on_look: Told now and then how many are committed; what it raises ends the run.

    Raises:
        BenchError: It ended, or stands still.
        ChaosError: It did not stop in order.
    """
    progress = Progress(topics.bootstrap_servers, group)
    began = moved = time.monotonic()
    done = 0
    consumer = Member("bearing_stream", [*consumer_arguments(topics, group), *options], log)
    try:
        with MemoryWatch(consumer.pid) as watch:
            while done < messages:
                time.sleep(LOOK_PAUSE)
                on_look(done)
                if (now := progress.committed()) > done:
                    done, moved = now, time.monotonic()
                if not consumer.running or time.monotonic() - moved > PATIENCE:
                    raise BenchError(
                        f"stands at {done:,} of {messages:,} messages, with status "
                        f"{consumer.status}: {log}"
                    )
        seconds = time.monotonic() - began
        consumer.stop()
    finally:
        consumer.kill()
    [counts] = consumer.events(STOPPED)
    return Watched(seconds, watch.samples, counts)
