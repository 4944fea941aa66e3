"""The ways by which a request's windows are sent and its diagnoses come back."""

import http.client
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import numpy as np
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from numpy.typing import NDArray

from bearing_stream.program import PROGRAM
from bearing_stream.wire import Window, encode_window
from tools.bench.runs import BenchError

PATH: Final = "/batch_predict/"

PATIENCE: Final = 60.0
"""Seconds that anything may take before it is given up."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Of one request, in milliseconds.

    `execution` is what the server says itself; None over Kafka, where windows are not answered
    together.
    """

    delivery: float
    execution: float | None


Way = Callable[[NDArray[np.float64]], Timing]
"""Sends windows (n, 2048) and waits for all of their diagnoses."""


class HttpWay:
    """Posts windows over a connection that is open.

    Delivery is from the first byte of the request to the last of the answer. The body is made
    before: how long the client takes over it is not the server's doing.
    """

    def __init__(self, port: int, binary: bool) -> None:
        """Post to a server on this machine."""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self._binary = binary

    def __call__(self, windows: NDArray[np.float64]) -> Timing:
        """Send and wait.

        Raises:
            BenchError: The answer is not a diagnosis for each window.
        """
        body, kind = self._body(windows)
        # A server closes what was idle for some seconds, as while another way had its turn.
        self._connection.close()
        self._connection.connect()
        started = time.monotonic()
        self._connection.request("POST", PATH, body, {"Content-Type": kind})
        response = self._connection.getresponse()
        content = response.read()
        delivery = 1000 * (time.monotonic() - started)
        if response.status != 200:
            raise BenchError(f"answered {response.status}: {content[:300]!r}")
        answer = json.loads(content)
        if len(answer["Analysis"]) != len(windows):
            raise BenchError(f"{len(answer['Analysis'])} of {len(windows)} windows diagnosed")
        return Timing(delivery, answer["Execution Time"])

    def _body(self, windows: NDArray[np.float64]) -> tuple[bytes, str]:
        if self._binary:
            return windows.astype("<f4").tobytes(), "application/octet-stream"
        records = [{"record": window} for window in windows.tolist()]
        return json.dumps(records).encode(), "application/json"


class KafkaWay:
    """Produces windows and reads their diagnoses as a subscriber does, committed ones only."""

    def __init__(self, servers: str, windows_topic: str, diagnoses_topic: str) -> None:
        """Join as a subscriber."""
        self._producer = Producer({"bootstrap.servers": servers, "linger.ms": 1})
        self._topic = windows_topic
        self._subscriber = Consumer(
            {
                "bootstrap.servers": servers,
                "group.id": f"bench-{uuid4()}",
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
            }
        )
        self._subscriber.subscribe([diagnoses_topic])

    def __call__(self, windows: NDArray[np.float64]) -> Timing:
        """Send and wait.

        Raises:
            BenchError: Not every window was diagnosed in time.
        """
        run, now = uuid4().hex, datetime.now(UTC)
        made = [
            encode_window(Window("/bench", f"{run}/{index}", f"sensor-{index % 16}", now, window))
            for index, window in enumerate(windows.astype(np.float32))
        ]
        started = time.monotonic()
        for message in made:
            headers: Any = message.headers
            self._producer.produce(self._topic, message.value, message.key, headers=headers)
            self._producer.poll(0)
        missing = len(made)
        while missing:
            if time.monotonic() - started > PATIENCE:
                raise BenchError(f"{missing} of {len(made)} windows not diagnosed in time")
            message_in = self._subscriber.poll(1.0)
            if message_in is not None and not message_in.error():
                missing -= 1
        delivery = 1000 * (time.monotonic() - started)
        self._producer.flush(PATIENCE)
        return Timing(delivery, None)

    def close(self) -> None:
        """Leave."""
        self._subscriber.close()
        # The client goes with its last reference, and would complain when Kafka has gone before.
        del self._producer


@contextmanager
def server(*arguments: str) -> Iterator[int]:
    """Run an HTTP server as a process of its own; yields the port that it says it listens at.

    Raises:
        BenchError: It ends before it listens.
    """
    process = subprocess.Popen([sys.executable, *arguments], stderr=subprocess.PIPE, text=True)
    try:
        yield _port(process)
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


@contextmanager
def kafka_way(servers: str) -> Iterator[KafkaWay]:
    """Run a consumer on topics of its own, which are deleted afterwards."""
    run = uuid4().hex[:8]
    topics = [f"bench-{run}-{name}" for name in ("windows", "diagnoses", "dead-letters")]
    admin = AdminClient({"bootstrap.servers": servers, "log_level": 0})
    for created in admin.create_topics([NewTopic(topic, 4, 1) for topic in topics]).values():
        created.result(PATIENCE)
    options = ("windows-topic", "diagnoses-topic", "dead-letters-topic")
    named = [
        part for pair in zip((f"--{o}" for o in options), topics, strict=True) for part in pair
    ]
    process = subprocess.Popen(
        [*PROGRAM, "consume", "--bootstrap-servers", servers, "--group", run, *named],
        stderr=subprocess.DEVNULL,
    )
    way = KafkaWay(servers, topics[0], topics[1])
    try:
        yield way
    finally:
        way.close()
        process.terminate()
        process.wait(PATIENCE)
        for deleted in admin.delete_topics(topics).values():
            deleted.result(PATIENCE)


def _port(process: subprocess.Popen[str]) -> int:
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
            return int(found[1])
        said.append(line)
    raise BenchError(f"the server ended before it listened: {''.join(said)}")
