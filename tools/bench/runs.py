"""One run: start a process, let it diagnose windows, stop it, and count its diagnoses in Kafka."""

import subprocess
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

from bearing_stream.commands.verify import VerifySettings, verify
from bearing_stream.config import load
from bearing_stream.program import PROGRAM
from tools.bench.errors import BenchError
from tools.bench.processes import running

POLL_INTERVAL: Final = 0.25
"""Seconds between two polls of the committed offsets: too rare to slow the run down."""

START_LIMIT: Final = 60.0
"""Seconds that a process may take until its first commit."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A program that turns windows into diagnoses."""

    name: str
    arguments: tuple[str, ...]
    """Of Python, without the options for topics, group and servers."""
    complete: bool
    """Whether it must diagnose every window exactly once; otherwise it runs for a fixed time."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a run, by the clock of the broker."""

    name: str
    diagnoses: int
    seconds: float
    """From the first diagnosis that the broker wrote to the last."""
    rate: float
    """Windows a second in that time, which does not include the start."""


class Bench:
    """A cluster with a windows topic, which every run reads from its beginning."""

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
            *(*PROGRAM, "simulate", "--source", "synthetic", "--loop", "--speed", "max"),
            *("--limit", str(windows), "--windows-topic", self._windows),
            *("--bootstrap-servers", self._servers),
        )
        done = subprocess.run(arguments, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchError(f"the simulator ended with {done.returncode}: {done.stderr}")

    def run(self, contestant: Contestant, windows: int, limit: float) -> Result:
        """Let a contestant diagnose `windows`, or as many as it can in `limit` seconds.

        Raises:
            BenchError: It ended by itself, did not finish in time, or lost or duplicated a window.
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
            arguments = (*contestant.arguments, *options)
            with running(*arguments, stdout=log, stderr=subprocess.STDOUT) as process:
                self._await_end(process, log, group, windows, limit)
        if contestant.complete:
            self._verify(contestant, topic, windows)
        return self._result(contestant, topic)

    def close(self) -> None:
        """Delete the topics."""
        for done in self._admin.delete_topics(self._topics).values():
            done.result()

    def _new_topic(self, name: str) -> str:
        topic = f"{self._prefix}-{name}"
        # Timestamps are from the clock of the broker, the same for all contestants.
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
        self, process: subprocess.Popen[str], log: IO[str], group: str, windows: int, limit: float
    ) -> None:
        """Wait until the group has committed every window, or `limit` s after its first commit."""
        observer = self._consumer(group)
        deadline = time.monotonic() + START_LIMIT
        started = False
        while time.monotonic() < deadline:
            if process.poll() is not None:
                log.seek(0)
                raise BenchError(f"it ended with {process.returncode}:\n{log.read()}")
            parts = observer.committed(self._parts(self._windows))
            committed = sum(max(part.offset, 0) for part in parts)
            if committed and not started:
                started, deadline = True, time.monotonic() + limit
            if committed >= windows:
                break
            time.sleep(POLL_INTERVAL)
        observer.close()
        if not started:
            raise BenchError(f"nothing was committed within {START_LIMIT:g} s")

    def _parts(self, topic: str) -> list[TopicPartition]:
        return [
            TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(self._partitions)
        ]

    def _verify(self, contestant: Contestant, topic: str, windows: int) -> None:
        given = {
            "bootstrap_servers": self._servers,
            "windows_topic": self._windows,
            "diagnoses_topic": topic,
            "dead_letters_topic": self._dead_letters,
            "settle": 0.0,
        }
        report = verify(load(VerifySettings, given))
        if report.wrong or not report.windows == report.diagnosed == windows:
            raise BenchError(
                f"{contestant.name}: of {windows} windows {report.diagnosed} were diagnosed in "
                f"time; violations: {report.wrong or 'none'}"
            )

    def _result(self, contestant: Contestant, topic: str) -> Result:
        written = self._read(topic)
        count = written.total()
        first, last = min(written), max(written)
        seconds = (last - first) / 1000
        if not seconds:
            raise BenchError("too few windows for a figure: all diagnoses have the same timestamp")
        # The first diagnoses were computed before the measured time.
        return Result(contestant.name, count, seconds, (count - written[first]) / seconds)

    def _read(self, topic: str) -> Counter[int]:
        """Return the number of committed messages by the timestamp of the broker in ms."""
        reader = self._consumer(f"{self._prefix}-reader")
        reader.assign(self._parts(topic))
        written: Counter[int] = Counter()
        unfinished = self._partitions
        while unfinished:
            for message in reader.consume(1000, 1.0):
                error = message.error()
                if error is None:
                    kind, milliseconds = message.timestamp()
                    assert kind == TIMESTAMP_LOG_APPEND_TIME
                    written[milliseconds] += 1
                elif error.code() == KafkaError._PARTITION_EOF:
                    unfinished -= 1
                else:
                    raise KafkaException(error)
        reader.close()
        return written
