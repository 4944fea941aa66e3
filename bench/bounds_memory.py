"""Memory of a consumer that works off millions of windows while millions more wait."""

import shutil
import tempfile
import time
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.backlog import Feed, Shape
from bench.backlog import Progress as Group
from bench.memory import MemoryWatch, flatness
from bench.runs import BenchError
from chaos.member import Member
from kafka_client import create_topics
from local_kafka import LocalKafka

SETTLED_AFTER: Final = 600.0
"""Seconds after which memory must be flat."""

LOOK_PAUSE: Final = 2.0

PATIENCE: Final = 120.0
"""Seconds without a further window after which the run has failed."""

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
        servers = kafka.bootstrap_servers
        names = _topics(servers, shape)
        feed = Feed(servers, names[0], names[0], shape)
        feed.start()
        try:
            with _console().status(f"writing {shape.backlog:,} windows"):
                feed.await_backlog()
            return _consume(servers, names, feed, shape, options, folder)
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


def _topics(servers: str, shape: Shape) -> tuple[str, str, str]:
    """Create topics for windows, diagnoses and dead letters; the first is the group's name too."""
    run = uuid.uuid4().hex[:8]
    windows, diagnoses, letters = (f"bench-{run}.{name}" for name in ("windows", "out", "letters"))
    connection = {"bootstrap.servers": servers}
    create_topics(connection, {windows: shape.partitions}, 1, shape.retention)
    create_topics(connection, {diagnoses: shape.partitions}, 1, OUTPUT_RETENTION)
    create_topics(connection, {letters: 1}, 1)
    return windows, diagnoses, letters


def _consume(
    servers: str,
    names: tuple[str, str, str],
    feed: Feed,
    shape: Shape,
    options: tuple[str, ...],
    folder: Path,
) -> dict[str, Any]:
    windows, diagnoses, letters = names
    arguments = [
        f"--bootstrap-servers={servers}",
        f"--windows-topic={windows}",
        f"--diagnoses-topic={diagnoses}",
        f"--dead-letters-topic={letters}",
        f"--group={windows}",
        *options,
    ]
    consumer = Member("cli", arguments, folder / "bounds-memory.log")
    try:
        with MemoryWatch(consumer.pid) as watch:
            seconds = _follow(consumer, feed, Group(servers, windows), shape)
        consumer.stop()
    finally:
        consumer.kill()
    [counts] = consumer.events("stopped")
    if counts["skipped"] or counts["diagnosed"] != shape.windows:
        raise BenchError(
            f"of {shape.windows:,} windows {counts['diagnosed']:,} were diagnosed and "
            f"{counts['skipped']:,} passed over: {consumer.log}"
        )
    return {
        **asdict(shape),
        "options": options,
        "seconds": round(seconds),
        "windows_per_s": round(shape.windows / seconds),
        **flatness(watch.samples, SETTLED_AFTER),
        "samples": [
            (round(sample.second), round(sample.rss / 2**20, 1), round(sample.own / 2**20, 1))
            for sample in watch.samples[::10]
        ],
    }


def _follow(consumer: Member, feed: Feed, group: Group, shape: Shape) -> float:
    """Wait until all windows are answered; returns the seconds that it took."""
    began = moved = time.monotonic()
    done = 0
    columns = TextColumn("windows"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=_console(), transient=True) as bar:
        task = bar.add_task("windows", total=shape.windows)
        while done < shape.windows:
            time.sleep(LOOK_PAUSE)
            feed.check()
            if (now := group.committed()) > done:
                done, moved = now, time.monotonic()
                bar.update(task, completed=done)
            if not consumer.running or time.monotonic() - moved > PATIENCE:
                raise BenchError(f"stands at {done:,} windows, see {consumer.log}")
    return time.monotonic() - began


def _console() -> Console:
    return Console(stderr=True)
