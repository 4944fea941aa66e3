"""The Kafka clusters of the trials, and the disk space that they need."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import Enum
from pathlib import Path
from typing import Final

from bearing_stream.local_kafka import LocalKafka
from tools.chaos.errors import ChaosError

PROPERTIES: Final = {
    # A deleted topic must stay deleted until the trial creates it again.
    "auto.create.topics.enable": "false",
    # So that a consumer is considered dead after three seconds; the minimum is six by default.
    "group.min.session.timeout.ms": "1000",
    "group.consumer.min.session.timeout.ms": "1000",
    "group.consumer.session.timeout.ms": "3000",
    "group.consumer.min.heartbeat.interval.ms": "500",
    "group.consumer.heartbeat.interval.ms": "1000",
    # Check for timed-out transactions and for segments to delete every second, not every ten.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    "log.retention.check.interval.ms": "1000",
    "log.initial.task.delay.ms": "1000",
    "log.segment.delete.delay.ms": "1000",
    # Check which logs to compact every second, not every 15.
    "log.cleaner.backoff.ms": "1000",
}
"""Broker properties in addition to those of any local Kafka. Nearly all only shorten intervals."""

SMALL_DISK: Final = "768m"

START_TIMEOUT: Final = 300.0
"""Seconds for brokers to respond, at first and after each restart: they take a few, and minutes on
a busy machine."""


class Site(Enum):
    """Where a fault is injected."""

    ONE = "one broker"
    THREE = "three brokers, replication 3, min.insync.replicas 2"
    SMALL_DISK = "one broker on a small disk of its own"


@contextmanager
def cluster(site: Site) -> Iterator[LocalKafka]:
    """Start a local Kafka, and wait until it responds.

    Raises:
        ChaosError: A small disk cannot be mounted here.
        LocalKafkaError: It does not start.
    """
    with ExitStack() as stack:
        data = stack.enter_context(_small_disk()) / "kafka" if site is Site.SMALL_DISK else None
        brokers = 3 if site is Site.THREE else 1
        kafka = LocalKafka(
            brokers,
            PROPERTIES,
            data=data,
            heap="512m",
            start_timeout=START_TIMEOUT,
            relayed=True,
        )
        yield stack.enter_context(kafka)


def free_gigabytes() -> float:
    """Return the free disk space where a local Kafka keeps its data, in 10⁹ bytes."""
    disk = os.statvfs(tempfile.gettempdir())
    return disk.f_bavail * disk.f_frsize / 1e9


@contextmanager
def _small_disk() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="chaos-disk-", ignore_cleanup_errors=True) as folder:
        command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "chaos", folder]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise ChaosError("not run: `mount`, for a small disk, is missing here") from None
        if done.returncode:
            raise ChaosError(f"not run: mounting a small disk requires root: {done.stderr.strip()}")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)
