"""The ways to send the windows of a request and to receive their diagnoses."""

import http.client
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
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
from tools.bench.errors import BenchError
from tools.bench.processes import listening_port, running

PATH: Final = "/batch_predict/"

TIMEOUT: Final = 60.0
"""Seconds that each step may take."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The duration of one request, in milliseconds.

    `execution` is what the server reports; None for Kafka, where windows have separate results.
    """

    delivery: float
    execution: float | None


Way = Callable[[NDArray[np.float64]], Timing]
"""Sends windows (n, 2048) and waits for all their diagnoses."""


class HttpWay:
    """Posts windows over an open connection.

    Delivery is from the first byte of the request to the last of the response. The body is encoded
    before: that time does not depend on the server.
    """

    def __init__(self, port: int, binary: bool) -> None:
        """Post to a server on this machine."""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
        self._binary = binary

    def __call__(self, windows: NDArray[np.float64]) -> Timing:
        """Send and wait.

        Raises:
            BenchError: The response is not a diagnosis for each window.
        """
        body, kind = self._body(windows)
        # A server closes a connection that was idle for some seconds, as during the other ways.
        self._connection.close()
        self._connection.connect()
        started = time.monotonic()
        self._connection.request("POST", PATH, body, {"Content-Type": kind})
        response = self._connection.getresponse()
        content = response.read()
        delivery = 1000 * (time.monotonic() - started)
        if response.status != 200:
            raise BenchError(f"status {response.status}: {content[:300]!r}")
        diagnosed = json.loads(content)
        if len(diagnosed["Analysis"]) != len(windows):
            raise BenchError(f"{len(diagnosed['Analysis'])} of {len(windows)} windows diagnosed")
        return Timing(delivery, diagnosed["Execution Time"])

    def _body(self, windows: NDArray[np.float64]) -> tuple[bytes, str]:
        if self._binary:
            return windows.astype("<f4").tobytes(), "application/octet-stream"
        records = [{"record": window} for window in windows.tolist()]
        return json.dumps(records).encode(), "application/json"


class KafkaWay:
    """Produces windows and reads their committed diagnoses, as a subscriber does."""

    def __init__(self, servers: str, windows_topic: str, diagnoses_topic: str) -> None:
        """Subscribe to the diagnoses."""
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
            if time.monotonic() - started > TIMEOUT:
                raise BenchError(f"{missing} of {len(made)} windows not diagnosed in time")
            message_in = self._subscriber.poll(1.0)
            if message_in is not None and not message_in.error():
                missing -= 1
        delivery = 1000 * (time.monotonic() - started)
        self._producer.flush(TIMEOUT)
        return Timing(delivery, None)

    def close(self) -> None:
        """Close the clients."""
        self._subscriber.close()
        # The producer ends with its last reference, and would log errors if Kafka ended before.
        del self._producer


@contextmanager
def server(*arguments: str) -> Iterator[int]:
    """Run an HTTP server as a process; yield its port.

    Raises:
        BenchError: The process ended before it listened.
    """
    with running(*arguments) as process:
        yield listening_port(process)


@contextmanager
def kafka_way(servers: str) -> Iterator[KafkaWay]:
    """Run a consumer on new topics, which are deleted afterwards."""
    run = uuid4().hex[:8]
    topics = [f"bench-{run}-{name}" for name in ("windows", "diagnoses", "dead-letters")]
    admin = AdminClient({"bootstrap.servers": servers, "log_level": 0})
    for created in admin.create_topics([NewTopic(topic, 4, 1) for topic in topics]).values():
        created.result(TIMEOUT)
    options = ("windows-topic", "diagnoses-topic", "dead-letters-topic")
    named = [
        part for pair in zip((f"--{o}" for o in options), topics, strict=True) for part in pair
    ]
    consume = (*PROGRAM[1:], "consume", "--bootstrap-servers", servers, "--group", run, *named)
    try:
        with (
            running(*consume, stderr=subprocess.DEVNULL),
            closing(KafkaWay(servers, topics[0], topics[1])) as way,
        ):
            yield way
    finally:
        for deleted in admin.delete_topics(topics).values():
            deleted.result(TIMEOUT)
