"""Write the lock file: `python -m bearing_stream.local_kafka.lock 4.4.0` changes to 4.4.0."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click
from jgo.env import LockFile
from jgo.maven import MavenContext
from jgo.parse import Coordinate

from bearing_stream.local_kafka.jars import LOCK

LOGGER: Final = "org.slf4j:slf4j-simple:1.7.36"
"""Kafka logs through slf4j 1.7 without a backend: without this one its log is empty."""


@click.command()
@click.argument("kafka_version")
def lock(kafka_version: str) -> None:
    """Resolve Apache Kafka KAFKA_VERSION and pin each of its jars by SHA-256."""
    roots = [f"org.apache.kafka:kafka_2.13:{kafka_version}", LOGGER]
    # The repository is empty, so that every pinned jar comes from Maven Central, not from a cache.
    with TemporaryDirectory() as repository:
        context = MavenContext(repo_cache=Path(repository))
        wanted = [
            context.create_dependency(replace(Coordinate.parse(root), scope="compile"))
            for root in roots
        ]
        direct, transitive = context.resolver.resolve(wanted)
        running = [jar for jar in transitive if jar.scope in ("compile", "runtime")]
        LockFile.from_resolved_dependencies(
            [*direct, *running], environment_name="local-kafka"
        ).save(LOCK)
    click.echo(f"{LOCK.name}: {len(direct) + len(running)} jars")


if __name__ == "__main__":
    lock()
