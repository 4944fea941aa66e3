"""What metrics cost a consumer: processor time and throughput with and without them, in turn."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple
from urllib.request import urlopen

import psutil
from rich.console import Console
from rich.progress import track

from bearing_stream.kafka import TopicSettings
from bearing_stream.local_kafka import LocalKafka
from consumer.events import METRICS_SERVED
from tools.bench.backlog import BacklogFeed, GroupProgress, Shape
from tools.bench.bounds_memory import topics_of
from tools.bench.errors import BenchError
from tools.chaos.member import Member, consumer_arguments

SCRAPE_INTERVAL: Final = 5.0
"""Seconds between two scrapes: a third of the interval in the chart."""

PARTITIONS: Final = 4

SETTLED: Final = 0.15
"""Share of the backlog after which the measurement begins: the first batches are small."""

END: Final = 0.9
"""Share of the backlog up to which it lasts."""

LIMIT: Final = 120.0
"""Seconds that one run may take."""

WAYS: Final[Mapping[str, Sequence[str]]] = {
    "off": (),
    "scraped": ("--metrics-port=0",),
    "pushed": ("--otlp",),
}
"""How the metrics leave the consumer → its options."""


class Run(NamedTuple):
    """One consumer with a backlog."""

    windows_s: float
    processor_us: float
    """Of the consumer's process, a window."""


def measure(repeats: int, windows: int, folder: Path) -> dict[str, Any]:
    """Diagnose the same backlog each way, one after the other, repeatedly.

    Args:
        repeats: Of each way.
        windows: In the backlog.
        folder: For logs.

    Returns:
        By way, medians of the windows a second and of the processor time of a window; and, of the
        ways with metrics, both as multiples of the run without them in the same repeat.

    Raises:
        BenchError: A consumer ended, or took longer than `LIMIT`.
    """
    runs: dict[str, list[Run]] = {way: [] for way in WAYS}
    with LocalKafka() as kafka, _collector() as collector:
        topics = topics_of(kafka.bootstrap_servers, Shape(windows, windows, PARTITIONS))
        feed = BacklogFeed(
            kafka.bootstrap_servers,
            topics.windows_topic,
            "feed",
            Shape(windows, windows, PARTITIONS),
        )
        feed.start()
        feed.await_backlog()
        feed.stop()
        for repeat in track(range(repeats), "measuring", console=Console(stderr=True)):
            # In turn from another one each time, so that none always follows the same.
            ways = [*WAYS][repeat % len(WAYS) :] + [*WAYS][: repeat % len(WAYS)]
            for way in ways:
                group = f"{way}-{repeat}"
                runs[way].append(_run(topics, group, windows, WAYS[way], collector, folder))
    return {
        "repeats": repeats,
        "windows": windows,
        **{way: _medians(found) for way, found in runs.items()},
        **{f"{way}/off": _ratios(runs[way], runs["off"]) for way in WAYS if way != "off"},
    }


def _run(
    topics: TopicSettings,
    group: str,
    windows: int,
    options: Sequence[str],
    collector: str,
    folder: Path,
) -> Run:
    arguments = [*consumer_arguments(topics, group), *options]
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector}
    log = folder / f"{group}.log"
    consumer = Member("bearing_stream", arguments, log, environment)
    progress = GroupProgress(topics.bootstrap_servers, group)
    try:
        with _scraped(consumer, "--metrics-port=0" in options):
            began = _await(consumer, progress, round(windows * SETTLED))
            ended = _await(consumer, progress, round(windows * END))
        consumer.stop()
    finally:
        consumer.kill()
    taken = ended.windows - began.windows
    return Run(taken / (ended.at - began.at), (ended.processor - began.processor) / taken * 1e6)


class _Reading(NamedTuple):
    windows: int
    at: float
    processor: float


def _await(consumer: Member, progress: GroupProgress, windows: int) -> _Reading:
    """Wait until so many windows are committed."""
    process, deadline = psutil.Process(consumer.pid), time.monotonic() + LIMIT
    while (committed := progress.committed()) < windows:
        if not consumer.running or time.monotonic() > deadline:
            raise BenchError(f"{committed:,} windows, status {consumer.status}: {consumer.log}")
        time.sleep(0.02)
    used = process.cpu_times()
    return _Reading(committed, time.monotonic(), used.user + used.system)


@contextmanager
def _scraped(consumer: Member, scraped: bool) -> Iterator[None]:
    """Scrape a consumer from time to time while the block lasts, if that is asked for."""
    if not scraped:
        yield
        return
    consumer.await_event(METRICS_SERVED)
    address = consumer.events(METRICS_SERVED)[0]["address"]
    ended = threading.Event()

    def scrape() -> None:
        while not ended.wait(SCRAPE_INTERVAL):
            with urlopen(f"{address}/metrics", timeout=10) as response:
                response.read()

    thread = threading.Thread(target=scrape, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def _collector() -> Iterator[str]:
    """Run a collector of OpenTelemetry that keeps nothing; return its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log no requests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _medians(runs: Sequence[Run]) -> dict[str, float]:
    return {
        "windows_s": round(median(run.windows_s for run in runs)),
        "processor_us": round(median(run.processor_us for run in runs), 1),
    }


def _ratios(runs: Sequence[Run], without: Sequence[Run]) -> dict[str, float]:
    processor = [a.processor_us / b.processor_us for a, b in zip(runs, without, strict=True)]
    speed = [a.windows_s / b.windows_s for a, b in zip(runs, without, strict=True)]
    return {
        "processor": round(median(processor), 3),
        "processor_lowest": round(min(processor), 3),
        "processor_highest": round(max(processor), 3),
        "windows_s": round(median(speed), 3),
        "windows_s_lowest": round(min(speed), 3),
        "windows_s_highest": round(max(speed), 3),
    }
