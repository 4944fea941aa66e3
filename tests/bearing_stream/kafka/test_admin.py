"""The client for metadata changes nothing by asking."""

import uuid

import pytest

from bearing_stream.kafka import admin_client
from tests.brokers import Broker


@pytest.mark.integration
def test_a_question_about_a_topic_does_not_create_it(broker: Broker) -> None:
    admin = admin_client({"bootstrap.servers": broker.bootstrap_servers})
    name = f"deleted-{uuid.uuid4()}"
    for _ in range(2):
        found = admin.list_topics(name, 10).topics[name]
        assert not found.partitions
    assert name not in admin.list_topics(timeout=10).topics
