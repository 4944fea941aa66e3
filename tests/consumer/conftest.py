"""New topics for each integration test, deleted afterwards."""

from collections.abc import Iterator

import pytest

from tests.brokers import Broker
from tests.kafka_tools import Topics, delete_topics, new_topics


@pytest.fixture
def topics(broker: Broker) -> Iterator[Topics]:
    """Windows, diagnoses and dead letters, of four partitions each."""
    created = new_topics(broker.bootstrap_servers)
    yield created
    delete_topics(created)
