"""Kafka clusters that these tests may break: each file starts its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bearing_stream.local_kafka import LocalKafka
from tests.tools.chaos.forked import forked_members
from tools.chaos.clusters import Site, cluster


@pytest.fixture(scope="module")
def forked() -> Iterator[None]:
    """Consumers are forked, and so start at once."""
    with forked_members():
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For the logs of consumers and brokers."""
    return tmp_path_factory.mktemp("chaos")


@pytest.fixture(scope="module")
def kafka() -> Iterator[LocalKafka]:
    """One broker."""
    with cluster(Site.ONE) as made:
        yield made
