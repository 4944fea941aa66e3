"""New topics for each integration test, deleted afterwards."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.brokers import Broker
from tests.consumer.manager import Manager
from tests.kafka_tools import Topics, delete_topics, new_topics


@pytest.fixture
def topics(broker: Broker) -> Iterator[Topics]:
    """Windows, diagnoses and dead letters, of four partitions each."""
    created = new_topics(broker.bootstrap_servers)
    yield created
    delete_topics(created)


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    """The one that processes report to, also those that a test starts."""
    made = Manager(tmp_path)
    monkeypatch.setenv("NOTIFY_SOCKET", made.address)
    yield made
    made.close()
