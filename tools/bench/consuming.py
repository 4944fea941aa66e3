"""Runs a consumer until it has processed a topic, and measures its memory."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bearing_stream.kafka import TopicSettings
from consumer.events import STOPPED
from tools.bench.backlog import GroupProgress
from tools.bench.errors import BenchError
from tools.bench.memory import MemoryWatch, Sample
from tools.chaos.member import Member, consumer_arguments

DEFAULT_TIMEOUTS: Final = ("--session-timeout=10", "--transaction-timeout=10")
"""The defaults of the consumer; a chaos trial uses shorter ones."""

POLL_INTERVAL: Final = 0.5
"""Seconds between two polls of the committed offsets."""

STALL_TIMEOUT: Final = 120.0
"""Seconds without a commit after which the run fails."""


@dataclass(frozen=True, slots=True)
class CompletedRun:
    """The measurements of a consumer that processed the whole topic."""

    seconds: float
    """From its start to its last commit."""
    samples: Sequence[Sample]
    counts: dict[str, Any]
    """The counts that it logs when it stops."""


def consume_all(
    topics: TopicSettings,
    group: str,
    messages: int,
    options: Sequence[str],
    log: Path,
    on_progress: Callable[[int], None] = lambda _: None,
) -> CompletedRun:
    """Run a consumer until its group has committed this many messages, and stop it.

    Args:
        topics: Must exist.
        group: Of the consumer; has committed nothing yet.
        messages: In the windows topic, at the end.
        options: Of `bearing-stream consume`, in addition to topics and group.
        log: File for the log of the consumer.
        on_progress: Called repeatedly with the number committed; an exception ends the run.

    Raises:
        BenchError: The consumer ended, or committed nothing for `STALL_TIMEOUT` seconds.
        ChaosError: The consumer did not stop with status 0.
    """
    progress = GroupProgress(topics.bootstrap_servers, group)
    started = time.monotonic()
    consumer = Member("bearing_stream", [*consumer_arguments(topics, group), *options], log)
    try:
        with MemoryWatch(consumer.pid) as watch:
            done = 0
            for done in _committed(consumer, progress, messages):
                on_progress(done)
        if done < messages:
            stalled = f"no progress after {done:,} of {messages:,} messages"
            raise BenchError(f"{stalled}, status {consumer.status}: {log}")
        seconds = time.monotonic() - started
        consumer.stop()
    finally:
        consumer.kill()
    [counts] = consumer.events(STOPPED)
    return CompletedRun(seconds, watch.samples, counts)


def _committed(consumer: Member, progress: GroupProgress, messages: int) -> Iterator[int]:
    """Yield the number committed until it is `messages`, or the consumer stalls or ends."""
    done, latest = 0, time.monotonic()
    while done < messages and consumer.running and time.monotonic() - latest <= STALL_TIMEOUT:
        time.sleep(POLL_INTERVAL)
        if (now := progress.committed()) > done:
            done, latest = now, time.monotonic()
        yield done
