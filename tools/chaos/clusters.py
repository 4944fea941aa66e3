"""The Kafka clusters to be broken, and whether the disk holds what is to come."""

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
    # A topic that vanishes is to stay away until somebody makes it anew.
    "auto.create.topics.enable": "false",
    # So that a consumer can be taken for dead after three seconds, in place of six at least.
    "group.min.session.timeout.ms": "1000",
    "group.consumer.min.session.timeout.ms": "1000",
    "group.consumer.session.timeout.ms": "3000",
    "group.consumer.min.heartbeat.interval.ms": "500",
    "group.consumer.heartbeat.interval.ms": "1000",
    # Looked at every second and not every ten: transactions that time out, segments to delete.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    "log.retention.check.interval.ms": "1000",
    "log.initial.task.delay.ms": "1000",
    "log.segment.delete.delay.ms": "1000",
}
"""What differs from Kafka's defaults, beside what any local Kafka has: all of it only hastens."""

SMALL_DISK: Final = "768m"

START_TIMEOUT: Final = 300.0
"""Seconds for brokers to answer, at first and each time that they come back: they take a few, and
minutes on a machine that does much else."""


class Site(Enum):
    """Where a fault is injected."""

    ONE = "one broker"
    THREE = "three brokers, replication 3, min.insync.replicas 2"
    SMALL_DISK = "one broker on a small disk of its own"


@contextmanager
def cluster(site: Site) -> Iterator[LocalKafka]:
    """A local Kafka, up and answering.

    Raises:
        ChaosError: A disk of its own cannot be had here.
        LocalKafkaError: It does not come up.
    """
    with ExitStack() as stack:
        data = stack.enter_context(_small_disk()) / "kafka" if site is Site.SMALL_DISK else None
        brokers = 3 if site is Site.THREE else 1
        kafka = LocalKafka(brokers, PROPERTIES, data=data, heap="512m", start_timeout=START_TIMEOUT)
        yield stack.enter_context(kafka)


def free_gigabytes() -> float:
    """What is left where a local Kafka keeps its data, in 10⁹ bytes."""
    disk = os.statvfs(tempfile.gettempdir())
    return disk.f_bavail * disk.f_frsize / 1e9


@contextmanager
def _small_disk() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="chaos-disk-", ignore_cleanup_errors=True) as folder:
        command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "chaos", folder]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise ChaosError(
                "not run: there is no `mount` here to make a small disk with"
            ) from None
        if done.returncode:
            raise ChaosError(f"not run: a small disk takes root: {done.stderr.strip()}")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)
