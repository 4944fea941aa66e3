"""Memory of a consumer that diagnoses millions of windows with a backlog of millions more."""

import shutil
import tempfile
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bearing_stream.config import load
from bearing_stream.kafka import TopicSettings, create_topics
from bearing_stream.local_kafka import LocalKafka
from tools.bench.backlog import BacklogFeed, Shape
from tools.bench.consuming import consume_all
from tools.bench.errors import BenchError
from tools.bench.memory import MIB, flatness

SETTLED_AFTER: Final = 120.0
"""Seconds after which memory must be flat."""

OUTPUT_RETENTION: Final = {"retention.bytes": str(4 << 20), "segment.bytes": str(1 << 20)}
"""Of each partition of the diagnoses, which are not read in this measurement."""

BROKER: Final = {
    "log.retention.check.interval.ms": 5000,
    "log.segment.delete.delay.ms": 1000,
}


def measure(shape: Shape, options: tuple[str, ...], folder: Path) -> dict[str, Any]:
    """Let a consumer diagnose all windows, and measure its memory.

    Args:
        shape: The numbers of windows, of unprocessed windows and of partitions.
        options: Of `bearing-stream consume`, in addition to topics and group.
        folder: For the log of the consumer.

    Raises:
        BenchError: The consumer ended, stalled, or did not diagnose every window.
    """
    _check_disk(shape)
    with LocalKafka(properties=BROKER) as kafka:
        topics = topics_of(kafka.bootstrap_servers, shape)
        # The group has the name of its topic.
        feed = BacklogFeed(
            topics.bootstrap_servers, topics.windows_topic, topics.windows_topic, shape
        )
        feed.start()
        try:
            with _console().status(f"writing {shape.backlog:,} windows"):
                feed.await_backlog()
            return _consume(topics, feed, shape, options, folder)
        finally:
            feed.stop()


def _check_disk(shape: Shape) -> None:
    kept = int(shape.retention["retention.bytes"]) * shape.partitions
    needed = kept + int(OUTPUT_RETENTION["retention.bytes"]) * shape.partitions
    folder = tempfile.gettempdir()
    if (free := shutil.disk_usage(folder).free) < needed:
        raise BenchError(
            f"{folder} has {free / 1e9:.0f} GB free and this needs {needed / 1e9:.0f}: "
            "choose a smaller --backlog"
        )


def topics_of(servers: str, shape: Shape) -> TopicSettings:
    """Create the topics of a measurement, with limited disk space."""
    run = uuid.uuid4().hex[:8]
    topics = load(
        TopicSettings,
        {
            "bootstrap_servers": servers,
            "windows_topic": f"bench-{run}.windows",
            "diagnoses_topic": f"bench-{run}.out",
            "dead_letters_topic": f"bench-{run}.letters",
        },
    )
    reach = topics.client_properties()
    create_topics(reach, {topics.windows_topic: shape.partitions}, 1, shape.retention)
    create_topics(reach, {topics.diagnoses_topic: shape.partitions}, 1, OUTPUT_RETENTION)
    create_topics(reach, {topics.dead_letters_topic: 1}, 1)
    return topics


def _consume(
    topics: TopicSettings, feed: BacklogFeed, shape: Shape, options: tuple[str, ...], folder: Path
) -> dict[str, Any]:
    columns = TextColumn("windows"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    log = folder / "bounds-memory.log"
    with Progress(*columns, console=_console(), transient=True) as bar:
        task = bar.add_task("windows", total=shape.windows)

        def on_progress(done: int) -> None:
            """Update the bar, and fail if the feed has failed."""
            feed.check()
            bar.update(task, completed=done)

        group = topics.windows_topic
        completed = consume_all(topics, group, shape.windows, options, log, on_progress)
    if completed.counts["skipped"] or completed.counts["diagnosed"] != shape.windows:
        raise BenchError(
            f"of {shape.windows:,} windows {completed.counts['diagnosed']:,} were diagnosed and "
            f"{completed.counts['skipped']:,} skipped: {log}"
        )
    return {
        **asdict(shape),
        "options": options,
        "seconds": round(completed.seconds),
        "windows_per_s": round(shape.windows / completed.seconds),
        **flatness(completed.samples, SETTLED_AFTER),
        "samples": [
            (round(sample.second), round(sample.rss / MIB, 1), round(sample.own / MIB, 1))
            for sample in completed.samples[::10]
        ],
    }


def _console() -> Console:
    return Console(stderr=True)
