"""A consumer that works off what there is, watched."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.backlog import Progress
from bench.memory import MemoryWatch, Sample
from bench.runs import BenchError
from chaos.member import Member
from messages import TopicSettings

LOOK_PAUSE: Final = 0.5

PATIENCE: Final = 120.0
"""Seconds without a further message after which it has failed."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A consumer that did all there was."""

    seconds: float
    """From its start to the last commit."""
    samples: Sequence[Sample]


def consumer_arguments(topics: TopicSettings, group: str) -> list[str]:
    """What `bearing-stream consume` must be told."""
    return [
        f"--bootstrap-servers={topics.bootstrap_servers}",
        f"--windows-topic={topics.windows_topic}",
        f"--diagnoses-topic={topics.diagnoses_topic}",
        f"--dead-letters-topic={topics.dead_letters_topic}",
        f"--group={group}",
    ]


def consume_all(
    topics: TopicSettings, group: str, messages: int, options: Sequence[str], log: Path
) -> Watched:
    """Run a consumer until its group has committed so many messages, and stop it.

    Raises:
        BenchError: It ended, or stands still.
        ChaosError: It did not stop in order.
    """
    progress = Progress(topics.bootstrap_servers, group)
    began = moved = time.monotonic()
    done = 0
    consumer = Member("cli", [*consumer_arguments(topics, group), *options], log)
    try:
        with MemoryWatch(consumer.pid) as watch:
            while done < messages:
                time.sleep(LOOK_PAUSE)
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
    return Watched(seconds, watch.samples)
