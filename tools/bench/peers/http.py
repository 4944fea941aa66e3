"""One measurement of an HTTP service: requests of many records, one after the other."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np

from bearing_stream.commands.capacity.processor import OthersWatch, peak_memory, usage
from bearing_stream.vocabulary import WINDOW_LENGTH
from tools.bench.http_ways import HttpWay
from tools.bench.peers.throughput import Throughput
from tools.bench.processes import listening_port, running

RECORDS: Final = 200
"""A request, the most in the table that was published with the network."""

REQUESTS: Final = 15

SERVICES: Final = {
    "HTTP, original service, JSON": ("-m", "tools.bench.http_original"),
    "HTTP, serve, JSON": ("-P", "-m", "bearing_stream", "serve", "--port", "0"),
    "HTTP, serve, binary": ("-P", "-m", "bearing_stream", "serve", "--port", "0"),
}
"""Row → command line of Python."""


def measure(name: str) -> Throughput:
    """Start a service, send requests of `RECORDS` records, and stop it.

    Raises:
        BenchError: It ended, or a response does not hold a diagnosis for each record.
    """
    windows = np.random.default_rng(0).normal(scale=0.1, size=(RECORDS, WINDOW_LENGTH))
    at = time.monotonic()
    with _service(name) as (way, pid):
        way(windows[:1])
        start = time.monotonic() - at
        way(windows)
        others, before = OthersWatch(), usage(pid)
        delivery = sum(way(windows).delivery for _ in range(REQUESTS)) / 1000
        after, sent = usage(pid), RECORDS * REQUESTS
        assert before is not None
        assert after is not None
        return Throughput(
            windows_per_second=sent / delivery,
            own_microseconds=1e6 * (after.seconds - before.seconds) / sent,
            broker_microseconds=None,
            memory=peak_memory(pid),
            start_seconds=start,
            diagnoses=sent,
            others_cores=others.cores(),
        )


@contextmanager
def _service(name: str) -> Iterator[tuple[HttpWay, int]]:
    with running(*SERVICES[name]) as process:
        yield HttpWay(listening_port(process), binary=name.endswith("binary")), process.pid
