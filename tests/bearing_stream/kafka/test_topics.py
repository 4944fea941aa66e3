"""Waiting for the topics of a real cluster, and creating them."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient

from bearing_stream.kafka import FatalKafkaError, create_topics, wait_for_topics
from bearing_stream.kafka.connection import Properties

pytestmark = pytest.mark.integration


@pytest.fixture
def cluster(broker: Any) -> Properties:
    """A real cluster."""
    return {"bootstrap.servers": broker.bootstrap_servers}


def test_it_waits_for_a_missing_topic(cluster: Properties) -> None:
    topic = f"late-{uuid.uuid4()}"
    reported: list[str] = []
    missed = threading.Event()

    def waiting(reason: str) -> None:
        reported.append(reason)
        missed.set()

    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(wait_for_topics, cluster, [topic], 60.0, waiting)
        assert missed.wait(30)
        create_topics(cluster, {topic: 1})
        found.result(timeout=30)
    assert len(reported) == 1
    assert "or start the consumer with --create-topics" in reported[0]
    assert f"no topic '{topic}'" in reported[0]


def test_a_topic_that_stays_missing_is_one_line(cluster: Properties) -> None:
    topic = f"never-{uuid.uuid4()}"
    with pytest.raises(FatalKafkaError, match=f"has no topic '{topic}'.*waited 0 s"):
        wait_for_topics(cluster, [topic], 0, print)


def test_what_to_do_about_a_missing_topic_is_reported_at_once_and_at_the_end(
    cluster: Properties,
) -> None:
    topic = f"never-{uuid.uuid4()}"
    reported: list[str] = []
    with pytest.raises(FatalKafkaError) as caught:
        wait_for_topics(cluster, [topic], 0.5, reported.append, otherwise="add --create-topics")
    assert len(reported) == 1
    assert "or add --create-topics" in reported[0]
    assert f"has no topic '{topic}': create it" in str(caught.value)
    assert str(caught.value).endswith("or add --create-topics (waited 0.5 s)")


def test_creating_topics_twice_leaves_them_as_they_are(cluster: Properties) -> None:
    old, new = f"old-{uuid.uuid4()}", f"new-{uuid.uuid4()}"
    create_topics(cluster, {old: 3}, topic_properties={"retention.ms": "3600000"})
    create_topics(cluster, {old: 5, new: 1})
    wait_for_topics(cluster, [old, new], 30.0, lambda _: None)
    topics = AdminClient(cluster).list_topics(timeout=10).topics
    assert (len(topics[old].partitions), len(topics[new].partitions)) == (3, 1)


def test_an_invalid_topic_is_one_line(cluster: Properties) -> None:
    with pytest.raises(FatalKafkaError, match="cannot create topic 'not a name'"):
        create_topics(cluster, {"not a name": 1})
