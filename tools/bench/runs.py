"""One run: start a process, let it work, stop it, and count from the topic what it did."""

import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from typing import IO, Final
from uuid import uuid4

from confluent_kafka import (
    OFFSET_BEGINNING,
    TIMESTAMP_LOG_APPEND_TIME,
    Consumer,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

LOOK_PAUSE: Final = 0.25
"""Seconds between two looks at how far a run has got: rare enough to cost it nothing."""

START_LIMIT: Final = 60.0
"""Seconds that a process may take until it commits for the first time."""

STOP_LIMIT: Final = 15.0
"""Seconds that a process may take to stop."""


class BenchError(RuntimeError):
    """A run that gives no figure; the message says why."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A program that turns windows into diagnoses."""

    name: str
    arguments: tuple[str, ...]
    """Of Python, without topics, group and servers."""
    complete: bool
    """Whether it must diagnose every window, each once; otherwise it runs for a while."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a run did, by the broker's clock."""

    name: str
    diagnoses: int
    seconds: float
    """From the first diagnoses that the broker wrote to the last."""
    rate: float
    """Windows a second in that time; start-up is no part of it."""


class Bench:
    """A cluster with a topic of windows, which every run reads from its beginning."""

    def __init__(self, servers: str, partitions: int) -> None:
        self._servers = servers
        self._partitions = partitions
        self._admin = AdminClient({"bootstrap.servers": servers, "log_level": 0})
        self._prefix = f"bench-{uuid4().hex[:8]}"
        self._topics: list[str] = []
        self._windows = self._new_topic("windows")
        self._dead_letters = self._new_topic("dead-letters")

    def preload(self, windows: int) -> None:
        """Fill the topic with synthetic windows of 16 sensors.

        Raises:
            BenchError: Some were not delivered.
        """
        arguments = (
            *(
                "-P",
                "-m",
                "bearing_stream",
                "simulate",
                "--source",
                "synthetic",
                "--loop",
                "--speed",
                "max",
            ),
            *("--limit", str(windows), "--windows-topic", self._windows),
            *("--bootstrap-servers", self._servers),
        )
        done = subprocess.run(
            [sys.executable, *arguments], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise BenchError(f"the simulator ended with {done.returncode}: {done.stderr}")

    def run(self, contestant: Contestant, windows: int, limit: float) -> Result:
        """Let a contestant diagnose `windows`, or as many as it can in `limit` seconds.

        Raises:
            BenchError: It ended by itself, was not done in time, or lost or repeated a window.
        """
        group = f"{self._prefix}-{uuid4().hex[:8]}"
        topic = self._new_topic(f"diagnoses-{uuid4().hex[:8]}")
        options: tuple[str, ...] = (
            *("--bootstrap-servers", self._servers, "--group", group),
            *("--windows-topic", self._windows, "--diagnoses-topic", topic),
        )
        if contestant.complete:
            options += ("--dead-letters-topic", self._dead_letters)
        with tempfile.TemporaryFile("w+") as log:
            process = subprocess.Popen(
                [sys.executable, *contestant.arguments, *options],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            try:
                self._await_end(process, log, group, windows, limit)
            finally:
                _stop(process)
        return self._result(contestant, topic, windows)

    def close(self) -> None:
        """Delete the topics."""
        for done in self._admin.delete_topics(self._topics).values():
            done.result()

    def _new_topic(self, name: str) -> str:
        topic = f"{self._prefix}-{name}"
        # The broker's clock stamps what it writes: the same for all, and none of theirs.
        config = {"message.timestamp.type": "LogAppendTime"}
        new = NewTopic(topic, self._partitions, config=config)
        self._admin.create_topics([new])[topic].result()
        self._topics.append(topic)
        return topic

    def _consumer(self, group: str) -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self._servers,
                "group.id": group,
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "log_level": 0,
            }
        )

    def _await_end(
        self, process: subprocess.Popen[bytes], log: IO[str], group: str, windows: int, limit: float
    ) -> None:
        """Wait until the group has committed every window, or `limit` seconds after it began to."""
        looker = self._consumer(group)
        deadline = time.monotonic() + START_LIMIT
        began = False
        while time.monotonic() < deadline:
            if process.poll() is not None:
                log.seek(0)
                raise BenchError(f"it ended with {process.returncode}:\n{log.read()}")
            parts = looker.committed(self._parts(self._windows))
            committed = sum(max(part.offset, 0) for part in parts)
            if committed and not began:
                began, deadline = True, time.monotonic() + limit
            if committed >= windows:
                break
            time.sleep(LOOK_PAUSE)
        looker.close()
        if not began:
            raise BenchError(f"nothing was committed within {START_LIMIT:g} s")

    def _parts(self, topic: str) -> list[TopicPartition]:
        return [
            TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(self._partitions)
        ]

    def _result(self, contestant: Contestant, topic: str, windows: int) -> Result:
        written, distinct = self._read(topic)
        count = written.total()
        if contestant.complete and not count == distinct == windows:
            raise BenchError(
                f"{contestant.name}: of {windows} windows came {count} diagnoses, {distinct} "
                "distinct, in the time given"
            )
        first, last = min(written), max(written)
        seconds = (last - first) / 1000
        if not seconds:
            raise BenchError("too few windows for a figure: all came at once")
        # Work on what came first was done before the clock began.
        return Result(contestant.name, count, seconds, (count - written[first]) / seconds)

    def _read(self, topic: str) -> tuple[Counter[int], int]:
        """Committed messages by the broker's time in milliseconds, and how many ids they have."""
        reader = self._consumer(f"{self._prefix}-reader")
        reader.assign(self._parts(topic))
        written: Counter[int] = Counter()
        identities: set[object] = set()
        unfinished = self._partitions
        while unfinished:
            for message in reader.consume(1000, 1.0):
                error = message.error()
                if error is None:
                    kind, milliseconds = message.timestamp()
                    assert kind == TIMESTAMP_LOG_APPEND_TIME
                    written[milliseconds] += 1
                    identities.add(dict(message.headers() or ()).get("ce_id"))
                elif error.code() == KafkaError._PARTITION_EOF:
                    unfinished -= 1
                else:
                    raise KafkaException(error)
        reader.close()
        return written, len(identities)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
