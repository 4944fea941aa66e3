"""Memory of a consumer that works off millions of windows while millions more wait."""

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
from tools.bench.backlog import Feed, Shape
from tools.bench.consuming import consume_all
from tools.bench.memory import MIB, flatness
from tools.bench.runs import BenchError

SETTLED_AFTER: Final = 600.0
"""Seconds after which memory must be flat."""

OUTPUT_RETENTION: Final = {"retention.bytes": str(4 << 20), "segment.bytes": str(1 << 20)}
"""Of each partition of the diagnoses: nobody reads them here."""

BROKER: Final = {
    "log.retention.check.interval.ms": 5000,
    "log.segment.delete.delay.ms": 1000,
}


def measure(shape: Shape, options: tuple[str, ...], folder: Path) -> dict[str, Any]:
    """Let a consumer answer all windows, and watch its memory.

    Args:
        shape: How many windows, waiting windows and partitions.
        options: Of `bearing-stream consume`, beside topics and group.
        folder: For the consumer's log.

    Raises:
        BenchError: It ended, stood still, or did not answer every window.
    """
    _check_disk(shape)
    with LocalKafka(properties=BROKER) as kafka:
        topics = _topics(kafka.bootstrap_servers, shape)
        # The group has the name of its topic.
        feed = Feed(topics.bootstrap_servers, topics.windows_topic, topics.windows_topic, shape)
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
    place = tempfile.gettempdir()
    if (free := shutil.disk_usage(place).free) < needed:
        raise BenchError(
            f"{place} has {free / 1e9:.0f} GB free and this needs {needed / 1e9:.0f}: "
            "let fewer windows wait (--backlog)"
        )


def _topics(servers: str, shape: Shape) -> TopicSettings:
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
    topics: TopicSettings, feed: Feed, shape: Shape, options: tuple[str, ...], folder: Path
) -> dict[str, Any]:
    columns = TextColumn("windows"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    log = folder / "bounds-memory.log"
    with Progress(*columns, console=_console(), transient=True) as bar:
        task = bar.add_task("windows", total=shape.windows)

        def on_look(done: int) -> None:
            feed.check()
            bar.update(task, completed=done)

        group = topics.windows_topic
        watched = consume_all(topics, group, shape.windows, options, log, on_look)
    if watched.counts["skipped"] or watched.counts["diagnosed"] != shape.windows:
        raise BenchError(
            f"of {shape.windows:,} windows {watched.counts['diagnosed']:,} were diagnosed and "
            f"{watched.counts['skipped']:,} passed over: {log}"
        )
    return {
        **asdict(shape),
        "options": options,
        "seconds": round(watched.seconds),
        "windows_per_s": round(shape.windows / watched.seconds),
        **flatness(watched.samples, SETTLED_AFTER),
        "samples": [
            (round(sample.second), round(sample.rss / MIB, 1), round(sample.own / MIB, 1))
            for sample in watched.samples[::10]
        ],
    }


def _console() -> Console:
    return Console(stderr=True)
